#!/bin/sh
# SPDX-License-Identifier: ISC
# Generated mails (mails.py: charsets, encodings, attachments, odd line ends, long lines, 8-bit, format=flowed, nested
# multiparts) are signed, encrypted, decrypted and verified, and keep every byte that must be kept. 200 of them;
# 2,000 with ./check.sh --long.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

make_ca
write_conf "trust-anchors $work/ca.pem"
count=200
[ "${SMIME_LONG:-}" = yes ] && count=2000

trip() { # FIRST COUNT
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$srcdir/tests/regress/roundtrip.py" "$@"
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo p256 ec:P-256 rsa@example.org
ok "unlock" unlock
for first in $(seq 0 100 $((count - 1))); do
	ok "mails $first to $((first + 99))" trip $first 100
done
finish
