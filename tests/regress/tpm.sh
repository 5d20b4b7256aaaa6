#!/bin/sh
# SPDX-License-Identifier: ISC
# A person's keys are in a TPM: swtpm behind its resource manager on a bus of its own, and the token
# that tpm2_ptool made there.
. "$(dirname "$0")/lib.sh"
DEATHS_EXPECTED=yes

tpm=
for candidate in /usr/lib/*/libtpm2_pkcs11.so.1 /usr/lib/*/pkcs11/libtpm2_pkcs11.so.1 /usr/lib64/pkcs11/libtpm2_pkcs11.so; do
	[ -e "$candidate" ] && tpm=$candidate && break
done
[ -n "$tpm" ] || plan_skip "libtpm2-pkcs11-1 is not installed"
PATH=$PATH:/usr/sbin
for program in swtpm tpm2-abrmd tpm2_ptool dbus-daemon; do
	command -v "$program" >/dev/null || plan_skip "$program is not installed"
done
ls /usr/lib*/*/libtss2-tcti-tabrmd.so.0 >/dev/null 2>&1 || plan_skip "libtss2-tcti-tabrmd0 is not installed"

export TPM2_PKCS11_STORE=$work/store
export DBUS_SESSION_BUS_ADDRESS=unix:path=$work/bus
export TPM2_PKCS11_TCTI=tabrmd:bus_type=session
export TPM2TOOLS_TCTI=$TPM2_PKCS11_TCTI
mkdir "$work/store" "$work/tpm"

start_bus() {
	cat >"$work/bus.conf" <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
			"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		<type>session</type>
		<listen>unix:path=$work/bus</listen>
		<auth>EXTERNAL</auth>
		<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
		</busconfig>
	END
	dbus-daemon --nofork --nopidfile --config-file="$work/bus.conf" >"$work/bus.log" 2>&1 &
	bus=$!
	wait_for listens "$work/bus"
}

# The TPM itself has room for three keys at a time, for all its users: a resource manager swaps them.
start_tpm() {
	rm -f "$work/swtpm" "$work/swtpm.ctrl"
	swtpm socket --tpm2 --tpmstate "dir=$work/tpm" --flags not-need-init,startup-clear \
		--server "type=unixio,path=$work/swtpm" --ctrl "type=unixio,path=$work/swtpm.ctrl" >"$work/swtpm.log" 2>&1 &
	swtpm=$!
	wait_for listens "$work/swtpm" && wait_for listens "$work/swtpm.ctrl" || return
	tpm2-abrmd --session --allow-root "--tcti=swtpm:path=$work/swtpm" >"$work/abrmd.log" 2>&1 &
	manager=$!
	wait_for tpm2_getrandom --hex 4
}

stop_tpm() {
	kill "$manager" "$swtpm" || return
	wait "$manager" "$swtpm"
	manager= swtpm=
	! tpm2_getrandom --hex 4 2>/dev/null
}


swtpm= manager= bus=
cleanup_tpm() {
	timeout 60 smime agent stop >/dev/null 2>&1
	kill $manager $swtpm $bus 2>/dev/null
	wait
	cleanup
}
trap cleanup_tpm EXIT

# tpm2_ptool makes the token and its keys. A TPM counts each sudden end as a wrong PIN, and locks at three.
make_tpm_token() {
	tpm2_dictionarylockout --setup-parameters --max-tries=32 &&
		tpm2_ptool init && tpm2_ptool addtoken --pid 1 --sopin "$SO_PIN" --userpin "$PIN" --label Tpm &&
		tpm2_ptool addkey --label Tpm --userpin "$PIN" --algorithm rsa2048 --key-label rsa --id 01 &&
		tpm2_ptool addkey --label Tpm --userpin "$PIN" --algorithm ecc256 --key-label p256 --id 02
}

certify() { # LABEL: a certificate for a key that is on the token
	make_ca
	smime token csr --token Tpm --label "$1" --subject "/O=Test/CN=$1" --address "$1@example.org" \
		--pin-fd 3 3<"$work/pin" >"$work/$1.csr" || return
	cat >"$work/$1.ext" <<-END
		subjectAltName=email:$1@example.org
		keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement
		extendedKeyUsage=emailProtection
		subjectKeyIdentifier=hash
	END
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
		-days 365 -extfile "$work/$1.ext" -out "$work/$1.pem" &&
		smime token import-cert --token Tpm --pin-fd 3 "$work/$1.pem" 3<"$work/pin"
}

sign() { # KEY OPTIONS...: a signature that openssl accepts
	key=$1
	shift
	smime sign -k "$key" "$@" --raw -o "$work/$key.der" "$work/bytes" &&
		openssl cms -verify -inform DER -in "$work/$key.der" -content "$work/bytes" -binary \
			-CAfile "$work/ca.pem" -out /dev/null
}

mail_comes_back() { # OPTION...: of openssl, for the RSA key
	openssl cms -encrypt -aes-256-cbc -in "$work/mail.eml" -out "$work/e.eml" -recip "$work/rsa.pem" "$@" &&
		smime decrypt "$work/e.eml" | tr -d '\r' >"$work/back" && cmp "$work/back" "$work/mail.eml"
}

no_ecdh() {
	openssl cms -encrypt -aes-256-cbc -in "$work/mail.eml" -out "$work/e.eml" "$work/p256.pem" &&
		says "does not offer the mechanism" 3 smime decrypt "$work/e.eml"
}

listed() { # KEY TYPE USES
	smime keys --json | grep -q "\"label\":\"$1\".*\"type\":\"$2\",\"uses\":\[$3\]"
}

state_is() { # STATE
	smime tokens --json | grep -q "\"label\":\"Tpm\".*\"state\":\"$1\""
}

unlock_with() { # PIN
	echo "$1" >"$work/given"
	smime unlock --pin-fd 3 3<"$work/given"
}

side_by_side() {
	sign rsa &
	other=$!
	sign p256
	got=$?
	wait "$other" && [ "$got" = 0 ]
}

# says, and does not wait for operation-timeout, which is 100 s.
soon_says() { # PATTERN STATUS COMMAND...
	start=$(date +%s)
	says "$@" || return
	[ $(($(date +%s) - start)) -lt 100 ]
}

locked_out() {
	tpm2_dictionarylockout --setup-parameters --max-tries=1 --recovery-time=1000 || return
	says "wrong PIN" 4 unlock_with another-wrong-one
	says "PIN is locked" 4 unlock
	got=$?
	tpm2_dictionarylockout --setup-parameters --max-tries=32 && tpm2_dictionarylockout --clear-lockout && return $got
}

write_mail "$work/mail.eml"
echo "bytes to sign" >"$work/bytes"
write_conf "operation-timeout 100"
sed -i "s|^module .*|module $tpm|" "$conf"
start_bus && start_tpm || {
	sed 's/^/# /' "$work/bus.log" "$work/swtpm.log" "$work/abrmd.log"
	echo "Bail out! the TPM does not start"
	exit 1
}

ok "make a token in the TPM" make_tpm_token
ok "certify its RSA key" certify rsa
ok "certify its P-256 key" certify p256
ok "they are seen" eval 'listed rsa rsa:2048 "\"sign\",\"decrypt\"" && listed p256 ec:P-256 "\"sign\""'
smime agent stop
ok "a wrong PIN" says "wrong PIN" 4 unlock_with wrong
ok "leaves the token locked" state_is locked
ok "the right one" unlock
ok "unlocks it" state_is unlocked
for digest in sha256 sha384 sha512; do
	ok "RSA signs with $digest" sign rsa --digest "$digest"
	ok "RSA signs with PSS and $digest" sign rsa --pss --digest "$digest"
	ok "P-256 signs with $digest" sign p256 --digest "$digest"
done
ok "two signatures side by side" side_by_side
ok "a mail comes back" mail_comes_back
ok "with OAEP and SHA-1" mail_comes_back -keyopt rsa_padding_mode:oaep
ok "with OAEP and SHA-256" mail_comes_back -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256
ok "there is no ECDH, which is said" no_ecdh
ok "lock" eval 'smime lock && state_is locked'
ok "nobody gives the PIN" says "cancelled" 4 sign rsa
ok "the TPM locks out after wrong PINs, which is said" locked_out
ok "and opens again" unlock
ok "signs" sign rsa

change_pin() { # OLD NEW
	printf '%s\n%s\n' "$1" "$2" >"$work/change"
	smime token change-pin --token Second --pin-fd 3 3<"$work/change"
}
ok "smime makes another token in it" make_token Second
ok "and an RSA key there" smime token keygen --token Second --label born --type rsa:2048 --pin-fd 3 3<"$work/pin"
ok "and changes its PIN" change_pin "$PIN" 56789
ok "the new one opens it" eval 'echo 56789 >"$work/given"; smime unlock --pin-fd 3 Second 3<"$work/given"'
ok "unlock the first one" unlock Tpm
ok "it signs" sign rsa

ok "the TPM goes away" stop_tpm
ok "a clear error, soon" soon_says "module" 3 sign rsa
ok "and again" soon_says "module" 3 sign p256
ok "the TPM is back" start_tpm
ok "the next signature works" sign rsa
ok "and the next" sign p256

smime agent stop
ok "the TPM goes away" stop_tpm
ok "an agent that starts without it finds no key" says "no key fits" 1 sign rsa
ok "the TPM is back" start_tpm
ok "unlock" unlock Tpm
ok "the next signature works" sign rsa
finish
