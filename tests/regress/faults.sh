#!/bin/sh
# SPDX-License-Identifier: ISC
# Every PKCS#11 function that the agent calls fails in every way that the fault module knows: each request
# ends in time with a right result or a right error, and the next one works (faults.py).
# A part of the ways here, by SMIME_SEED; all with SMIME_LONG.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/fault.sh"
DEATHS_EXPECTED=yes
parts=20
[ -z "${SMIME_LONG:-}" ] || parts=1
# Always the same here, so that a failure is of what changed; another each time with SMIME_LONG.
seed=8
[ -z "${SMIME_LONG:-}" ] || seed=$(date +%s)
seed=${SMIME_SEED:-$seed}
echo "# SMIME_SEED=$seed"
export WORK=$work
echo "bytes to sign" >"$work/bytes"
write_fault_conf "operation-timeout 3" "idle-workers 1" "pin-source Demo file:$work/pin"

two_keys() {
	make_token Demo && make_key Demo rsa rsa:2048 && make_key Demo ec ec:P-256 && mkdir "$work/soft" &&
		cp "$work/ca.pem" "$work/soft/" || return
	for key in rsa ec; do
		openssl cms -encrypt -binary -in "$work/bytes" -outform DER -out "$work/soft/$key.sealed" -aes256 \
			"$work/$key.pem" || return
	done
}

functions() {
	sed -n 's/^CALL(\(C_[A-Za-z]*\),.*/\1/p' "$srcdir/tests/faults/calls.def"
	sed -n 's/^static CK_RV fault_\(C_[A-Za-z]*\)(.*/\1/p' "$srcdir/tests/faults/fault_p11.c"
}

fails_well() { # FUNCTION
	/usr/bin/python3 "$srcdir/tests/regress/faults.py" "$1" $((seed % parts)) $parts
}

was_called() { # FUNCTION
	[ "$(calls "$1")" -gt 0 ]
}

ok "a token with two keys" two_keys
for function in $(functions); do
	# The administration of tokens and the end of a process are elsewhere.
	case $function in C_SetPIN | C_Finalize) continue ;; esac
	seed=$((seed + 1))
	ok "$function fails" fails_well "$function"
	ok "$function was called" was_called "$function"
done
finish
