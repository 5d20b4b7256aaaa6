#!/bin/sh
# SPDX-License-Identifier: ISC
# A person decrypts what openssl encrypted to keys that were born on a token: every cipher, padding,
# form and size; what comes out is what openssl itself makes of it.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

write_mail "$work/mail.eml"
head -c 100000 /dev/urandom >"$work/bytes"
head -c 3000000 /dev/urandom >"$work/large"
: >"$work/empty"

# back FILE MESSAGE: the message decrypts to the file, from a file and from a pipe.
back() {
	smime decrypt --raw "$2" >"$work/back" && cmp "$work/back" "$1" &&
		cat "$2" | smime decrypt --raw >"$work/back" && cmp "$work/back" "$1"
}

# raw FILE KEY OPTIONS...: encrypted by openssl as DER of both length forms, and as PEM.
raw() {
	file=$1
	key=$2
	shift 2
	openssl cms -encrypt -binary "$@" -in "$file" -outform DER -out "$work/e" -recip "$work/$key.pem" $extra &&
		back "$file" "$work/e" &&
		openssl cms -encrypt -binary -stream "$@" -in "$file" -outform DER -out "$work/e" -recip "$work/$key.pem" $extra &&
		back "$file" "$work/e" &&
		openssl cms -encrypt -binary "$@" -in "$file" -outform PEM -out "$work/e" -recip "$work/$key.pem" $extra &&
		back "$file" "$work/e"
}

pem_after_text() {
	openssl cms -encrypt -binary -aes-256-cbc -in "$work/bytes" -outform PEM -out "$work/e.pem" "$work/rsa.pem" &&
		{ printf 'Here it is:\r\n\r\n' && sed 's/$/\r/' "$work/e.pem"; } >"$work/e" && back "$work/bytes" "$work/e"
}

mail_comes_back() { # KEY CIPHER
	openssl cms -encrypt "$2" -in "$work/mail.eml" -out "$work/e.eml" "$work/$1.pem" &&
		smime decrypt "$work/e.eml" | tr -d '\r' >"$work/back" && cmp "$work/back" "$work/mail.eml"
}

header_is_joined() {
	printf 'Content-Type: text/plain\r\n\r\nsecret\r\n' >"$work/entity"
	openssl cms -encrypt -binary -aes-256-cbc -in "$work/entity" -out "$work/e.eml" -subject outer \
		-from alice@example.org -to bob@example.org "$work/rsa.pem" &&
		smime decrypt "$work/e.eml" >"$work/back" &&
		tail -c "$(wc -c <"$work/entity")" "$work/back" | cmp - "$work/entity" &&
		grep -q '^Subject: outer' "$work/back" && [ "$(grep -c '^Content-Type' "$work/back")" = 1 ] &&
		[ "$(grep -c '^MIME-Version' "$work/back")" = 1 ]
}

# Whoever encrypts to a person can put any header inside.
inner_header_replaces_nothing() {
	printf 'Received: from liar\r\nFrom: boss@example.org\r\nAuthentication-Results: x; dmarc=pass\r\nTo: all@example.org\r\nContent-Type: text/plain\r\n\r\nhello\r\n' >"$work/entity"
	openssl cms -encrypt -binary -aes-256-cbc -in "$work/entity" -out "$work/e.eml" -from mallory@example.org \
		"$work/rsa.pem" && smime decrypt "$work/e.eml" >"$work/back" &&
		grep -q '^From: mallory@example.org' "$work/back" && grep -q '^To: all@example.org' "$work/back" &&
		! grep -qE '^(Received|Authentication-Results)|boss' "$work/back"
}

# RFC 9788: but what was protected is what counts, and the sender's name is nobody's to choose.
protected_header_is_shown() {
	printf 'Subject: inner\r\nFrom: boss@example.org\r\nReceived: from liar\r\nHP-Outer: Subject: [...]\r\nKeywords: hidden\r\nContent-Type: text/plain; hp="cipher"\r\n\r\nhello\r\n' >"$work/entity"
	openssl cms -encrypt -binary -aes-256-cbc -in "$work/entity" -out "$work/e.eml" -from mallory@example.org \
		-subject '[...]' "$work/rsa.pem" && smime decrypt "$work/e.eml" >"$work/back" && shows_protected
}

shows_protected() {
	sed '/^\r*$/q' "$work/back" >"$work/head"
	grep -q '^Subject: inner' "$work/head" && grep -q '^Keywords: hidden' "$work/head" && grep -q '^From: mallory@example.org' "$work/head" &&
		! grep -qE '^(Received|HP-Outer)|boss|\[\.\.\.\]' "$work/head"
}

signed_protected_header_is_shown() {
	openssl cms -sign -binary -in "$work/entity" -signer "$work/signer.pem" -inkey "$work/signer.key" -out "$work/signed.eml" &&
		openssl cms -encrypt -binary -aes-256-cbc -in "$work/signed.eml" -out "$work/e.eml" -from mallory@example.org \
			-subject '[...]' "$work/rsa.pem" && smime decrypt "$work/e.eml" >"$work/back" && shows_protected
}

several_recipients() {
	openssl cms -encrypt -binary -aes-256-cbc -in "$work/bytes" -outform DER -out "$work/e" \
		"$work/other.pem" "$work/p384.pem" "$work/rsa.pem" "$work/other.pem" &&
		back "$work/bytes" "$work/e"
}

# Whichever comes first in the message and in the lists: the key whose token is open, and nobody is asked.
open_one_is_used() { # TOKEN
	rm -f "$HOME/pinentry.log"
	smime lock && unlock "$1" && smime decrypt --raw "$work/e.two" | cmp - "$work/bytes" &&
		smime decrypt --raw "$work/e.owt" | cmp - "$work/bytes" && [ ! -e "$HOME/pinentry.log" ]
}

by_key_identifier() {
	openssl cms -encrypt -binary -keyid -aes-256-cbc -in "$work/bytes" -outform DER -out "$work/e" \
		"$work/rsa.pem" && back "$work/bytes" "$work/e"
}

# The certificate that the message names is gone; the key is not.
named_key() {
	openssl x509 -in "$work/rsa.pem" -pubkey -noout >"$work/rsa.pub" &&
		openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=old -out "$work/any.pem" &&
		openssl x509 -new -force_pubkey "$work/rsa.pub" -CA "$work/ca.pem" -CAkey "$work/ca.key" \
			-CAcreateserial -subj /CN=old -days 1 -out "$work/old.pem" &&
		openssl cms -encrypt -binary -aes-256-cbc -in "$work/bytes" -outform DER -out "$work/e" "$work/old.pem" &&
		status 1 smime decrypt --raw "$work/e" && smime decrypt --raw -k rsa "$work/e" | cmp - "$work/bytes"
}

expired_decrypts() {
	openssl cms -encrypt -binary -aes-256-cbc -in "$work/bytes" -outform DER -out "$work/e" "$work/expired.pem" &&
		back "$work/bytes" "$work/e"
}

make_expired() {
	make_dated "$work/expired.key" "$work/expired.pem" /CN=expired 20200101000000Z 20210101000000Z &&
		import_key Demo e0 expired "$work/expired.key" "$work/expired.pem"
}

# Out of a damaged message comes nothing: not a byte of authenticated content, in either size.
nothing_unverified() { # FILE
	openssl cms -encrypt -binary -aes-256-gcm -in "$1" -outform DER -out "$work/e" "$work/rsa.pem" &&
		size=$(wc -c <"$work/e") &&
		printf UUUUUUUU | dd of="$work/e" bs=1 seek=$((size / 2)) conv=notrunc &&
		status 1 smime decrypt --raw "$work/e" >"$work/back" && [ ! -s "$work/back" ] &&
		cat "$work/e" | status 1 smime decrypt --raw | cmp - /dev/null
}

# A file that is changed once its tag was verified, while it is read again to be written.
nothing_changed_meanwhile() {
	openssl cms -encrypt -binary -aes-256-gcm -in "$work/large" -outform DER -out "$work/e" "$work/rsa.pem" &&
		mkfifo "$work/fifo" || return
	smime decrypt --raw "$work/e" >"$work/fifo" &
	decrypting=$!
	{
		dd bs=1 count=1 of="$work/back" &&
			printf UUUUUUUU | dd of="$work/e" bs=1 seek=2500000 conv=notrunc && cat >>"$work/back"
	} <"$work/fifo"
	wait $decrypting
	[ $? = 1 ] && size=$(wc -c <"$work/back") && [ "$size" -gt 1000000 ] && [ "$size" -lt 2500000 ] &&
		cmp -n "$size" "$work/back" "$work/large"
}

ok "initialise a token" make_token Demo
for key in rsa:2048 rsa4096:4096; do
	ok "make an RSA key of ${key#*:} bits" make_key Demo "${key%:*}" "rsa:${key#*:}"
done
for curve in 256 384 521; do
	ok "make a P-$curve key" make_key Demo "p$curve" "ec:P-$curve"
done
ok "write a key whose certificate has expired" make_expired
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other.key" -out "$work/other.pem" -subj /CN=other >/dev/null 2>&1
ok "unlock" unlock

extra=
for cipher in -aes-128-cbc -aes-192-cbc -aes-256-cbc -des3 -aes-128-gcm -aes-256-gcm; do
	for key in rsa rsa4096 p256 p384 p521; do
		ok "$key, $cipher" raw "$work/bytes" "$key" "$cipher"
	done
	case $cipher in
	*cbc | -des3) ok "an empty message, $cipher" raw "$work/empty" rsa "$cipher" ;;
	esac
	ok "3 MB, $cipher" raw "$work/large" p256 "$cipher"
	ok "a mail comes back, $cipher" mail_comes_back rsa "$cipher"
done
for hash in sha1 sha256 sha384 sha512; do
	extra="-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:$hash"
	ok "OAEP with $hash" raw "$work/bytes" rsa -aes-256-cbc
	extra="-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:$hash -keyopt rsa_mgf1_md:sha1"
	ok "OAEP with $hash, MGF1 with SHA-1" raw "$work/bytes" rsa -aes-256-cbc
done
extra="-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_oaep_label:6c6162656c"
ok "PEM with CRLF, and text before it" pem_after_text
ok "OAEP with a label" raw "$work/bytes" rsa -aes-256-gcm
for hash in sha1 sha224 sha256 sha384 sha512; do
	extra="-keyopt ecdh_kdf_md:$hash"
	ok "ECDH with the KDF of $hash" raw "$work/bytes" p384 -aes-256-cbc
done
extra="-keyopt ecdh_cofactor_mode:1"
ok "ECDH with cofactor" raw "$work/bytes" p256 -aes-256-cbc
extra=
ok "the outer header is joined with the inner entity" header_is_joined
ok "a header from inside replaces none outside" inner_header_replaces_nothing
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/signer.key" -subj /CN=signer -out "$work/signer.pem" 2>/dev/null
ok "a protected header is shown in place of the outer one" protected_header_is_shown
ok "so is one that was signed, too" signed_protected_header_is_shown
ok "several recipients, one of them ours" several_recipients
ok "a recipient named by its key identifier" by_key_identifier
ok "a key that a person names" named_key
ok "an expired certificate's key still decrypts" expired_decrypts
ok "authenticated content that was altered never comes out" nothing_unverified "$work/bytes"
ok "nor when it is read twice" nothing_unverified "$work/large"
ok "nor when the file is changed between the readings" nothing_changed_meanwhile

ok "another token" make_token Second
ok "with a key" make_key Second second rsa:2048
openssl cms -encrypt -binary -aes-256-cbc -in "$work/bytes" -outform DER -out "$work/e.two" "$work/rsa.pem" "$work/second.pem"
openssl cms -encrypt -binary -aes-256-cbc -in "$work/bytes" -outform DER -out "$work/e.owt" "$work/second.pem" "$work/rsa.pem"
for token in Second Demo; do
	ok "of two keys that can decrypt it, the one on $token, which is unlocked" open_one_is_used $token
done
smime lock
ok "where neither is, a person is asked" says "cancelled" 4 smime decrypt --raw -o "$work/back" "$work/e.two"
ok "and for one PIN" [ "$(grep -c '^GETPIN' "$HOME/pinentry.log")" = 1 ]
finish
