#!/bin/sh
# SPDX-License-Identifier: ISC
# A module that says nothing of keys that are on the card, as ykcs11 does of what it failed to read as the card came: they
# stay known, its next process is asked before a PIN is sent, and all who wait for that process are served. And one that
# gives the handles of sessions that it lost to another card's.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/cards-lib.sh"
. "$srcdir/tests/regress/fault.sh"
DEATHS_EXPECTED=yes # the module's process is killed
reader="Yubico YubiKey OTP+FIDO+CCID" # both modules know it
write_mail "$work/mail.eml"

sign() { # CARD SLOT OUT
	timeout 30 smime sign -k "$(card_key "$1" "$2")" -o "$3" "$work/mail.eml" &&
		openssl cms -verify -in "$3" -CAfile "$work/cards/$1/ca.pem" -out /dev/null
}

lists() { # SLOT...
	smime keys >"$work/keys" || return
	for slot in "$@"; do
		grep -q "^$(card_key alice "$slot")" "$work/keys" || return
	done
}

says_log() { # PATTERN
	grep -q "$1" "$work/agent.log"
}

# use_module PATH: an agent that is not logged in, and knows the card's keys.
use_module() {
	smime agent stop
	rules
	export FAULT_P11_MODULE=$1
	write_fault_conf
	: >"$work/agent.log"
	answers "$CARD_PIN" "$CARD_PIN" "$CARD_PIN"
	smime agent start && wait_for lists 9a 9d
}

not_shown() { # the process finds nothing, in as many searches as it makes to read the card once
	rules "C_FindObjects none 3"
}

# --- the list

stay_known() {
	not_shown
	smime keys >/dev/null && wait_for says_log "may have misread it" && lists 9a 9d
}

# --- no PIN

logins_of() { # PID
	grep -c "^$1 C_Login " "$work/calls"
}

no_pin_before_next() {
	wait_for lists 9a 9d && old=$(process_pid) && [ -n "$old" ] || return
	not_shown
	smime keys >/dev/null && smime unlock || return
	echo "the PIN was sent $(logins_of "$old") times by the process that showed no keys" >&2
	[ "$(logins_of "$old")" = 0 ] && other_process "$old" && [ "$(logins_of "$(process_pid)")" = 1 ]
}

# --- who waits

# The next process starts slowly, so that both wait for it; it shows no keys, and both wait for the one after it. An agent
# that goes round for ever would not end.
all_are_served() {
	wait_for lists 9a 9d || return
	rules "C_FindObjects none 3" "C_Initialize delay=2000 1"
	kill -9 "$(process_pid)"
	sign alice 9a "$work/s1.eml" &
	first=$!
	sign alice 9d "$work/s2.eml" && wait "$first" && return
	kill -9 "$(pgrep -o -x smime-agent)"
	wait "$first"
	return 1
}

# --- a stranger

# As ykcs11 shows a card that was out again as it read it: with nothing on it, and 0 for its serial number.
is_looked_at_again() {
	wait_for lists 9a 9d && old=$(process_pid) && [ -n "$old" ] || return
	rules "C_GetTokenInfo stranger=$old"
	wait_for shows_stranger && sign alice 9a "$work/s1.eml" && other_process "$old"
}
shows_stranger() {
	smime tokens | grep -q '^  serial *0$'
}

# --- sessions that are lost

knows_pin() { # CARD PIN
	serial=$(serial_of "$1") && [ -n "$serial" ] && echo "$serial $2" >>"$HOME/pinentry-pins"
}

# All sessions are lost each time that the first card is read; the second one's next has the handle of the first one's last.
pins_go_to_their_cards() {
	answers
	rm -f "$HOME/pinentry-pins"
	wait_for knows_pin alice "$CARD_PIN" && wait_for knows_pin bob 234567 || return
	rules "C_GetMechanismList drop 2"
	smime keys >/dev/null && sign alice 9a "$work/s1.eml" && sign bob 9a "$work/s2.eml" &&
		card_has alice wrong_pins 0 && card_has bob wrong_pins 0
}

two_cards() { # NAME PATH
	ok "$1: an agent for two cards" use_module "$2"
	ok "$1: all sessions are lost: a PIN goes to its own card" pins_go_to_their_cards
}

run_module() { # NAME PATH
	ok "$1: an agent" use_module "$2"
	ok "$1: keys that the module does not show stay known" stay_known
	ok "$1: an agent again" use_module "$2"
	ok "$1: no PIN is sent before the module's next process has looked" no_pin_before_next
	ok "$1: an agent again" use_module "$2"
	ok "$1: all who wait for a process that shows no keys are served by the next" all_are_served
	ok "$1: an agent again" use_module "$2"
	ok "$1: a card that shows nothing may be the one that was there" is_looked_at_again
}

ok "a reader that both modules know" eval 'pcscd_stop && pcscd_start "$reader"'
ok "a card" card_start alice 0 9a=p256,9d=rsa2048 --usage 9d=digitalSignature+keyEncipherment
for name in opensc ykcs11; do
	eval "module=\$$name"
	if [ -n "$module" ]; then run_module "$name" "$module"; else skip "$name" "it is not installed"; fi
done
ok "the card was sent no wrong PIN" eval 'card_has alice wrong_pins 0'
ok "another card" card_start bob 1 9a=p256 --pin 234567
for name in opensc ykcs11; do
	eval "module=\$$name"
	[ -z "$module" ] || two_cards "$name" "$module"
done
ok "the agent ends, and no process is left" eval 'smime agent stop && wait_for eval "! pgrep ^smime"'
card_stop alice
card_stop bob
finish
