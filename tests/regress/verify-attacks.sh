#!/bin/sh
# SPDX-License-Identifier: ISC
# Mails made by somebody who wants them to look like what they are not: told, in little time and memory, and never good.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/verify-lib.sh"

# entity FILE: what is in it, signed by Alice, with her mail's header around it.
entity() {
	openssl cms -sign -in "$1" -from "Alice <alice@example.org>" -to bob@example.org -subject pay -signer "$work/alice.pem" \
		-inkey "$work/alice.key" -out "$work/mail.eml"
}
noted() { # NOTE: of the layer that was told
	found "$1"
}
not_noted() {
	! grep -q -- "\"$1\"" "$work/json"
}

# Fields that were added outside a header that is protected.
printf 'From: Alice <alice@example.org>\nTo: bob@example.org\nSubject: pay\nContent-Type: text/plain; hp="clear"\n\nPay.\n' >"$work/protected"
entity "$work/protected"
ok "a protected header: good" is good 0 "$work/mail.eml" header-protected
added() { # FIELD
	{ echo "$1"; cat "$work/mail.eml"; } >"$work/added.eml"
	is good-but 1 "$work/added.eml" header-differs "${1%%:*}"
}
for field in "Reply-To: mallory@example.net" "Cc: mallory@example.net" "Date: Thu, 1 Jan 1970 00:00:00 +0000" "Followup-To: x" \
	"Subject: pay Mallory" "To: mallory@example.net"; do
	ok "added outside, $field: told" added "$field"
done
{ printf 'Received: from here\nList-Id: <l>\nX-Spam: no\nDKIM-Signature: v=1\n'; cat "$work/mail.eml"; } >"$work/added.eml"
ok "what mail servers add is no matter" is good 0 "$work/added.eml"

# Text around what is signed.
around() { # WHERE NOTED FILE: the mail is good, and the text is noted or not
	is good 0 "$3" && "$2" unsigned-text
}
sign "$work/detached.eml"
sign "$work/opaque.eml" -nodetach
ok "a mail of openssl: no text around it" around none not_noted "$work/detached.eml"
ok "an opaque one: neither" around none not_noted "$work/opaque.eml"
sed 's/^This is an S.MIME signed message$/& Pay Mallory./' "$work/detached.eml" >"$work/preamble.eml"
ok "text before the signed part: noted" around before noted "$work/preamble.eml"
for padded in "" x xx; do
	sed "s/^Please/$padded&/" "$work/text" >"$work/padded"
	openssl cms -sign -nodetach -in "$work/padded" -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/footer.eml"
	for footer in 'Pay Mallory.' '-- pay_Mallory' '=?= pay' 'TWFsbG9yeQ=='; do
		{ cat "$work/footer.eml"; printf '%s\n' "$footer"; } >"$work/footer"
		ok "\"$footer\" behind an opaque mail: noted" around behind noted "$work/footer"
	done
done
sed 's/^\(Content-Disposition: attachment; filename="smime.p7s"\)$/\1/; /^------.*--$/i Pay Mallory.' "$work/detached.eml" >"$work/footer"
ok "text behind the signature in its part: noted" around behind noted "$work/footer"
openssl cms -sign -binary -nodetach -in "$work/text" -signer "$work/alice.pem" -inkey "$work/alice.key" -outform DER -out "$work/raw"
openssl cms -sign -binary -nodetach -in "$work/text" -signer "$work/alice.pem" -inkey "$work/alice.key" -outform PEM -out "$work/raw.pem"
raw_rest() { # FILE NOTED TEXT
	{ cat "$1"; printf '%s' "$3"; } >"$work/rest" && raw 0 "$work/rest" && "$2" unsigned-text
}
for form in raw raw.pem; do
	ok "$form: nothing behind it" raw_rest "$work/$form" not_noted ""
	ok "$form: a line end behind it" raw_rest "$work/$form" not_noted "
"
	ok "$form: text behind it: noted" raw_rest "$work/$form" noted "Pay Mallory."
done

# What is signed is a reference to something else.
for type in 'message/external-body; access-type=URL; URL="http://mallory.example.net/"' 'message/partial; id=x; number=1; total=2'; do
	printf 'Content-Type: %s\n\nContent-Type: text/html\n\n' "$type" >"$work/reference"
	entity "$work/reference"
	ok "${type%%;*}: its content is not signed" is partly-signed 1 "$work/mail.eml" good elsewhere
	printf 'Content-Type: multipart/mixed; boundary=x\n\n--x\n\nSee below.\n--x\n%s\n--x--\n' "$(cat "$work/reference")" >"$work/mixed"
	entity "$work/mixed"
	ok "${type%%;*} beside a text: not all of it" is partly-signed 1 "$work/mail.eml" good elsewhere
done
# Certificates that are called as the signer's is, and are not it.
serial_of() {
	openssl x509 -in "$1" -noout -serial | sed 's/serial=/0x/'
}
key_id_of() {
	openssl x509 -in "$1" -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' :'
}
issue frank /CN=Frank "$mail_use" subjectAltName=email:alice@example.org subjectKeyIdentifier=hash
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other-ca.key" -out "$work/other-ca.pem" -subj "/CN=Test CA" 2>/dev/null
decoy() { # NAME: with Frank's issuer, serial number and key identifier
	printf 'subjectAltName=email:alice@example.org\nsubjectKeyIdentifier=%s\n' "$(key_id_of "$work/frank.pem")" >"$work/decoy.ext"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/decoy.key" -out "$work/decoy.csr" -subj "/CN=$1" 2>/dev/null
	openssl x509 -req -in "$work/decoy.csr" -CA "$work/other-ca.pem" -CAkey "$work/other-ca.key" -set_serial "$(serial_of "$work/frank.pem")" \
		-days 100 -extfile "$work/decoy.ext" -out "$work/$1.pem" 2>/dev/null
}
forge() { # CASES CERTIFICATE...
	cases=$1
	shift
	"$python" "$srcdir/tests/regress/forge.py" "$cases" "$work/frank.key" "$work/frank.pem" "$work/text.crlf" "$@" >"$work/forged"
}
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	decoy decoy$number
done
for name in key-id plain; do
	forge last,$name "$work/decoy1.pem" "$work/decoy2.pem"
	ok "$name: others are called the same, and come first: the signer's is found" raw 0 "$work/forged"
	forge $name "$work/decoy1.pem"
	ok "$name: and where they come last" raw 0 "$work/forged"
	forge last,$name "$work"/decoy*.pem
	ok "$name: where there are very many, the signature is bad, and not somebody's" raw 1 "$work/forged"
	ok "$name: and says so" found bad forged
	forge $name,altered-content "$work/decoy1.pem"
	ok "$name: altered content is that of none" raw 1 "$work/forged"
	ok "$name: and says so" found bad altered
	# A renewed certificate, with the same key.
	printf '%s\n' "$mail_use" subjectAltName=email:alice@example.org subjectKeyIdentifier=hash >"$work/old.ext"
	openssl x509 -req -in "$work/frank.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -set_serial "$(serial_of "$work/frank.pem")" \
		-days -1 -extfile "$work/old.ext" -out "$work/old.pem" 2>/dev/null
	forge last,$name "$work/old.pem"
	ok "$name: the one that was good before it is there, too" raw 0 "$work/forged"
	smime certs import "$work/frank.pem" >/dev/null
	forge no-certificate,$name "$work/decoy1.pem"
	ok "$name: the message brings others alone, the store has the signer's" raw 0 "$work/forged"
	smime certs remove --all alice@example.org
	smime certs import "$work/decoy1.pem" >/dev/null && smime certs import "$work/frank.pem" >/dev/null
	forge no-certificate,$name
	ok "$name: the store has both" raw 0 "$work/forged"
	smime certs remove --all alice@example.org
	forge no-certificate,$name "$work/decoy1.pem"
	ok "$name: nobody has the signer's: it is not good" raw 1 "$work/forged"
done
finish
