#!/bin/sh
# SPDX-License-Identifier: ISC
# The tries that a token has left are not wasted, and the last one is not spent without the person's knowing.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/fault.sh"
. "$srcdir/tests/regress/pin-lib.sh"
DEATHS_EXPECTED=yes

use_conf
ok "initialise a token" make_token Demo
ok "make a key" make_key Demo ec ec:P-256

crash_once() { # the next signature ends the token process, and the login with it
	rules "$@" "C_Sign segv 1"
}

last_try_asked() {
	answers "$PIN"
	sign_with 1 1 0 && grep -q '^SETDESC.*LAST TRY' "$asked"
}

# The agent does not know yet: the person must not spend the last try unaware.
last_try_came_meanwhile() {
	rules
	smime lock && smime keys >/dev/null || return
	rules "$final_try"
	answers "$PIN" "$PIN"
	sign_with 2 1 0 && [ "$(grep -c '^SETDESC.*LAST TRY' "$asked")" = 1 ]
}

last_try_cached() {
	rules
	answers "$PIN" CANCEL
	sign_with 1 1 0 || return
	crash_once "$final_try"
	new_calls C_Login sign
	rules
	echo "logins $count, status $got, asked $(times_asked)" >&2
	[ "$count" = 0 ] && [ "$got" = 4 ] && [ "$(times_asked)" = 2 ]
}

rules "$final_try" # before the agent first looks
use_conf
ok "the last try: the person is told" last_try_asked
ok "the last try: told also if it came meanwhile" last_try_came_meanwhile
ok "the last try: a cached PIN is not sent, the person is asked" last_try_cached
rules "$final_try"
ok "the last try: --pin-fd is not sent" says "one try" 4 no_login unlock_with "$PIN\n"
use_conf "pin-source Demo file:$work/pin"
ok "the last try: pin-source is not sent" from_source 0 4 1
rules "C_GetTokenInfo flags=0x10000"
answers "$PIN"
use_conf
ok "few tries left: the person is told" eval 'sign && grep -q "^SETDESC.*few tries" "$asked"'
rules "C_GetTokenInfo flags=0x40000"
use_conf
answers "$PIN"
ok "a locked PIN is said, and nobody is asked" says "locked" 4 no_login sign
ok "nobody was asked" [ "$(times_asked)" = 0 ]

refused() { # RV PATTERN
	rules "C_Login rv=$1"
	answers "$PIN" "$PIN" "$PIN"
	says "$2" 4 sign && [ "$(times_asked)" = 1 ]
}

rules
use_conf
ok "CKR_PIN_LOCKED has its message" refused 0xa4 "PIN is locked"
ok "CKR_PIN_EXPIRED has its message" refused 0xa3 "PIN has expired"
ok "CKR_USER_PIN_NOT_INITIALIZED has its message" refused 0x102 "no user PIN yet"

# --- at the reader

at_the_reader() {
	rules "C_GetTokenInfo flags=0x100" "C_Login pad=$PIN"
	use_conf
	answers
	sign_with 0 1 0
}

wrong_at_the_reader() {
	rules "C_GetTokenInfo flags=0x100" "C_Login rv=0xa0"
	answers
	sign_with 0 1 4
}

ok "a PIN that is typed at the reader" at_the_reader
ok "a wrong one there: not again unasked" wrong_at_the_reader
rules

# --- the module fails in C_Login, before the token judged the PIN

failed_login() { # LOGINS STATUS RULE...
	logins=$1
	want=$2
	shift 2
	rules "C_Login rv=0x30 1" "$@"
	use_conf
	answers "$PIN"
	sign_with 1 "$logins" "$want"
}

failed_at_the_reader() {
	rules "C_GetTokenInfo flags=0x100" "C_Login rv=0x30 1" "C_Login pad=$PIN"
	use_conf
	answers
	sign_with 0 1 3
}

first_rule_fires() {
	ls "$work"/rules.1.*
}

# Somebody else spends tries while the PIN is on its way.
tries_spent_meanwhile() {
	rm -f "$work/spent"
	rules "C_Login gate=$work/spent 1" "C_Login rv=0x30 1"
	use_conf
	answers "$PIN"
	smime lock || return
	before=$(calls C_Login)
	sign &
	wait_for first_rule_fires && rules "C_GetTokenInfo flags=0x10000"
	: >"$work/spent"
	wait $!
	got=$?
	echo "logins $(($(calls C_Login) - ${before:-0})), status $got" >&2
	[ "$got" = 3 ] && [ $(($(calls C_Login) - ${before:-0})) = 1 ]
}

ok "the PIN is sent once more" failed_login 2 0
ok "not where it is the last try" failed_login 1 3 "$final_try"
ok "not when tries were spent meanwhile" tries_spent_meanwhile
ok "nor one that is typed at the reader" failed_at_the_reader
finish
