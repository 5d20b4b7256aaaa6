#!/bin/sh
# SPDX-License-Identifier: ISC
# make bench, with as little as can be measured: each row is there with figures, and a command that fails ends it.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
export srcdir builddir
export BENCH_SECONDS=0.02 BENCH_RUNS=1 BENCH_MB=1 BENCH_CERTS=100
mkdir "$work/bench"
ln -s "$srcdir/tests/regress" "$work/regress"

bench() { # [SED-COMMAND]: with these changes
	sed "${1:-}" "$srcdir/tests/bench/bench.sh" >"$work/bench/bench.sh" && sh "$work/bench/bench.sh" >"$work/table"
}
has_rows() { # COUNT PATTERN
	[ "$(grep -c -- "$2" "$work/table")" = "$1" ] && return
	cat "$work/table" >&2
	return 1
}
# fails_in PART ROW SED-COMMAND: with nothing before this part, and the row's command changed into one that fails.
fails_in() {
	says "failed in the row \"$2\"" 1 bench "/^echo \"== signatures/,/^echo \"== $1/d; $3"
}

ok "the bench runs" bench
ok "signatures through a kept connection" has_rows 6 'clients *[1-9][0-9]*/s .* p50 *[1-9]'
ok "one process that signs or encrypts: openssl, with and without a pipe" has_rows 3 '^smime .* ms; openssl cms -[^ ]*\(, software key\| | .*\|\) [0-9.]* ms, smime/openssl [0-9]'
ok "encrypting, decrypting and verifying" has_rows 6 'smime [0-9.]* s (worker [0-9a-z.]* MB); openssl [0-9.]* s ([0-9a-z.]* MB), openssl/smime [0-9]'
ok "the certificate store" has_rows 3 '^\(import\|found by.*\|always.*\): .*[1-9][0-9]* us'
ok "microseconds are no milliseconds" awk '/^import:/ { off = $2 * 1e6 / ENVIRON["BENCH_CERTS"] - $4; seen = 1 } END { exit !seen || off < -6 || off > 6 }' "$work/table"
ok "a command of ours that fails" fails_in 'one process that signs' 'openssl cms -sign, software key' 's/^sign="smime sign/& --no-such-option/'
ok "one before a pipe" fails_in 'one process that encrypts' 'openssl cms -sign | openssl cms -encrypt, software key' 's/{ openssl cms -sign/& -no-such-option/'
finish
