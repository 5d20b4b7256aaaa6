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


ed25519_signs() {
	smime sign -k ed --raw -o "$work/s.der" "$work/mail.eml" &&
		start=$(openssl asn1parse -inform DER -in "$work/s.der" | grep 'd=5 .*cont \[ 0 \]' | tail -n 1) &&
		offset=$(echo "$start" | sed 's/^ *\([0-9]*\):.*/\1/') &&
		header=$(echo "$start" | sed 's/.*hl=\([0-9]*\).*/\1/') &&
		length=$(echo "$start" | sed 's/.*l= *\([0-9]*\) cons.*/\1/') &&
		{ printf '\061' && tail -c +$((offset + 2)) "$work/s.der" | head -c $((header + length - 1)); } >"$work/attributes" &&
		tail -c 64 "$work/s.der" >"$work/signature" &&
		openssl pkeyutl -verify -rawin -pubin -inkey "$work/ed.pub" -in "$work/attributes" -sigfile "$work/signature" &&
		grep -qF "$(openssl dgst -sha512 -binary "$work/mail.eml" | od -An -tx1 | tr -d ' \n')" <<-END
			$(od -An -v -tx1 "$work/attributes" | tr -d ' \n')
		END
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
ok "Ed25519 signs the signed attributes" ed25519_signs
finish
