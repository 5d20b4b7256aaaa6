#!/bin/sh
# SPDX-License-Identifier: ISC
# The PKCS#11 module in a program while the agent, or what is behind it, goes in the middle of a call.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/pkcs11-lib.sh"
. "$srcdir/tests/regress/fault.sh"
DEATHS_EXPECTED=yes # many are killed

program() {
	foreign "$builddir/tests/clients/p11_client" "$module" rsa "$@"
}
signs() {
	program --once
}
# in_call COMMAND...: while C_Sign is going on in the token's module.
in_call() {
	before=$(calls C_SignInit)
	program --once >"$work/client.out" 2>&1 &
	client=$!
	wait_for more_calls && "$@" && wait $client && return
	cat "$work/client.out" >&2
	return 1
}
more_calls() {
	[ "$(calls C_SignInit)" -gt "${before:-0}" ]
}
kill_agent() {
	rules # the next one is quick
	kill -9 "$(agent_pid)"
}
# The worker that serves the program: the agent's youngest but for those that wait.
kill_workers() {
	rules
	for worker in $(pgrep -P "$(agent_pid)" smime-agent-wor); do
		kill -9 "$worker" || : # the one that told us the agent's number may have ended
	done
}
stop_agent() {
	rules
	smime agent stop
}
SLOW="C_Sign delay=3000"

write_fault_conf "pin-source Demo file:$work/pin"
ok "initialise a token" make_token Demo
ok "make a key" make_key Demo rsa rsa:2048
ok "a program signs" signs
status_without_start() {
	smime agent stop
	wait_for no_socket
}
no_socket() {
	[ ! -e "$SMIME_AGENT_SOCKET" ]
}
ok "the agent is stopped" status_without_start
ok "a program starts it" signs
rules "$SLOW"
ok "the agent is killed in the middle of a call, which ends well" in_call kill_agent
rules "$SLOW"
ok "so does one whose worker is killed" in_call kill_workers
rules "$SLOW"
ok "and one whose token's module is" in_call process_dies
rules "$SLOW"
stopped_by_hand() { # which may end the call, too: with a code of PKCS#11's
	in_call stop_agent || grep -q '^first signature: 0x30$' "$work/client.out" && signs
}
ok "an agent that is stopped by hand ends it, or not, and the next call works" stopped_by_hand
rules "C_Sign rv=0x30"
ok "a token that fails is one that failed" says 'first signature: 0x30' 1 signs
rules "C_Sign rv=0x32"
ok "a token that is said to be gone is gone" says 'first signature: 0x32' 1 signs
rules "C_Sign segv 1"
ok "a module that crashes once is not noticed" signs
rules "C_Sign segv"
ok "one that does so each time is a failure of the device" says 'first signature: 0x30' 1 signs
rules
ok "and then all is as it was" wait_for signs
write_fault_conf "pin-source Demo file:$work/pin" "operation-timeout 3"
ok "a shorter limit for operations" smime agent stop
rules "C_Sign hang 1"
ok "a module that hangs once costs that time alone" signs
rules
no_start() {
	smime agent stop
	SMIME_AGENT_PROGRAM=/bin/false signs
}
ok "without an agent that can be started there are no tokens" says 'first signature: 0x60' 1 no_start
dead_socket() { # somebody else's leftover
	rm -f "$SMIME_AGENT_SOCKET"
	/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$SMIME_AGENT_SOCKET" && signs
}
ok "a socket that nobody listens on is no obstacle" dead_socket
finish
