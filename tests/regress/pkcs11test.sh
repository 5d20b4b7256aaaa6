#!/bin/sh
# SPDX-License-Identifier: ISC
# google/pkcs11test, where PKCS11TEST names the program that was built from it: what passes on SoftHSM directly
# passes through the module, but for what is listed here (the reasons are in docs/INTEROP.md).
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
[ -x "${PKCS11TEST:-}" ] || plan_skip "PKCS11TEST does not name google's pkcs11test"
. "$srcdir/tests/regress/pkcs11-lib.sh"
[ -z "$sanitizer" ] || plan_skip "pkcs11test was not built with the sanitizers"

cat >"$work/makes-keys" <<-'END'
	Ciphers/.*
	Digests/.*
	Duals/.*
	Signatures/.*
END
cat >"$work/makes-objects" <<-'END'
	DataObjectTest\..*
	KeyPairTest\.EncryptDecrypt
	RWEitherSessionTest\.TookanAttackA2
	ReadWriteSessionTest\.(AsymmetricTokenKeyPair|ExtractKeys|FindObjectSubset|PublicExponent4Bytes|SetLatchingAttribute|TookanAttack.*)
	ReadOnlySessionTest\.(CreateKeyPairObjects|CreateSecretKeyAttributes|GenerateKey(Pair)?Invalid|SignVerifyRecover)
	ReadOnlySessionTest\.Digest(InitInvalid|TestVectors)
END
cat >"$work/wants-a-login" <<-'END'
	(ROUser|RWUser|RWSO)SessionTest\..*
END
runs() { # NAME MODULE: the names of the tests that pass
	timeout 400 "$PKCS11TEST" -m "$(basename "$2")" -l "$(dirname "$2")" -S 0 -u "$PIN" -o "$SO_PIN" >"$work/$1.log" 2>&1
	sed -n 's/^\[       OK \] \([^ ,]*\).*/\1/p' "$work/$1.log" | sort -u >"$work/$1"
	grep -q '^\[==========\].* ran' "$work/$1.log" && [ "$(wc -l <"$work/$1")" -gt 80 ]
}
differs_as_written() {
	comm -23 "$work/direct" "$work/agent" >"$work/lost"
	! grep -Exv -f "$work/makes-keys" -f "$work/makes-objects" -f "$work/wants-a-login" "$work/lost" >&2
}

write_conf "pin-source Demo file:$work/pin"
ok "initialise a token" make_token Demo
ok "make a key" make_key Demo rsa rsa:2048
ok "lock" smime lock
ok "the suite, through the module" runs agent "$module"
ok "on SoftHSM directly" runs direct "$softhsm"
ok "what differs is what is written down" differs_as_written
finish
