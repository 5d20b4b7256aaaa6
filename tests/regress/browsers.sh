#!/bin/sh
# SPDX-License-Identifier: ISC
# Firefox and Chromium, headless, set up by `smime setup`: they show a token's certificates to servers that want
# one, with an RSA key and with a P-256 key, and ask for no PIN; the agent is killed under Firefox, which goes on.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
command -v firefox-esr >/dev/null || plan_skip "Firefox is not installed"
. "$srcdir/tests/regress/pkcs11-lib.sh"
[ -z "$sanitizer" ] || plan_skip "Firefox and the sanitizers' runtime do not go together"
DEATHS_EXPECTED=yes # the agent is killed

make_authority() { # NAME
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" -subj "/CN=$1" -days 30 2>/dev/null
}
certify() { # AUTHORITY NAME EXTENSION...: of NAME.csr
	authority=$1
	name=$2
	shift 2
	printf '%s\n' "$@" >"$work/$name.ext" && openssl x509 -req -in "$work/$name.csr" -CA "$work/$authority.pem" \
		-CAkey "$work/$authority.key" -CAcreateserial -days 30 -extfile "$work/$name.ext" -out "$work/$name.pem" 2>/dev/null
}
make_client_key() { # LABEL TYPE: with a certificate of an authority of its own, for clients of TLS
	smime token keygen --token Demo --label "$1" --type "$2" --pin-fd 3 3<"$work/pin" &&
		smime token csr --token Demo --label "$1" --subject "/CN=person $1" --address "$1@example.org" --pin-fd 3 \
			3<"$work/pin" >"$work/$1.csr" &&
		make_authority "people-$1" && certify "people-$1" "$1" keyUsage=critical,digitalSignature extendedKeyUsage=clientAuth &&
		smime token import-cert --token Demo --pin-fd 3 "$work/$1.pem" 3<"$work/pin"
}
make_server_key() {
	make_authority servers && openssl req -newkey rsa:2048 -nodes -keyout "$work/server.key" -subj /CN=server \
		-out "$work/server.csr" 2>/dev/null && certify servers server subjectAltName=IP:127.0.0.1 extendedKeyUsage=serverAuth
}
# A server that shows with each page whom it takes the client for, and closes without one.
serve() { # NAME LABEL OPTION...
	server=$1
	label=$2
	shift 2
	openssl s_server -accept 127.0.0.1:0 -www -cert "$work/server.pem" -key "$work/server.key" -Verify 2 -verify_return_error \
		-CAfile "$work/people-$label.pem" "$@" >"$work/$server.log" 2>&1 &
	servers="$servers $!"
	wait_for grep -q '^ACCEPT 127' "$work/$server.log"
	pages="$pages $server=https://127.0.0.1:$(sed -n 's/^ACCEPT 127.0.0.1://p' "$work/$server.log")/"
}
make_profile() {
	profile=$HOME/.mozilla/firefox/abc.default
	mkdir -p "$profile" && printf '[Profile0]\nName=default\nIsRelative=1\nPath=abc.default\n' >"$HOME/.mozilla/firefox/profiles.ini" &&
		certutil -N -d "sql:$profile" --empty-password && certutil -A -d "sql:$profile" -n CA -t C,, -i "$work/servers.pem"
}
drives() { # PAGE...
	timeout 400 /usr/bin/python3 "$srcdir/tests/clients/firefox.py" --profile "$profile" "$@" >"$work/pages"
}
known() { # NAME LABEL
	grep "^$1: " "$work/pages" | grep -q "Subject: .*CN *= *person $2" || { cat "$work/pages" >&2; return 1; }
}
stop_servers() {
	kill $servers
	wait $servers
	cleanup
}
servers=
pages=
trap stop_servers EXIT

printf '#!/bin/sh\nkill -9 $(smime status | sed -n "s/^ *pid *//p")\n' >"$work/kill"
chmod +x "$work/kill"
write_conf "pin-source Demo file:$work/pin"
ok "initialise a token" make_token Demo
ok "make an RSA key with a certificate for TLS" make_client_key rsa rsa:2048
ok "and a P-256 key" make_client_key p256 ec:P-256
ok "a server's key" make_server_key
ok "a profile" make_profile
ok "a server that wants a certificate" serve before rsa -tls1_2
without_certificate() {
	! drives "$@" && grep -q 'did not return a certificate' "$work/before.log"
}
ok "without the module it is shown none, and does not answer" without_certificate $pages
ok "smime setup firefox" smime setup firefox --yes --module "$module"
pages=
ok "servers" eval 'serve rsa13 rsa -tls1_3 && serve rsa12 rsa -tls1_2 && serve p256 p256 -tls1_3'
ok "Firefox opens their pages; the agent is killed after the first" drives --between "$work/kill" $pages
ok "with the RSA key, in TLS 1.3" known rsa13 rsa
ok "in TLS 1.2" known rsa12 rsa
ok "with the P-256 key" known p256 p256
ok "nobody was asked for a PIN" eval 'grep -q "^windows: " "$work/pages" && ! grep -i "dialog\|prompt\|password" "$work/pages" >&2'
ok "each use is in the log, with the program" wait_for eval '[ "$(grep -c "firefox-esr.*sign (PKCS#11) with key.*: ok$" "$work/agent.log")" -ge 3 ]'

# ---- Chromium, where it is; with a policy of its own, which it finds nowhere but in /etc

prepare_chromium() {
	mkdir -p "$HOME/.pki/nssdb" && certutil -N -d "sql:$HOME/.pki/nssdb" --empty-password &&
		certutil -A -d "sql:$HOME/.pki/nssdb" -n CA -t C,, -i "$work/servers.pem" && smime setup chromium --yes --module "$module" &&
		echo '{"AutoSelectCertificateForUrls": ["{\"pattern\":\"https://127.0.0.1\",\"filter\":{}}"]}' >"$work/policy.json"
}
chromium_opens() { # NAME=URL...
	for page; do
		unshare -rm sh -c 'mount -t tmpfs none /etc/chromium && mkdir -p /etc/chromium/policies/managed &&
			cp "$1" /etc/chromium/policies/managed && exec timeout 200 chromium --headless --no-sandbox --disable-gpu \
			--user-data-dir="$2" --dump-dom "$3"' - "$work/policy.json" "$work/chromium" "${page#*=}" >"$work/page" &&
			echo "${page%%=*}: $(tr -d '\n' <"$work/page")" || return
	done >"$work/pages"
}
if ! command -v chromium >/dev/null; then
	skip "Chromium" "it is not installed"
elif ! unshare -rm mount -t tmpfs none /etc/chromium 2>/dev/null; then
	skip "Chromium" "this user may not mount in a namespace"
else
	ok "smime setup chromium" prepare_chromium
	ok "Chromium opens the pages" chromium_opens $pages
	ok "with the RSA key, in TLS 1.3" known rsa13 rsa
	ok "in TLS 1.2" known rsa12 rsa
	ok "with the P-256 key" known p256 p256
	ok "its uses are in the log" wait_for eval '[ "$(grep -c "chromium) sign (PKCS#11) with key.*: ok$" "$work/agent.log")" -ge 3 ]'
fi
finish
