#!/bin/sh
# SPDX-License-Identifier: ISC
# Messages that nobody here wrote, for keys that are published with them: each decrypts to the bytes
# that openssl makes of it. The keys are imported into SoftHSM.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
[ -d "$corpus/nss-interop" ] || plan_skip "no sample messages at $corpus"

import_p12() { # FILE ID
	openssl pkcs12 -in "$1" -passin pass:nss -nodes -nocerts -out "$work/$2.key" &&
		openssl pkcs12 -in "$1" -passin pass:nss -nokeys -clcerts -out "$work/$2.pem" &&
		import_key Samples "$2" "key-$2" "$work/$2.key" "$work/$2.pem"
}

# Bob of RFC 4134: a 1024-bit key in PKCS#8, with a wrapper that openssl reads.
import_rfc4134() { # KEY CERT ID
	openssl pkey -inform DER -in "$corpus/rfc4134/$1" -out "$work/$3.key" &&
		openssl x509 -inform DER -in "$corpus/rfc4134/$2" -out "$work/$3.pem" &&
		import_key Samples "$3" "key-$3" "$work/$3.key" "$work/$3.pem"
}

same() { # FORM FILE ID
	openssl cms -decrypt -inform "$1" -in "$2" -recip "$work/$3.pem" -inkey "$work/$3.key" -out "$work/wanted" || return
	case $1 in
	DER) smime decrypt --raw "$2" | cmp - "$work/wanted" ;;
	*)
		smime decrypt "$2" >"$work/got" && size=$(wc -c <"$work/wanted") &&
			tail -c "$size" "$work/got" | cmp - "$work/wanted"
		;;
	esac
}

ok "initialise a token" make_token Samples
ok "import Fran" import_p12 "$corpus/nss-interop/Fran.p12" a1
ok "import Fran-ec" import_p12 "$corpus/nss-interop/Fran-ec.p12" a2
ok "import Thunderbird's Bob" import_p12 "$corpus/thunderbird/smime/Bob.p12" a3
ok "import RFC 4134's Bob" import_rfc4134 BobPrivRSAEncrypt.pri BobRSASignByCarl.cer a4
ok "import RFC 4134's Diane" import_rfc4134 DianePrivRSASignEncrypt.pri DianeRSASignByCarl.cer a5
ok "unlock" unlock
for file in "$corpus"/nss-interop/fran-oaep*.env; do
	ok "$(basename "$file")" same DER "$file" a1
done
for file in "$corpus"/nss-interop/fran-ec*.env; do
	ok "$(basename "$file")" same DER "$file" a2
done
for file in "$corpus"/thunderbird/smime/*.env.eml; do
	ok "$(basename "$file")" same SMIME "$file" a3
done
ok "RFC 4134 5.1 (3DES)" same DER "$corpus/rfc4134/5.1.bin" a4
ok "RFC 4134 5.3 (3DES, a mail)" same SMIME "$corpus/rfc4134/5.3.eml" a4
ok "RFC 4134 5.2 (RC2) is refused by today's policy" \
	says "not supported" 1 smime decrypt --raw "$corpus/rfc4134/5.2.bin"
finish
