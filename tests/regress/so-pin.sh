#!/bin/sh
# SPDX-License-Identifier: ISC
# The SO PIN and the user PIN are two things; and what is left of a token that was initialised again, or of a task whose
# client went.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/fault.sh"
. "$srcdir/tests/regress/pin-lib.sh"
DEATHS_EXPECTED=yes

use_conf
ok "initialise a token" make_token Demo
ok "make a key" make_key Demo ec ec:P-256

init_with() { # SO-PIN
	printf '%s\n%s\n' "$1" "$PIN" >"$work/so-pins"
	smime token init --token Demo --label Again --pin-fd 3 3<"$work/so-pins"
}
inits_called() { # EXPECTED-STATUS COUNT SO-PIN
	new_calls C_InitToken init_with "$3"
	echo "status $got, C_InitToken $count" >&2
	[ "$got" = "$1" ] && [ "$count" = "$2" ]
}

ok "a wrong SO PIN" inits_called 4 1 "$PIN"
ok "the same one is not sent again" inits_called 4 0 "$PIN"
use_again() {
	smime lock && printf '%s\n' "$PIN" | smime unlock --pin-fd 0
}
ok "it is the user's PIN, and right for that" use_again
rules "C_GetTokenInfo flags=0x200000"
ok "the SO PIN's last try is not spent unasked" inits_called 4 0 "$SO_PIN"
answers CANCEL
ok "a person is asked for it" eval 'smime token init --token Demo --label Again; [ "$(times_asked)" -ge 1 ]'
rules "C_GetTokenInfo flags=0x400000"
ok "an SO PIN that is locked is not sent" inits_called 4 0 "$SO_PIN"
rules "C_GetTokenInfo flags=0x40000"
ok "a locked user PIN keeps nobody from the SO PIN" inits_called 0 1 "$SO_PIN"
rules
only_again() {
	smime tokens --json >"$work/list" && grep -q '"Again"' "$work/list" && ! grep -q '"Demo"' "$work/list"
}
ok "the old name is not known any more" only_again

# --- a client that goes

admin_runs() {
	pgrep -P "$(agent_pid)" -f smime-agent-admin >/dev/null
}
admin_ended() {
	! admin_runs
}
client_goes() {
	rules "C_GenerateKeyPair hang"
	printf '%s\n' "$PIN" >"$work/pin-line"
	smime token keygen --token Again --label long --type rsa:2048 --pin-fd 3 3<"$work/pin-line" &
	keygen=$!
	wait_for admin_runs && kill -KILL "$keygen" && wait_for admin_ended
	rc=$?
	rules
	return $rc
}
ok "a client that goes: its task is ended" client_goes
ok "and the token works" make_key Again ec ec:P-256
finish
