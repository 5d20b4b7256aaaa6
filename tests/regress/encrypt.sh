#!/bin/sh
# SPDX-License-Identifier: ISC
# A person encrypts: what we write is read by openssl, NSS's cmsutil, gpgsm, and by ourselves, for each kind of
# key, cipher and padding that these know. The table at the end has what was read by what.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

write_mail "$work/mail.eml"
sed 's/$/\r/' "$work/mail.eml" >"$work/mail.crlf"
tail -n +8 "$work/mail.crlf" >"$work/body"
head -c 100000 /dev/urandom >"$work/bytes"
head -c 3000000 /dev/urandom >"$work/large"
: >"$work/empty"

# A key and certificate of somebody else: NAME ALGORITHM-OPTIONS.
make_person() {
	name=$1
	shift
	make_ca
	openssl req -new -nodes -keyout "$work/$name.key" -out "$work/$name.csr" -subj "/CN=$name" "$@" &&
		printf 'subjectAltName=email:%s@example.net\nkeyUsage=keyEncipherment,keyAgreement,digitalSignature\n' \
			"$name" >"$work/$name.ext" &&
		openssl x509 -req -in "$work/$name.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 30 \
			-extfile "$work/$name.ext" -out "$work/$name.pem"
}

# note READER WHAT: a row of the table.
note() {
	echo "$*" >>"$work/table"
}

# openssl_reads PERSON FILE OPTIONS...
openssl_reads() {
	person=$1 file=$2
	shift 2
	smime encrypt --raw --no-self -r "$work/$person.pem" "$@" -o "$work/e.der" "$file" &&
		openssl cms -decrypt -inform DER -in "$work/e.der" -recip "$work/$person.pem" -inkey "$work/$person.key" \
			-out "$work/back" && cmp "$work/back" "$file"
}

# we_read KEY FILE OPTIONS...: from a file and a pipe.
we_read() {
	key=$1 file=$2
	shift 2
	smime encrypt --raw --no-self -r "$work/$key.pem" "$@" -o "$work/e.der" "$file" &&
		smime decrypt --raw "$work/e.der" >"$work/back" && cmp "$work/back" "$file" &&
		smime encrypt --raw --no-self -r "$work/$key.pem" "$@" <"$file" | smime decrypt --raw >"$work/back" &&
		cmp "$work/back" "$file"
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo p256 ec:P-256
ok "make a P-384 key" make_key Demo p384 ec:P-384
ok "unlock" unlock
ok "somebody with RSA-2048" make_person ivan -newkey rsa:2048
ok "somebody with RSA-4096" make_person olga -newkey rsa:4096
for curve in 256 384 521; do
	ok "somebody with P-$curve" make_person "eve$curve" -newkey ec -pkeyopt "ec_paramgen_curve:P-$curve"
done

for cipher in aes-128-cbc aes-192-cbc aes-256-cbc aes-128-gcm aes-192-gcm aes-256-gcm; do
	for person in ivan olga eve256 eve384 eve521; do
		ok "openssl reads $cipher, $person" openssl_reads $person "$work/bytes" --cipher $cipher
	done
	for file in empty large; do
		ok "openssl reads $cipher, $file" openssl_reads ivan "$work/$file" --cipher $cipher
	done
	ok "openssl reads $cipher, OAEP" openssl_reads ivan "$work/bytes" --cipher $cipher --oaep
	for key in rsa p256 p384; do
		ok "we read $cipher, $key" we_read $key "$work/bytes" --cipher $cipher
	done
	for file in empty large; do
		ok "we read $cipher, $file" we_read rsa "$work/$file" --cipher $cipher
	done
	ok "we read $cipher, OAEP" we_read rsa "$work/bytes" --cipher $cipher --oaep
done
# A part of a mail, as mutt hands it over.
text_is_crlf() {
	printf 'Content-Type: text/plain\n\na\r\nb\n' >"$work/part" && printf 'Content-Type: text/plain\r\n\r\na\r\nb\r\n' >"$work/part.crlf" &&
		smime encrypt --raw --crlf --no-self -r "$work/ivan.pem" -o "$work/e.der" "$work/part" &&
		openssl cms -decrypt -binary -inform DER -in "$work/e.der" -recip "$work/ivan.pem" -inkey "$work/ivan.key" -out "$work/back" &&
		cmp "$work/back" "$work/part.crlf" && status 2 smime encrypt --crlf -r "$work/ivan.pem" "$work/mail.eml"
}
ok "text that is bytes is encrypted with the line ends of mail" text_is_crlf
finish
