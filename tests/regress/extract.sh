#!/bin/sh
# SPDX-License-Identifier: ISC
# The certificates that are in a message or a file, and the addresses in them.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

ok "a token" make_token Demo
ok "Alice's key" make_key Demo alice ec:P-256
ok "Bob's key" make_key Demo bob rsa:2048
ok "it is unlocked" unlock
write_mail "$work/mail"
smime sign -k alice "$work/mail" >"$work/signed"
smime sign -k alice --opaque "$work/mail" >"$work/opaque"
smime sign -k alice --raw "$work/mail" >"$work/p7s"
smime sign -k alice --raw --pem "$work/mail" >"$work/p7s.pem"
(cat "$work/alice.pem" "$work/bob.pem") >"$work/two.pem"
sed 's/this is a test/this is none/' "$work/signed" >"$work/altered"
printf 'From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n' >"$work/forwarded"
(cat "$work/signed" && printf '\n--b--\n') >>"$work/forwarded"

# gives FILE OPTIONS...: Alice's certificate is the first, and in PEM.
gives() {
	smime certs extract "$@" >"$work/got" && openssl x509 -in "$work/got" -outform DER | cmp - "$work/alice.der"
}
openssl x509 -in "$work/alice.pem" -outform DER -out "$work/alice.der"
for file in signed opaque p7s p7s.pem two.pem alice.pem alice.der altered forwarded; do
	ok "$file: has Alice's certificate" gives "$work/$file"
done
for file in signed opaque p7s altered; do
	ok "$file: she is its signer" gives --signers "$work/$file"
done
addresses() {
	[ "$(smime certs extract --addresses "$work/two.pem" | tr '\n' ' ')" = 'alice@example.org bob@example.org ' ] &&
		[ "$(smime certs extract --signers --addresses "$work/signed")" = alice@example.org ]
}
ok "addresses, a line each" addresses
kept_none() {
	[ "$(smime certs list --json)" = '[]' ]
}
ok "none is kept" kept_none
to_file() {
	smime certs extract -o "$work/out" "$work/signed" && cmp "$work/out" "$work/got.first" && status 1 smime certs extract -o "$work/out" "$work/mail" &&
		cmp "$work/out" "$work/got.first" && smime certs extract <"$work/signed" | cmp - "$work/got.first"
}
smime certs extract "$work/signed" >"$work/got.first"
ok "to a file, whole or not at all; from a pipe" to_file

: >"$work/empty"
head -c 5000 /dev/urandom >"$work/noise"
printf '0\202\001' >"$work/cut"
for file in mail empty noise cut; do
	ok "$file: has none" status 1 smime certs extract "$work/$file"
	ok "$file: nor a signer" status 1 smime certs extract --signers "$work/$file"
done
ok "a file that is not there" status 2 smime certs extract "$work/absent"
ok "two files" status 2 smime certs extract "$work/signed" "$work/opaque"
finish
