#!/bin/sh
# SPDX-License-Identifier: ISC
# A person signs mails and files with keys that were born on a token; openssl accepts them.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

write_mail "$work/mail.eml"
printf 'bytes\n\001\002\377 without an end' >"$work/bytes"

verify_mail() { # FILE
	openssl cms -verify -in "$1" -CAfile "$work/ca.pem" -out "$work/verified" &&
		tr -d '\r' <"$work/verified" | grep -q "From here on, nothing."
}

verify_detached() { # CMS
	openssl cms -verify -inform DER -in "$1" -content "$work/bytes" -binary -CAfile "$work/ca.pem" \
		-out /dev/null
}

verify_opaque() { # CMS
	openssl cms -verify -inform DER -in "$1" -binary -CAfile "$work/ca.pem" -out "$work/verified" &&
		cmp "$work/verified" "$work/bytes"
}

sign() { # KEY OPTIONS...: all four forms, verified
	key=$1
	shift
	smime sign -k "$key" "$@" -o "$work/s.eml" "$work/mail.eml" && verify_mail "$work/s.eml" &&
		smime sign -k "$key" "$@" --opaque -o "$work/s.eml" "$work/mail.eml" && verify_mail "$work/s.eml" &&
		smime sign -k "$key" "$@" --raw -o "$work/s.der" "$work/bytes" && verify_detached "$work/s.der" &&
		smime sign -k "$key" "$@" --raw --opaque -o "$work/s.der" "$work/bytes" && verify_opaque "$work/s.der"
}

has_attributes() {
	smime sign -k rsa --raw "$work/bytes" >"$work/s.der" &&
		openssl cms -cmsout -print -noout -inform DER -in "$work/s.der" >"$work/printed" &&
		for name in contentType messageDigest signingTime "S/MIME Capabilities" signingCertificateV2; do
			grep -q "object:.*$name" "$work/printed" || return 1
		done
}

# A part of a mail, as mutt hands it over: with line feeds, signed as it goes out.
text_is_crlf() {
	printf 'Content-Type: text/plain\n\na\r\nb\n' >"$work/part" && printf 'Content-Type: text/plain\r\n\r\na\r\nb\r\n' >"$work/bytes.crlf" &&
		smime sign -k rsa --raw --crlf "$work/part" >"$work/s.der" &&
		openssl cms -verify -inform DER -in "$work/s.der" -content "$work/bytes.crlf" -binary -CAfile "$work/ca.pem" -out /dev/null &&
		smime sign -k rsa --raw --crlf --opaque "$work/part" >"$work/s.der" &&
		openssl cms -verify -inform DER -in "$work/s.der" -binary -CAfile "$work/ca.pem" -out "$work/verified" &&
		cmp "$work/verified" "$work/bytes.crlf" && status 2 smime sign --crlf "$work/mail.eml"
}

outer_header_stays() {
	smime sign -k rsa "$work/mail.eml" >"$work/s.eml" &&
		tr -d '\r' <"$work/s.eml" | sed '/^$/q' >"$work/header" &&
		grep -q '^Subject: a test$' "$work/header" && grep -q '^Message-ID: <1@example.org>$' "$work/header" &&
		[ "$(grep -c '^Content-Type:' "$work/header")" = 1 ] && ! grep -q 'text/plain' "$work/header"
}

signed_part_is_crlf() {
	smime sign -k rsa "$work/mail.eml" >"$work/s.eml" && ! grep -qv "$(printf '\r')\$" "$work/s.eml"
}

from_mailbox() {
	{ echo "From alice@example.org Mon Nov 23 12:00:00 2026" && cat "$work/mail.eml"; } >"$work/mbox" &&
		smime sign -k rsa "$work/mbox" >"$work/s.eml" && verify_mail "$work/s.eml" && head -n 1 "$work/s.eml" | grep -q "^From: "
}

# A CA between the root and the signer, from the file that the configuration names.
chain_is_complete() {
	make_sub_ca && make_key Demo below ec:P-256 below@example.org digitalSignature sub &&
		smime sign -k below --raw -o "$work/s.der" "$work/bytes" && ! verify_detached "$work/s.der" &&
		write_conf "certificates $work/chain.pem" && smime agent reload &&
		smime sign -k below --raw -o "$work/s.der" "$work/bytes" && verify_detached "$work/s.der" &&
		[ "$(openssl cms -cmsout -print -noout -inform DER -in "$work/s.der" | grep -c 'd.certificate:')" = 2 ]
}

# The program of the README, built against the library as it was built here.
example_signs() {
	flags=$(sed -n 's/^HARDEN_LDFLAGS = //p' "$builddir/Makefile") # a sanitized library wants its own
	"${CC:-gcc}" -I"$srcdir/include" "$srcdir/examples/sign.c" -o "$work/example" -L"$builddir/.libs" \
		-lsmime-agent $flags &&
		"$work/example" "$work/mail.eml" >"$work/s.eml" && verify_mail "$work/s.eml" &&
		status 1 "$work/example" "$work/bytes"
}

ok "initialise a token" make_token Demo
ok "make an RSA-2048 key" make_key Demo rsa rsa:2048
ok "make an RSA-3072 key" make_key Demo rsa3072 rsa:3072
ok "make an RSA-4096 key" make_key Demo rsa4096 rsa:4096
ok "make a P-256 key" make_key Demo p256 ec:P-256
ok "make a P-384 key" make_key Demo p384 ec:P-384
ok "make a P-521 key" make_key Demo p521 ec:P-521
ok "unlock with a PIN from a descriptor" unlock
for key in rsa rsa3072 rsa4096 p256 p384 p521; do
	ok "$key signs" sign "$key"
	for digest in sha256 sha384 sha512; do
		ok "$key signs with $digest" sign "$key" --digest "$digest"
	done
done
ok "RSA signs with PSS" sign rsa --pss
ok "RSA signs with PSS and SHA-512" sign rsa4096 --pss --digest sha512
ok "the signed attributes are all there" has_attributes
ok "text is signed with the line ends of mail" text_is_crlf
ok "the mail's header stays outside" outer_header_stays
ok "everything in a signed mail ends with CRLF" signed_part_is_crlf
ok "text that is bytes is signed with the line ends of mail" text_is_crlf
ok "a mail from a mailbox" from_mailbox
ok "the chain is complete, without the root" chain_is_complete
ok "the example signs" example_signs
ok "an unknown digest is refused" says "not supported" 1 smime sign -k rsa --digest md5 "$work/mail.eml"
ok "PSS with an EC key is refused" says "not supported" 1 smime sign -k p256 --pss "$work/mail.eml"

# A blank token has no serial number, and what its URI is for the module may be another, with keys.
ok "a token with a blank label" make_token " "
wrong_one() {
	smime tokens --json >"$work/before" && grep -q '"label":"",.*"state":"locked"' "$work/before" &&
		says "more than one token fits" 2 smime token init --token 'pkcs11:token=;serial=' --label New --pin-fd 3 3<"$work/new-pins" &&
		! smime tokens | grep -q 'label *New'
}
ok "is not taken for the blank one that is to be initialised" wrong_one
finish
