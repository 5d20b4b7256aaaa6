#!/bin/sh
# SPDX-License-Identifier: ISC
# What we encrypt is read by openssl, NSS's cmsutil, gpgsm, and by ourselves: each kind of key, cipher and padding.
# The table at the end has what was read by what.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

head -c 100000 /dev/urandom >"$work/bytes"
head -c 3000000 /dev/urandom >"$work/large"
: >"$work/empty"
people="ivan olga eve256 eve384 eve521"

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

# read_by_X PERSON FILE: whether X makes the file of $work/e.der.
read_by_openssl() {
	openssl cms -decrypt -inform DER -in "$work/e.der" -recip "$work/$1.pem" -inkey "$work/$1.key" \
		-out "$work/back" && cmp "$work/back" "$2"
}

read_by_cmsutil() {
	cmsutil -D -d "sql:$work/nss" -i "$work/e.der" -o "$work/back" && cmp "$work/back" "$2"
}

read_by_gpgsm() {
	gpgsm --batch --yes --disable-dirmngr --pinentry-mode loopback --passphrase-fd 3 --decrypt --output "$work/back" \
		"$work/e.der" 3<"$work/passphrase" && cmp "$work/back" "$2"
}

ours() { # PERSON FILE CIPHER [--oaep]
	smime encrypt --raw --no-self -r "$work/$1.pem" --cipher "$3" ${4:-} -o "$work/e.der" "$2"
}

theirs() { # the same, by openssl
	options=
	[ -z "${4:-}" ] || options="-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256"
	case $1 in eve*) options="-keyopt ecdh_kdf_md:sha256" ;; esac
	openssl cms -encrypt -binary "-$3" -in "$2" -outform DER -out "$work/e.der" -recip "$work/$1.pem" $options
}

row() { # READER KIND CIPHER RESULT
	printf '# %-8s %-22s %-12s %s\n' "$@" >>"$work/table"
}

# every_reader KIND PERSON FILE CIPHER [--oaep]: a test for each reader, and a row of the table. What one does not read
# is its own lack if it does not read what openssl writes either.
every_reader() {
	kind=$1
	shift
	ok "encrypt, $kind, $3" ours "$@"
	cp "$work/e.der" "$work/ours.der"
	for reader in openssl $nss $gpgsm; do
		cp "$work/ours.der" "$work/e.der"
		if "read_by_$reader" "$@" >"$work/said" 2>&1; then
			ok "$reader reads $kind, $3" true
			row $reader "$kind" "$3" "reads it"
		elif [ $reader != openssl ] && theirs "$@" && ! "read_by_$reader" "$@" >/dev/null 2>&1; then
			row $reader "$kind" "$3" "reads neither it nor what openssl writes"
		else
			ok "$reader reads $kind, $3" sh -c 'cat "$1" >&2; exit 1' sh "$work/said"
			row $reader "$kind" "$3" "DOES NOT READ IT"
		fi
	done
}

prepare_nss() {
	mkdir "$work/nss" && certutil -N -d "sql:$work/nss" --empty-password &&
		certutil -A -d "sql:$work/nss" -n ca -t C,C,C -i "$work/ca.pem" || return
	for person in $people; do
		openssl pkcs12 -export -in "$work/$person.pem" -inkey "$work/$person.key" -name $person \
			-out "$work/$person.p12" -passout pass:x &&
			pk12util -d "sql:$work/nss" -i "$work/$person.p12" -W x || return
	done
}

# Its PKCS#12 import crashes on an EC key: the agent's file is written for it.
gpgsm_takes_ec() { # PERSON CURVE
	gpgsm --batch --disable-dirmngr --import "$work/$1.pem" || return
	grip=$(gpgsm --list-keys --with-colons "$1@example.net" | sed -n 's/^grp:*\([0-9A-F]*\):*$/\1/p' | head -n 1)
	text=$(openssl pkey -in "$work/$1.key" -noout -text | tr -d ' \n')
	q=$(echo "$text" | sed 's/.*pub:\([0-9a-f:]*\)ASN1.*/\1/;s/://g')
	d=$(echo "$text" | sed 's/.*priv:\([0-9a-f:]*\)pub:.*/\1/;s/://g')
	[ -n "$grip" ] && mkdir -p "$GNUPGHOME/private-keys-v1.d" && chmod 700 "$GNUPGHOME/private-keys-v1.d" &&
		echo "Key: (private-key (ecc (curve \"NIST P-$2\")(q #$q#)(d #$d#)))" \
			>"$GNUPGHOME/private-keys-v1.d/$grip.key"
}

# One file in some hundred is one that gpgsm 2.2.40 cannot decrypt: another salt helps.
gpgsm_takes() { # PERSON
	openssl pkcs12 -export -in "$work/$1.pem" -inkey "$work/$1.key" -out "$work/$1.legacy.p12" -passout pass:x -legacy &&
		gpgsm --batch --disable-dirmngr --pinentry-mode loopback --passphrase-fd 3 --import "$work/$1.legacy.p12" \
			3<"$work/passphrase"
}
prepare_gpgsm() {
	export GNUPGHOME=$work/gnupg
	mkdir -m 700 "$GNUPGHOME" && gpgsm --batch --disable-dirmngr --import "$work/ca.pem" &&
		echo allow-loopback-pinentry >"$GNUPGHOME/gpg-agent.conf" && echo x >"$work/passphrase" || return
	for person in ivan olga; do
		gpgsm_takes $person || gpgsm_takes $person || gpgsm_takes $person || return
	done
	for curve in 256 384 521; do
		gpgsm_takes_ec eve$curve $curve || return
	done
}

# From a file and a pipe: KEY FILE OPTIONS...
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
nss= gpgsm=
if command -v cmsutil >/dev/null; then
	ok "prepare NSS" prepare_nss
	nss=cmsutil
else
	skip "NSS" "libnss3-tools is not installed"
fi
if command -v gpgsm >/dev/null; then
	ok "prepare gpgsm" prepare_gpgsm
	gpgsm=gpgsm
else
	skip "gpgsm" "gpgsm is not installed"
fi

for cipher in aes-128-cbc aes-192-cbc aes-256-cbc aes-128-gcm aes-192-gcm aes-256-gcm; do
	every_reader RSA-2048 ivan "$work/bytes" $cipher
	every_reader RSA-4096 olga "$work/bytes" $cipher
	every_reader "RSA-2048 OAEP" ivan "$work/bytes" $cipher --oaep
	for curve in 256 384 521; do
		every_reader P-$curve eve$curve "$work/bytes" $cipher
	done
	every_reader "RSA-2048, empty" ivan "$work/empty" $cipher
	every_reader "RSA-2048, 3 MB in BER" ivan "$work/large" $cipher
	for key in rsa p256 p384; do
		ok "we read $cipher, $key" we_read $key "$work/bytes" --cipher $cipher
	done
	for file in empty large; do
		ok "we read $cipher, $file" we_read rsa "$work/$file" --cipher $cipher
	done
	ok "we read $cipher, OAEP" we_read rsa "$work/bytes" --cipher $cipher --oaep
done
[ -z "$gpgsm" ] || gpgconf --kill all
echo "# what other programs make of what we encrypt:"
sort "$work/table"
finish
