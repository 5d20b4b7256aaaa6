#!/bin/sh
# SPDX-License-Identifier: ISC
# Thunderbird, headless, with the agent's module: sends signed and encrypted mail with an RSA key and
# with a P-256 key, reads what openssl and smime made, asks for no PIN, and goes on when the agent is
# killed under it.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
command -v thunderbird >/dev/null || plan_skip "Thunderbird is not installed"
. "$srcdir/tests/regress/pkcs11-lib.sh"
[ -z "$sanitizer" ] || plan_skip "Thunderbird and the sanitizers' runtime do not go together"
DEATHS_EXPECTED=yes # the agent is killed

peer_key() {
	openssl req -newkey rsa:2048 -nodes -keyout "$work/bob.key" -subj /CN=bob -out "$work/bob.csr" 2>/dev/null &&
		printf 'subjectAltName=email:bob@example.org\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=emailProtection\n' \
			>"$work/bob.ext" &&
		openssl x509 -req -in "$work/bob.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 30 \
			-extfile "$work/bob.ext" -out "$work/bob.pem" 2>/dev/null
}
mail_to() { # KEY: a mail from Bob. Thunderbird minds a date that is not that of the signature.
	printf 'From: bob@example.org\nTo: %s@example.org\nSubject: a mail\nDate: %s\n' "$1" "$(date -R)"
	printf 'Message-ID: <%s@example.org>\nMIME-Version: 1.0\nContent-Type: text/plain\n\nfor %s alone\n' "$1" "$1"
}
mails_for() { # KEY: what openssl and smime make for and with that key
	mail_to "$1" >"$work/plain.eml" && mkdir -p "$work/mails-$1" &&
		openssl cms -encrypt -aes256 -in "$work/plain.eml" -from bob@example.org -to "$1@example.org" -subject encrypted \
			"$work/$1.pem" | sed "1i Date: $(date -R)" >"$work/mails-$1/encrypted.eml" &&
		sed "s/^From: .*/From: $1@example.org/" "$work/plain.eml" >"$work/own.eml" &&
		smime sign -k "$1" -o "$work/mails-$1/detached.eml" "$work/own.eml" &&
		smime sign -k "$1" --opaque -o "$work/mails-$1/opaque.eml" "$work/own.eml" &&
		smime encrypt --cipher aes-256-cbc -r "$1" -o "$work/mails-$1/ours256.eml" "$work/own.eml" &&
		smime encrypt --cipher aes-128-cbc --oaep -r "$1" -o "$work/mails-$1/ours128.eml" "$work/own.eml" &&
		smime encrypt --cipher aes-256-cbc --sign -k "$1" -r "$1" -o "$work/mails-$1/both.eml" "$work/own.eml" &&
		smime encrypt --cipher aes-256-cbc --sign --opaque --hide-subject -k "$1" -r "$1" -o "$work/mails-$1/hidden.eml" "$work/own.eml"
}
drives() { # KEY DRIVER-OPTION...: one Thunderbird, from start to end
	key=$1
	shift
	profile=$work/profile-$key
	mkdir -p "$profile" "$work/sink-$key" && certutil -N -d "sql:$profile" --empty-password &&
		certutil -A -d "sql:$profile" -n CA -t CT,C,C -i "$work/ca.pem" &&
		certutil -A -d "sql:$profile" -n bob -t ,, -i "$work/bob.pem" &&
		timeout 500 /usr/bin/python3 "$srcdir/tests/clients/thunderbird.py" --profile "$profile" --sink "$work/sink-$key" \
			--address "$key@example.org" --peer bob@example.org "$@" "$work/mails-$key"/*.eml >"$work/said-$key"
}
said() { # PATTERN
	grep -q -- "$1" "$work/said-$key" || { cat "$work/said-$key" >&2; return 1; }
}
has_text() { # FILE: plain, or in base64
	grep -q 'typed into a window' "$1" ||
		tr -d '\r' <"$1" | sed '1,/^$/d' | base64 -d 2>/dev/null | grep -q 'typed into a window'
}
verifies() { # FILE
	openssl cms -verify -CAfile "$work/ca.pem" -in "$1" -out "$work/content" && has_text "$work/content"
}
bob_decrypts() { # FILE
	openssl cms -decrypt -in "$1" -recip "$work/bob.pem" -inkey "$work/bob.key" -out "$work/decrypted"
}
bob_reads() { # FILE
	bob_decrypts "$1" && has_text "$work/decrypted"
}
verifies_inside() { # FILE
	bob_decrypts "$1" && verifies "$work/decrypted"
}
no_prompt() {
	said '^windows: ' && ! grep -i 'dialog\|prompt' "$work/said-$key" >&2
}

printf '#!/bin/sh\nkill -9 $(smime status | sed -n "s/^ *pid *//p")\n' >"$work/kill"
chmod +x "$work/kill"
write_conf "pin-source Demo file:$work/pin"
ok "initialise a token" make_token Demo
for key in rsa p256; do
	type=rsa:2048
	[ $key = p256 ] && type=ec:P-256
	ok "$key: make the key" make_key Demo $key $type
	ok "$key: a correspondent" peer_key
	ok "$key: mails from openssl and smime" mails_for $key
	ok "$key: Thunderbird runs; the agent is killed after the first mail" drives $key --module "$module" --between "$work/kill"
	ok "$key: it found the certificate on the token" said '^certificates: .*"Demo"'
	ok "$key: it sent three mails" [ "$(grep -c '^sent .*: true' "$work/said-$key")" = 3 ]
	ok "$key: openssl accepts the signed one" verifies "$work/sink-$key/1.eml"
	ok "$key: Bob decrypts the signed and encrypted one, and openssl accepts it" verifies_inside "$work/sink-$key/2.eml"
	ok "$key: Bob reads the encrypted one" bob_reads "$work/sink-$key/3.eml"
	ok "$key: it decrypts what openssl encrypted" said "^read encrypted.eml: .*\"encryption\": 0, .*for $key alone"
	ok "$key: it accepts what smime signed" said "^read detached.eml: .*\"signature\": 0, \"signer\": \"$key@example.org\""
	ok "$key: opaque as well" said "^read opaque.eml: .*\"signature\": 0, \"signer\": \"$key@example.org\""
	ok "$key: it decrypts what smime encrypted" said "^read ours256.eml: .*\"encryption\": 0, .*for $key alone"
	ok "$key: in AES-128, and to an RSA key with OAEP" said "^read ours128.eml: .*\"encryption\": 0, .*for $key alone"
	for mail in both hidden; do
		ok "$key: it reads and accepts what smime signed and encrypted, $mail" \
			said "^read $mail.eml: .*\"encryption\": 0, \"signature\": 0, \"signer\": \"$key@example.org\", .*for $key alone"
	done
	ok "$key: nobody was asked for a PIN" no_prompt
done
finish
