#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs one test, for at most SMIME_TEST_LIMIT seconds: a test that hangs has failed, and the others go
# on. lib.sh says which line of it was at work then, in LAST_WORDS, since its output may be redirected.
LAST_WORDS=$(mktemp "${TMPDIR:-/tmp}/smime-words.XXXXXX") || exit 1
export LAST_WORDS
timeout --kill-after=90 "${SMIME_TEST_LIMIT:-900}" "$@"
status=$?
cat "$LAST_WORDS"
rm -f "$LAST_WORDS"
exit $status
