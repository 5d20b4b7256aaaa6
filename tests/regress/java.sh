#!/bin/sh
# SPDX-License-Identifier: ISC
# Java's SunPKCS11 with the agent's module: its key store is the token.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
command -v keytool >/dev/null || plan_skip "Java is not installed"
. "$srcdir/tests/regress/pkcs11-lib.sh"
[ -z "$sanitizer" ] || plan_skip "Java and the sanitizers' runtime do not go together"

printf 'name = agent\nlibrary = %s\nslotListIndex = 0\n' "$module" >"$work/java.cfg"
# It takes no key store without a password, and does nothing with it: the token needs no login.
java_tool() { # TOOL OPTION...
	program=$1
	shift
	timeout 120 "$program" -keystore NONE -storetype PKCS11 -providerClass sun.security.pkcs11.SunPKCS11 \
		-providerArg "$work/java.cfg" -storepass whatever "$@"
}
lists() {
	java_tool keytool -list >"$work/list" && [ "$(grep -c PrivateKeyEntry "$work/list")" = 2 ] &&
		grep -q '^rsa, PrivateKeyEntry' "$work/list" && grep -q '^p256, PrivateKeyEntry' "$work/list"
}
exports() { # KEY
	java_tool keytool -exportcert -rfc -alias "$1" >"$work/export.pem" &&
		[ "$(openssl x509 -in "$work/export.pem" -noout -fingerprint -sha256)" = "$(openssl x509 -in "$work/$1.pem" -noout -fingerprint -sha256)" ]
}
requests() { # KEY [OPTION...]: a request for a certificate is signed with the key
	key=$1
	shift
	java_tool keytool -certreq -alias "$key" "$@" >"$work/request.csr" && openssl req -verify -noout -in "$work/request.csr" 2>&1 | grep -q ' OK$' &&
		[ "$(openssl req -pubkey -noout -in "$work/request.csr")" = "$(openssl x509 -pubkey -noout -in "$work/$key.pem")" ]
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo p256 ec:P-256
ok "lock" smime lock
ok "the token is a key store with both keys" lists
ok "with the certificates that they have" exports rsa
ok "also the other's" exports p256
asked_once() {
	[ "$(grep -c ^GETPIN "$HOME/pinentry.log")" = 1 ] && grep -q 'SETDESC.*java' "$HOME/pinentry.log"
}
printf '%s\n' "$PIN" >"$HOME/pinentry"
ok "it signs with RSA" requests rsa
ok "also with another digest" requests rsa -sigalg SHA512withRSA
ok "it signs with P-256" requests p256
ok "the agent asked for the PIN, once" asked_once
ok "the uses are in the log" wait_for grep -q 'process [0-9]* (.*java.*keytool) sign (PKCS#11) with key [0-9]* (p256) of token Demo: ok$' "$work/agent.log"
finish
