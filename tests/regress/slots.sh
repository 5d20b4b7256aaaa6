#!/bin/sh
# SPDX-License-Identifier: ISC
# A module with more tokens than the agent uses: the first are there, and work.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

make_tokens() {
	for i in $(seq 70); do
		softhsm2-util --init-token --free --label "Token $i" --pin 123456 --so-pin 12345678 >/dev/null || return
	done
}

ok "a token with a key" make_token Demo
ok "its key" make_key Demo key ec:P-256
ok "70 tokens more" make_tokens
ok "an agent that sees them" smime agent stop
lists_64() {
	smime tokens --json >"$work/list" && [ "$(grep -o "\"label\"" "$work/list" | wc -l)" = 64 ]
}
ok "64 of them are listed" lists_64
ok "the log tells of the others" grep -q "has 7[0-9] slots with a token; the first 64 are used" "$work/agent.log"
finish
