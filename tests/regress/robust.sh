#!/bin/sh
# SPDX-License-Identifier: ISC
# Tokens hang, modules crash, processes are killed: the signature is right all the same, or the
# error is clear; and nothing is left behind.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/fault.sh"
DEATHS_EXPECTED=yes

write_fault_conf "operation-timeout 5" "idle-workers 1"
echo "bytes to sign" >"$work/bytes"

sign() { # [FILE [KEY]]: a signature that openssl accepts
	smime sign -k "${2:-ec}" --raw -o "$work/${1:-s}.der" "$work/bytes" &&
		openssl cms -verify -inform DER -in "$work/${1:-s}.der" -content "$work/bytes" -binary \
			-CAfile "$work/ca.pem" -out /dev/null 2>"$work/verify-err"
}

decrypt() {
	rm -f "$work/decrypted"
	smime decrypt --raw -o "$work/decrypted" "$work/encrypted.der" && cmp "$work/decrypted" "$work/bytes"
}

# survives LOGINS RULE...: signs while the rules hold, from the PIN cache.
survives() {
	logins_wanted=$1
	shift
	rules "$@"
	new_calls C_Login sign
	rules
	echo "logins $count, status $got" >&2
	[ "$got" = 0 ] && [ "$count" = "$logins_wanted" ]
}

# What does not pass: tried twice, then an error; and the next one works.
fails_twice() { # RULE...
	rules "$@"
	new_calls C_Sign sign
	rules
	echo "signings $count, status $got" >&2
	[ "$got" = 3 ] && [ "$count" = 2 ] && sign
}

new_process() { # COMMAND...: it has another token process afterwards
	old=$(process_pid)
	"$@" && wait_for other_process "$old"
}

ok "initialise a token" make_token Demo
ok "make a P-256 key" make_key Demo ec ec:P-256
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "unlock" unlock
ok "sign" sign
openssl cms -encrypt -binary -in "$work/bytes" -outform DER -out "$work/encrypted.der" -aes256 "$work/rsa.pem"
ok "decrypt" decrypt
descriptors=$(agent_descriptors)

# --- the module

ok "C_Sign hangs once: signed by the next token process, logged in from the cache" new_process survives 1 "C_Sign hang 1"
ok "C_Sign crashes once" new_process survives 1 "C_Sign segv 1"
ok "C_Sign aborts once" new_process survives 1 "C_Sign abort 1"
ok "the process ends in C_Sign once" new_process survives 1 "C_Sign exit 1"

# Each crash in a row makes the pause before the next start longer: a new agent counts anew.
smime agent stop
unlock
decrypts_after() {
	rules "$@"
	decrypt
	got=$?
	rules
	return $got
}
ok "C_Decrypt crashes once" decrypts_after "C_Decrypt segv 1"
ok "C_Decrypt hangs once" decrypts_after "C_Decrypt hang 1"

smime agent stop
unlock
crashes_always() {
	rules "C_Sign segv"
	new_calls C_Sign sign
	rules
	echo "signings $count, status $got" >&2
	[ "$got" = 3 ] && [ "$count" = 2 ]
}
ok "C_Sign crashes always: an error after two" crashes_always
ok "and then it signs again" wait_for sign

hangs_always() {
	rules "C_Sign hang"
	new_calls C_Sign sign
	rules
	echo "signings $count, status $got" >&2
	[ "$got" = 3 ] && [ "$count" = 2 ]
}
ok "C_Sign hangs always: an error after two" hangs_always
ok "and then it signs again after that" wait_for sign

left_alone() {
	rules "C_Sign segv"
	for i in 1 2 3 4 5 6 7; do
		sign && return 1
		grep -q "crashes too often" "$work/agent.log" && break
	done
	rules
	grep -q "crashes too often" "$work/agent.log"
}
ok "a module that crashes time and again is left alone" left_alone
# The last request may have started it once more, and that process crashed as well: the next one is on its way.
ok "until somebody asks for it again" eval 'wait_for unlock && sign'

# Every process of the module hangs before it is ready.
never_ready() {
	rules "C_GetSlotList hang"
	kill -9 "$(process_pid)"
	timeout 60 smime sign -k ec --raw -o "$work/s.der" "$work/bytes" 2>"$work/never-err"
	got=$?
	rules
	cat "$work/never-err" >&2
	[ "$got" = 3 ] && grep -q "module $fault" "$work/never-err"
}
ok "a module that hangs for ever: an error that names it" never_ready
ok "and it signs when that is over" wait_for sign

ok "C_SignInit: session handle invalid" survives 0 "C_SignInit rv=0xb3 1"
ok "C_Sign: session handle invalid" survives 0 "C_Sign rv=0xb3 1"
ok "C_Sign: session closed" survives 0 "C_Sign rv=0xb0 1"
ok "C_SignInit: key handle invalid" survives 0 "C_SignInit rv=0x60 1"
ok "C_SignInit: object handle invalid" survives 0 "C_SignInit rv=0x82 1"
ok "C_Sign: user not logged in" survives 1 "C_Sign rv=0x101 1" "C_Sign logout 1"
ok "C_SignInit: user not logged in" survives 1 "C_SignInit rv=0x101 1" "C_SignInit logout 1"
ok "another program logs out" survives 1 "C_SignInit logout 1"
ok "another program resets the card, all sessions are gone" survives 1 "C_SignInit drop 1"
ok "the same between two operations" survives 1 "C_Sign drop 1"
ok "the device was removed, and is there: looked at, and signed" survives 0 "C_Sign rv=0x32 1"
ok "device error: looked at, and signed" survives 0 "C_Sign rv=0x30 1"
ok "general error: looked at, and signed" survives 0 "C_Sign rv=0x5 1"
ok "a token without memory: looked at, and signed" survives 0 "C_Sign rv=0x31 1"
ok "device error always: an error after two" fails_twice "C_Sign rv=0x30"
ok "not logged in always: an error, and another process" new_process fails_twice "C_Sign rv=0x101"
ok "C_OpenSession fails: an error or not, then it signs" eval 'rules "C_OpenSession rv=0xb1 1"; sign; rules; sign'

# No second C_Login: it may be the PIN that hangs it, or count as a try.
login_dies() { # ACTION
	smime lock
	rules "C_Login $1 1"
	new_calls C_Login says "crashed or hung" 3 unlock
	rules
	echo "logins $count, status $got" >&2
	[ "$got" = 0 ] && [ "$count" = 1 ]
}
ok "C_Login crashes: an error, the PIN is not sent again" login_dies segv
ok "C_Login hangs: an error, the PIN is not sent again" login_dies hang
ok "and then it unlocks" wait_for unlock
ok "and signs" sign

# --- processes

# Clients take the idle worker, so the one that is there now and was before is the next client's.
one_worker() {
	before=$worker
	worker=$(pgrep -P "$agent" smime-agent-wor)
	[ "$(echo "$worker" | wc -w)" = 1 ] && [ "$worker" = "$before" ]
}

worker_killed() {
	agent=$(agent_pid)
	worker=
	wait_for one_worker && talk open && kill -9 "$worker" && sign || return
	talk "line GETINFO version" && tail -n 2 "$work/answers" | grep -q CLOSED
	got=$?
	hang_up
	return $got
}
ok "a worker is killed: its connection ends, others go on" worker_killed

loop() { # NUMBER COUNT
	for n in $(seq "$2"); do
		sign "loop$1" || echo "signature $n of loop $1 failed" >>"$work/failures"
	done
}

signed_more_than() { # COUNT since $start
	[ $(($(calls C_Sign) - start)) -gt "$1" ]
}

# loops CLIENTS COUNT [KILLS]: that many at once, and the token process dies that often meanwhile.
loops() {
	rm -f "$work/failures"
	start=$(calls C_Sign)
	pids=
	for client in $(seq "$1"); do
		loop "$client" "$2" &
		pids="$pids $!"
	done
	for kill in $(seq "${3:-0}"); do
		wait_for signed_more_than $((kill * 20)) && process_dies
	done
	for pid in $pids; do
		wait "$pid"
	done
	cat "$work/failures" >&2 2>/dev/null
	signed_more_than $(($1 * $2 - 1)) && [ ! -e "$work/failures" ]
}
ok "8 clients in parallel while the token process is killed twice: every signature is right" loops 8 10 2
ok "16 clients at once on one key" loops 16 4
few_sessions() {
	rules "C_GetTokenInfo sessions=3"
	process_dies && loops 8 3
	got=$?
	rules
	return $got
}
ok "8 clients on a token of few sessions" few_sessions

# --- limits

write_fault_conf "operation-timeout 5" "idle-workers 1" "max-connections 3"
smime agent reload
too_many() {
	talk open open open || return
	says "too many connections" 3 smime tokens
	got=$?
	hang_up
	return $got
}
ok "more clients than max-connections: a clear error" too_many
ok "and there is room again when they go" wait_for smime tokens

# --- what is left

descriptors_back() {
	now=$(agent_descriptors)
	echo "$now descriptors, before: $descriptors" >&2
	[ "$now" -le "$descriptors" ]
}
idle_now() {
	smime status | grep -q '^ *operations *0$' && smime status | grep -q '^ *clients *1$'
}
write_fault_conf "operation-timeout 5" "idle-workers 1"
smime agent reload
ok "nobody is served any more" wait_for idle_now
if [ "$descriptors" -gt 0 ]; then
	ok "no descriptors leaked" wait_for descriptors_back
else
	skip "no descriptors leaked" "the agent's descriptors cannot be seen"
fi
ok "no zombies" wait_for no_zombies

sessions_stay() {
	sign && sign || return
	before=$(open_sessions)
	for i in 1 2 3 4 5 6 7 8; do
		rules "C_Sign rv=0x31 1"
		sign 2>/dev/null
		rules
		sign || return
	done
	echo "$(open_sessions) sessions, before: $before" >&2
	[ "$(open_sessions)" -le "$before" ] && [ "$(open_sessions)" -le 9 ]
}
ok "no sessions leak" sessions_stay

# The module has no process of the agent's while another makes its token anew, which may take minutes.
is_paused() {
	smime status | grep -q '^ *module *down'
}
not_waited_for() {
	rules "C_Login hang 1"
	smime token init --token Demo --label Demo --pin-fd 3 3<"$work/new-pins" &
	init=$!
	wait_for is_paused && timeout 60 smime tokens && is_paused
	listed=$?
	kill "$init"
	wait "$init"
	return $listed
}
ok "a token that hangs as it is made anew is not waited for" not_waited_for

nothing_left() {
	agent=$(agent_pid)
	children=$(pgrep -P "$agent")
	smime agent stop || return
	for pid in $agent $children; do
		gone "$pid" || {
			ps -fp "$pid" >&2
			return 1
		}
	done
	[ ! -e "$SMIME_AGENT_SOCKET" ]
}
ok "stopping leaves no process and no socket" nothing_left
finish
