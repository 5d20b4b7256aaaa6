#!/bin/sh
# SPDX-License-Identifier: ISC
# The programs on the disk are replaced while an agent runs: what it has begun is finished, the next client meets the new
# agent, and nobody hears of more than that.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

. "$srcdir/tests/regress/upgrade-lib.sh"

restarts_logged() {
	grep -c 'warn smime-agent was upgraded; restarting$' "$work/agent.log"
}

echo "bytes to sign" >"$work/bytes"
ok "initialise a token" make_token Demo
ok "make a key" make_key Demo ec ec:P-256
ok "unlock" unlock
ok "sign" sign
ok "a release of another version" make_release 9.9.9
ok "and one more" make_release 8.8.8

# --- requests, one after the other
old=$(agent_pid)
put "$work/9.9.9"
ok "after an upgrade the next clients meet the new agent" meets_new "$old"
ok "the log says why" [ "$(restarts_logged)" = 1 ]
ok "no process broke the protocol" sh -c "! grep 'broke the protocol' '$work/agent.log'"

# --- requests in flight, and clients that are connected
old=$(agent_pid)
mkfifo "$work/fifo" "$work/go"
smime sign --raw -k ec -o "$work/long.der" "$work/fifo" 2>"$work/long.err" &
long=$!
exec 9>"$work/fifo"
printf 'bytes to ' >&9
printf 'open\nline GETINFO version\ndone 2\nwait %s\nread\nread\n' "$work/go" |
	/usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/idle" 2>&1 9>&- &
idle=$!
wait_for grep -q '^OK' "$work/idle"
in_flight() {
	smime status | grep -q '^ *clients *3'
}
ok "a request that waits for its input, and a client that asks nothing" wait_for in_flight
put "$work/8.8.8"
says_restarting() {
	smime status >"$work/status" && grep -q '^ *problem *smime-agent was upgraded; restarting$' "$work/status" &&
		grep -q "^ *pid *$old\$" "$work/status"
}
ok "status says that the agent restarts, while the request goes on" wait_for says_restarting
ok "as JSON too" sh -c "smime status --json | grep -q '\"problem\":\"smime-agent was upgraded; restarting\"'"
ok "a client that starts no agent is told" says "smime-agent was upgraded; restarting" 3 smime agent reload
echo >"$work/go"
wait "$idle"
ok "the client that asks nothing is told" grep -q '^S ERROR UPGRADED smime-agent was upgraded; restarting$' "$work/idle"
ok "and let go" grep -q '^CLOSED' "$work/idle"
smime keys >"$work/keys" 2>"$work/keys.err" 9>&- &
waiting=$!
ok "the old agent is there for its request" sh -c "! [ -z \"\$(cat /proc/$old/stat)\" ]"
echo "sign" >&9
exec 9>&-
wait "$long"
long_status=$?
ok "the request in flight ends well" [ "$long_status" = 0 ]
ok "with a good signature" verifies "$work/long.der"
wait "$waiting"
waiting_status=$?
ok "a client that waited for the restart has its answer from the new agent" sh -c "[ $waiting_status = 0 ] && grep -q ec '$work/keys'"
ok "the old agent is gone" wait_for is_gone "$old"
ok "the new one works" meets_new "$old"
ok "the log has it once more" [ "$(restarts_logged)" = 2 ]

# --- the same version, built again
old=$(agent_pid)
put "$work/8.8.8"
ok "programs that speak the same are an upgrade, too" meets_new "$old"
ok "which the log says" [ "$(restarts_logged)" = 3 ]

# --- to be stopped
old=$(agent_pid)
smime sign --raw -k ec -o "$work/long.der" "$work/fifo" 2>"$work/long.err" &
long=$!
exec 9>"$work/fifo"
wait_for sh -c "smime status | grep -q '^ *clients *2'"
put "$work/first"
ok "restarting again" wait_for says_restarting
ok "an agent that restarts can be stopped" smime agent stop
ok "it is gone" is_gone "$old"
exec 9>&-
wait "$long"

# --- no worker at all
ok "an agent" unlock
old=$(agent_pid)
mv "$work/libexec/smime-agent-worker" "$work/aside"
no_worker() {
	says "a helper process could not be started" 3 smime sign --raw -k ec -o "$work/s.der" "$work/bytes"
}
ok "without its worker program the agent says so" wait_for no_worker
ok "status works" sh -c "smime status | grep -q '^ *problem *a helper process could not be started' && smime status | grep -q '^ *pid *$old\$'"
full_json() {
	smime status --json | python3 -c '
import json, sys
status = json.load(sys.stdin)
sys.exit(0 if status["modules"] and status["problem"] and "reader" not in status else 1)'
}
ok "with all its facts, as JSON" full_json
locks() {
	smime status | grep -q '^ *cached_pins *1$' && smime lock && smime status | grep -q '^ *cached_pins *0$'
}
ok "lock works" locks
ok "what is no command is answered" sh -c "printf 'open\nline NONSENSE\nline BYE\nread\n' | /usr/bin/python3 '$srcdir/tests/regress/client.py' | grep -q 'ERROR SPAWN'"
long_lines() {
	printf 'open\nfill 5000\nread\nopen\nline NOP\n' | /usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/out-lines" &&
		tail -n 2 "$work/out-lines" | grep -qx OK
}
ok "a line without an end costs its sender the connection" long_lines
ok "descriptors cost nothing" sh -c "printf 'open\nfds 20\nread\nopen\nline NOP\n' | /usr/bin/python3 '$srcdir/tests/regress/client.py' | tail -n 2 | grep -qx OK"
mv "$work/aside" "$work/libexec/smime-agent-worker"
ok "with the program back, the same agent works" wait_for unlock
ok "and signs" sign
ok "it is the same" [ "$(agent_pid)" = "$old" ]
rm "$work/libexec/smime-agent-worker"
wait_for no_worker
ok "without workers, stop works" smime agent stop
ok "and all is gone" is_gone "$old"

# --- programs that never fitted each other
put "$work/9.9.9"
cp "$work/first/bin/smime-agent" "$work/bin/smime-agent.new" && mv "$work/bin/smime-agent.new" "$work/bin/smime-agent"
ok "half of an installation is told apart from an upgrade" says "not of one version; install it again" 3 \
	smime sign --raw -k ec -o "$work/s.der" "$work/bytes"
ok "no agent stays" smime agent stop
put "$work/first"
ok "installed again, it works" unlock
smime agent stop

# --- the socket's protocol
python3 "$srcdir/tests/regress/upgrade.py" "$work/libexec" 'ready, protocol 1' 'ready, protocol 0'
ok "an agent of an older protocol" says 'older than this program; end it with `smime agent stop`' 3 smime keys
ok "can be stopped all the same" smime agent stop
put "$work/first"
python3 "$srcdir/tests/regress/upgrade.py" "$work/libexec" 'ready, protocol 1' 'ready, protocol 9'
ok "an agent of a newer protocol" says 'older than the agent that runs; start this program again' 3 smime keys
module=$builddir/.libs/smime-agent-pkcs11.so
if command -v pkcs11-tool >/dev/null && [ -z "$(nm -D "$module" | grep __asan_init)" ]; then
	ok "a PKCS#11 module of an older protocol shows no token, and does not crash" sh -c \
		"pkcs11-tool --module '$module' -L >'$work/slots' 2>&1; [ \$? -lt 128 ] && ! grep -q Demo '$work/slots'"
else
	skip "a PKCS#11 module of an older protocol" "pkcs11-tool is not installed, or the module has a sanitizer"
fi
ok "can be stopped, too" smime agent stop
put "$work/first"
ok "of the same protocol: as ever" unlock

finish
