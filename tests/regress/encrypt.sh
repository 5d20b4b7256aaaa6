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

# reads READER KIND CIPHER COMMAND...: a test, and a row of the table. The readers are other people's programs: what
# one does not know is told by `knows` below, and is tried all the same.
reads() {
	reader=$1 kind=$2 cipher=$3
	shift 3
	if knows "$reader" "$kind" "$cipher"; then
		ok "$reader reads $kind, $cipher" "$@"
		printf '# %-8s %-24s %-12s read\n' "$reader" "$kind" "$cipher" >>"$work/table"
	else
		result="not known to it"
		"$@" >/dev/null 2>&1 && result="read, though it was not known to"
		printf '# %-8s %-24s %-12s %s\n' "$reader" "$kind" "$cipher" "$result" >>"$work/table"
	fi
}

# What NSS 3.87's cmsutil and gpgsm 2.2.40 were seen not to read.
knows() {
	case "$1 $2 $3" in
	"cmsutil "*gcm | "cmsutil P-"*) return 1 ;;
	"gpgsm "*gcm | "gpgsm "*OAEP*) return 1 ;;
	esac
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


nss_reads() { # PERSON FILE OPTIONS...
	person=$1 file=$2
	shift 2
	smime encrypt --raw --no-self -r "$work/$person.pem" "$@" -o "$work/e.der" "$file" &&
		cmsutil -D -d "sql:$work/nss" -i "$work/e.der" -o "$work/back" && cmp "$work/back" "$file"
}

gpgsm_reads() { # PERSON FILE OPTIONS...
	person=$1 file=$2
	shift 2
	smime encrypt --raw --no-self -r "$work/$person.pem" "$@" -o "$work/e.der" "$file" &&
		gpgsm --batch --yes --pinentry-mode loopback --passphrase-fd 3 --decrypt --output "$work/back" \
			"$work/e.der" 3<"$work/passphrase" && cmp "$work/back" "$file"
}

prepare_nss() {
	mkdir "$work/nss" && certutil -N -d "sql:$work/nss" --empty-password &&
		certutil -A -d "sql:$work/nss" -n ca -t C,C,C -i "$work/ca.pem" || return
	for person in ivan olga eve256 eve384 eve521; do
		openssl pkcs12 -export -in "$work/$person.pem" -inkey "$work/$person.key" -name $person \
			-out "$work/$person.p12" -passout pass:x &&
			pk12util -d "sql:$work/nss" -i "$work/$person.p12" -W x || return
	done
}

prepare_gpgsm() {
	export GNUPGHOME=$work/gnupg
	mkdir -m 700 "$GNUPGHOME" && gpgsm --batch --disable-dirmngr --import "$work/ca.pem" &&
		echo "$(openssl x509 -in "$work/ca.pem" -noout -fingerprint -sha1 | sed 's/.*=//;s/://g') S relax" \
			>"$GNUPGHOME/trustlist.txt" &&
		echo allow-loopback-pinentry >"$GNUPGHOME/gpg-agent.conf" && echo x >"$work/passphrase" || return
	for person in ivan olga eve256 eve384 eve521; do
		openssl pkcs12 -export -in "$work/$person.pem" -inkey "$work/$person.key" -out "$work/$person.legacy.p12" \
			-passout pass:x -legacy && gpgsm --batch --disable-dirmngr --pinentry-mode loopback --passphrase-fd 3 \
			--import "$work/$person.legacy.p12" 3<"$work/passphrase"
	done
	[ "$(gpgsm --list-secret-keys --with-colons | grep -c ^crs)" = 5 ]
}

# every_reader KIND CIPHER PERSON FILE OPTIONS...
every_reader() {
	kind=$1 cipher=$2
	shift 2
	set -- "$@" --cipher "$cipher"
	reads openssl "$kind" "$cipher" openssl_reads "$@"
	[ -n "$nss" ] && reads cmsutil "$kind" "$cipher" nss_reads "$@"
	[ -n "$gpgsm" ] && reads gpgsm "$kind" "$cipher" gpgsm_reads "$@"
}

nss= gpgsm=
if command -v cmsutil >/dev/null; then
	ok "prepare NSS" prepare_nss
	nss=yes
else
	skip "NSS" "libnss3-tools is not installed"
fi
if command -v gpgsm >/dev/null; then
	ok "prepare gpgsm" prepare_gpgsm
	gpgsm=yes
else
	skip "gpgsm" "gpgsm is not installed"
fi

for cipher in aes-128-cbc aes-192-cbc aes-256-cbc aes-128-gcm aes-192-gcm aes-256-gcm; do
	every_reader "RSA-2048" $cipher ivan "$work/bytes"
	every_reader "RSA-4096" $cipher olga "$work/bytes"
	every_reader "RSA-2048 OAEP" $cipher ivan "$work/bytes" --oaep
	for curve in 256 384 521; do
		every_reader "P-$curve" $cipher eve$curve "$work/bytes"
	done
	every_reader "RSA-2048, empty" $cipher ivan "$work/empty"
	every_reader "RSA-2048, 3 MB in BER" $cipher ivan "$work/large"
	for key in rsa p256 p384; do
		ok "we read $cipher, $key" we_read $key "$work/bytes" --cipher $cipher
	done
	for file in empty large; do
		ok "we read $cipher, $file" we_read rsa "$work/$file" --cipher $cipher
	done
	ok "we read $cipher, OAEP" we_read rsa "$work/bytes" --cipher $cipher --oaep
done
[ -z "$gpgsm" ] || gpgconf --kill all
echo "# what other programs read of it:"
cat "$work/table"
finish
