#!/bin/sh
# SPDX-License-Identifier: ISC
# Our signatures in other people's programs: NSS's cmsutil and gpgsm, as far as each can read the
# kind. Ed25519, which neither reads (nor OpenSSL 3.0's cms), is verified over the signed attributes.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

write_mail "$work/mail.eml"

nss_accepts() { # KEY OPTIONS...
	key=$1
	shift
	smime sign -k "$key" --raw "$@" -o "$work/s.der" "$work/mail.eml" &&
		cmsutil -D -d "sql:$work/nss" -c "$work/mail.eml" -i "$work/s.der" &&
		smime sign -k "$key" --raw --opaque "$@" -o "$work/s.der" "$work/mail.eml" &&
		cmsutil -D -d "sql:$work/nss" -i "$work/s.der" -o "$work/out.eml" && cmp "$work/out.eml" "$work/mail.eml" &&
		# The check can fail: not over other content.
		! cmsutil -D -d "sql:$work/nss" -c "$work/ca.pem" -i "$work/detached.der"
}

gpgsm_accepts() { # KEY OPTIONS...
	key=$1
	shift
	smime sign -k "$key" --raw "$@" -o "$work/s.der" "$work/mail.eml" &&
		gpgsm --batch --disable-crl-checks --verify "$work/s.der" "$work/mail.eml" &&
		! gpgsm --batch --disable-crl-checks --verify "$work/s.der" "$work/ca.pem"
}

prepare_nss() {
	mkdir "$work/nss" && certutil -N -d "sql:$work/nss" --empty-password &&
		certutil -A -d "sql:$work/nss" -n ca -t C,C,C -i "$work/ca.pem" &&
		smime sign -k rsa --raw -o "$work/detached.der" "$work/mail.eml"
}

prepare_gpgsm() {
	export GNUPGHOME=$work/gnupg
	mkdir -m 700 "$GNUPGHOME" && gpgsm --batch --disable-dirmngr --import "$work/ca.pem" &&
		echo "$(openssl x509 -in "$work/ca.pem" -noout -fingerprint -sha1 | sed 's/.*=//;s/://g') S relax" \
			>"$GNUPGHOME/trustlist.txt"
}

make_ed25519() {
	pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --keypairgen \
		--key-type EC:edwards25519 --label ed --id ed01 &&
		pkcs11-tool --module "$softhsm" --token-label Demo --read-object --type pubkey --id ed01 -o "$work/ed.pub" &&
		openssl x509 -new -force_pubkey "$work/ed.pub" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
			-subj /CN=ed -days 1 -outform DER -out "$work/ed.der" &&
		pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --write-object "$work/ed.der" \
			--type cert --id ed01 --label ed
}


ed25519_signs() { # KEY: whose public half is in KEY.pub
	smime sign -k "$1" --raw -o "$work/s.der" "$work/mail.eml" &&
		start=$(openssl asn1parse -inform DER -in "$work/s.der" | grep 'd=5 .*cont \[ 0 \]' | tail -n 1) &&
		offset=$(echo "$start" | sed 's/^ *\([0-9]*\):.*/\1/') &&
		header=$(echo "$start" | sed 's/.*hl=\([0-9]*\).*/\1/') &&
		length=$(echo "$start" | sed 's/.*l= *\([0-9]*\) cons.*/\1/') &&
		{ printf '\061' && tail -c +$((offset + 2)) "$work/s.der" | head -c $((header + length - 1)); } >"$work/attributes" &&
		tail -c 64 "$work/s.der" >"$work/signature" &&
		openssl pkeyutl -verify -rawin -pubin -inkey "$work/$1.pub" -in "$work/attributes" -sigfile "$work/signature" &&
		grep -qF "$(openssl dgst -sha512 -binary "$work/mail.eml" | od -An -tx1 | tr -d ' \n')" <<-END
			$(od -An -v -tx1 "$work/attributes" | tr -d ' \n')
		END
}

# libp11 0.4.12 cannot list the keys of a token that has an Ed25519 key.
request_is_right() { # KEY TYPE
	make_key Demo "$1" "$2" && openssl req -verify -noout -in "$work/$1.csr" 2>&1 | grep -q "verify OK" &&
		openssl req -noout -pubkey -in "$work/$1.csr" >"$work/$1.pub" &&
		openssl req -noout -text -in "$work/$1.csr" | grep -q "email:$1@example.org" &&
		smime keys --json | grep -q "\"label\": *\"$1\""
}

# The public half comes from the old certificate: SoftHSM's private EC keys have none.
renewal() {
	openssl ecparam -name secp384r1 -genkey -noout -out "$work/old.key" &&
		openssl req -x509 -new -key "$work/old.key" -subj /CN=old -days 1 -out "$work/old.pem" &&
		import_key Demo 0de5 old "$work/old.key" "$work/old.pem" &&
		smime token csr --token Demo --label old --subject /CN=renewed --pin-fd 3 3<"$work/pin" >"$work/old.csr" &&
		openssl req -noout -pubkey -in "$work/old.csr" >"$work/old.pub" &&
		openssl pkey -in "$work/old.key" -pubout | cmp - "$work/old.pub"
}

two_of_a_label() {
	pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --keypairgen --key-type EC:prime256v1 \
		--label p256 --id 2222 &&
		says "more than one key fits" 2 smime token csr --token Demo --label p256 --subject /CN=x --pin-fd 3 3<"$work/pin"
}

# Each is administered by its URI, and no other.
two_tokens_of_a_label() {
	make_token Twin && make_token Twin &&
		says "more than one token" 2 smime token keygen --token Twin --label x --pin-fd 3 3<"$work/pin" || return
	for uri in $(smime tokens --json | sed -n 's/.*"uri": *"\([^"]*token=Twin[^"]*\)".*/\1/p'); do
		smime token keygen --token "$uri" --label twin --type ec:P-256 --pin-fd 3 3<"$work/pin" &&
			smime token csr --token "$uri" --label twin --subject /CN=twin --pin-fd 3 3<"$work/pin" |
			openssl req -noout -pubkey >>"$work/twins" || return
	done
	[ "$(sort -u "$work/twins" | grep -vc "^-")" -ge 3 ] &&
		says "not present" 3 smime token csr --token "pkcs11:token=Twin;serial=0" --label twin --subject /CN=x \
			--pin-fd 3 3<"$work/pin"
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo p256 ec:P-256
ok "make a P-384 key" make_key Demo p384 ec:P-384
ok "unlock" unlock
if command -v cmsutil >/dev/null; then
	ok "prepare NSS" prepare_nss
	for key in rsa p256 p384; do
		ok "NSS accepts $key" nss_accepts $key
		ok "NSS accepts $key with SHA-512" nss_accepts $key --digest sha512
	done
	ok "NSS accepts RSA-PSS" nss_accepts rsa --pss
else
	skip "NSS" "libnss3-tools is not installed"
fi
if command -v gpgsm >/dev/null; then
	ok "prepare gpgsm" prepare_gpgsm
	for key in rsa p256 p384; do
		ok "gpgsm accepts $key" gpgsm_accepts $key
	done
	ok "gpgsm accepts RSA-PSS" gpgsm_accepts rsa --pss
	gpgconf --kill all
else
	skip "gpgsm" "gpgsm is not installed"
fi
ok "an Ed25519 key, made by another program" make_ed25519
ok "Ed25519 signs the signed attributes" ed25519_signs ed
ok "beside it, an Ed25519 key of our own with a certificate" request_is_right ed2 ed25519
ok "it signs as well" ed25519_signs ed2
ok "beside both, an RSA key" request_is_right rsa2 rsa:2048
ok "and a P-521 key" request_is_right p521 ec:P-521
ok "a certificate is stored once" says "exists on the token already" 4 smime token import-cert --token Demo \
	--pin-fd 3 "$work/ed2.pem" 3<"$work/pin"
ok "a request for a key that is known by its certificate" renewal
ok "two tokens of one label" two_tokens_of_a_label
ok "a request for a label that two keys have is refused" two_of_a_label
finish
