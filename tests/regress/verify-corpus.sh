#!/bin/sh
# SPDX-License-Identifier: ISC
# Signed messages that nobody here wrote: Thunderbird's, NIST's PKITS with its revocation lists, RFC 4134's
# and RFC 9216's, and inputs found by fuzzing. What openssl says beside it, where it has something to say.
. "$(dirname "$0")/lib.sh"
[ -d "$corpus" ] || plan_skip "no corpus at $corpus (SMIME_CORPUS)"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

index() { # FOLDER: name and expectation of each message
	sed -n "s|^\($1/[^	]*\)	[^	]*	[^	]*	\([^	]*\).*|\1	\2|p" "$corpus/INDEX.tsv"
}
verdict() { # FILE OPTIONS...: of the whole
	file=$1
	shift
	smime verify --json "$@" "$corpus/$file" 2>"$work/said" | tee "$work/json" | sed -n 's/^{"verdict":"\([^"]*\)".*/\1/p'
}

# Thunderbird. Bob reads what is encrypted.
tb=$corpus/thunderbird/smime
import_bob() {
	make_token corpus && openssl pkcs12 -in "$tb/Bob.p12" -passin pass:nss -nodes -nocerts -out "$work/bob.key" &&
		openssl pkcs12 -in "$tb/Bob.p12" -passin pass:nss -nokeys -clcerts -out "$work/bob.pem" &&
		import_key corpus 01 bob "$work/bob.key" "$work/bob.pem" && unlock
}
ok "import Bob" import_bob

# Where Thunderbird looks at one of two signatures only, it calls the mail not good. We look at both, and
# both are; openssl agrees.
is_double() {
	case $1 in *dsig*dave.sig* | *opaque.dave.dsig*) return 0 ;; esac
	return 1
}
thunderbird() { # FILE EXPECTATION
	got=$(verdict "$1" --ca "$tb/TestCA.pem")
	case $2 in
	*sig_good=true* | *"signature by Alice ok"*) [ "$got" = good ] ;;
	*sig=false*) [ "$got" = not-signed ] ;;
	*sig_good=false*"verify ok"*) is_double "$1" && [ "$got" = good ] ;;
	*sig_good=false*) [ "$got" = bad ] ;;
	*"verify ok"*) [ "$got" = good ] ;;
	*) return 1 ;; # an expectation that nobody knows
	esac
}
encrypted_layer() {
	case $2 in
	*enc=true* | *"decrypt ok"*) grep -q '"kind":"encrypted"' "$work/json" ;;
	*) ! grep -q '"kind":"encrypted"' "$work/json" ;;
	esac
}
index thunderbird >"$work/list"
while IFS="	" read -r file expectation; do
	case $file in *.eml) ;; *) continue ;; esac
	ok "${file##*/}: ${expectation%%;*}" thunderbird "$file" "$expectation"
	ok "and encrypted or not" encrypted_layer "$file" "$expectation"
done <"$work/list"

# PKITS: paths and revocation. Two expect policies of a user that mail has not: with RFC 5280's defaults
# (any policy) a path that requires one and has none is refused, which is what PKITS itself says of them.
policy_dependent="SignedDifferentPoliciesTest5 SignedDifferentPoliciesTest9"
pk=$corpus/pkits
openssl x509 -inform DER -in "$pk/certs/TrustAnchorRootCertificate.crt" -out "$work/anchor.pem"
cat "$pk"/crls/*.crl >"$work/crls.der"
{
	cat "$work/anchor.pem"
	for crl in "$pk"/crls/*.crl; do openssl crl -inform DER -in "$crl"; done
} >"$work/anchor-crls.pem"
good=0
refused=0
better=0
better_good=0
pkits() { # FILE EXPECTATION
	name=${1##*/}
	name=${name%.eml}
	ours=$(verdict "$1" --ca "$work/anchor.pem" --crl "$work/crls.der")
	theirs=bad
	openssl cms -verify -crl_check_all -CAfile "$work/anchor-crls.pem" -in "$corpus/$1" -out /dev/null 2>/dev/null && theirs=good
	case $2 in
	"MUST FAIL"*)
		[ -n "$ours" ] && [ "$ours" != good ] || return
		refused=$((refused + 1))
		[ "$theirs" = bad ] || better=$((better + 1))
		;;
	*)
		case " $policy_dependent " in *" $name "*)
			policies="${policies:-} $name"
			return 0
			;;
		esac
		[ "$ours" = good ] || [ "$theirs" = bad ] || return
		[ "$ours" != good ] || good=$((good + 1))
		[ "$ours" != good ] || [ "$theirs" = good ] || better_good=$((better_good + 1))
		;;
	esac
}
index pkits/smime >"$work/list"
while IFS="	" read -r file expectation; do
	ok "${file##*/}: ${expectation%%:*}" pkits "$file" "$expectation"
done <"$work/list"
echo "# PKITS: $good found good ($better_good of them refused by openssl), $refused refused ($better of them accepted by openssl)"
echo "# PKITS, left to a user's policies:${policies:-}"
ok "PKITS was there" [ "$good" -gt 50 ]

# RFC 4134: DSA, 1024-bit RSA, SHA-1. The signatures that openssl finds right are found to fit, and none good.
old=$corpus/rfc4134
for name in CarlRSASelf CarlDSSSelf; do openssl x509 -inform DER -in "$old/$name.cer"; done >"$work/carl.pem"
rfc4134() { # FILE EXPECTATION
	raw=--raw
	case $1 in *.eml) raw= ;; esac
	got=$(verdict "$1" $raw --ca "$work/carl.pem" --at 2006-01-01)
	case $2 in
	*"signature ok"*) [ "$got" != good ] && grep -q weak-digest "$work/json" && ! grep -q '"altered"\|"forged"' "$work/json" ;;
	*) [ "$got" != good ] ;;
	esac
}
index rfc4134 >"$work/list"
while IFS="	" read -r file expectation; do
	case $file in *.bin | *.eml) ok "${file##*/}: ${expectation:-not signed}" rfc4134 "$file" "$expectation" ;; esac
done <"$work/list"

# RFC 9216: Alice and Bob sign with RSA, Carlos and Dana with Ed25519 (which openssl 3.0 has not in CMS, so that
# they are made by hand); each CA certified the other.
new=$corpus/rfc9216
printf 'pay 10 euros to Bob\n' >"$work/text"
for person in Alice Bob Carlos Dana; do
	key=$(echo "$new"/*."$person"_s_Signing_*.pem)
	certificate=$(echo "$new"/*."$person"_s_Signature_*.pem)
	case $person in Alice | Bob) kind=plain ;; *) kind=ed25519 ;; esac
	/usr/bin/python3 "$srcdir/tests/regress/forge.py" $kind "$key" "$certificate" "$work/text" "$new"/3.3.*.pem "$new"/6.3.*.pem >"$work/$person.p7m"
	/usr/bin/python3 "$srcdir/tests/regress/forge.py" $kind,altered-content "$key" "$certificate" "$work/text" >"$work/$person.altered"
	for root in 3.1 6.1; do
		ok "RFC 9216, $person of the root in $root: good" smime verify --raw --ca "$(echo "$new"/$root.*.pem)" -o "$work/out" "$work/$person.p7m"
	done
	ok "and altered: bad" says BAD_SIGNATURE 1 smime verify --json --raw --ca "$(echo "$new"/3.1.*.pem)" "$work/$person.altered"
done

# Nothing that was found by fuzzing verifies, whatever is trusted; nor what is not signed at all.
cat "$work/anchor.pem" "$work/carl.pem" "$tb/TestCA.pem" "$new"/[36].1.*.pem >"$work/all.pem"
refuses() { # FILE
	smime verify --raw --json --ca "$work/all.pem" "$1" >"$work/json" 2>"$work/said"
	[ $? = 1 ] && ! grep -q CLOSED "$work/said"
}
refuse_all() { # FOLDER
	failed=0
	for file in "$1"/*; do
		refuses "$file" && continue
		echo "$file: $(cat "$work/said" "$work/json")" >&2
		failed=1
	done
	return $failed
}
ok "openssl-fuzz: none verified, none crashed" refuse_all "$corpus/openssl-fuzz/cms"
ok "nss-interop: encrypted, and so not signed" refuse_all "$corpus/nss-interop"
finish
