#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs one test, for at most SMIME_TEST_LIMIT seconds: a test that hangs has failed, and the others go
# on. lib.sh says which line of it was at work then.
exec timeout --kill-after=90 "${SMIME_TEST_LIMIT:-900}" "$@"
