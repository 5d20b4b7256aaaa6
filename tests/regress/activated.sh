#!/bin/sh
# SPDX-License-Identifier: ISC
# systemd listens in the agent's place: the first client starts the agent, which knows of the person's session what that client
# says, and an upgrade is for the next client.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/upgrade-lib.sh"

/usr/bin/python3 "$srcdir/tests/regress/activate.py" "$SMIME_AGENT_SOCKET" "$SMIME_AGENT_PROGRAM" >"$work/starts" 2>"$work/agent.err" &
systemd=$!
end_systemd() {
	kill "$systemd" 2>/dev/null
	wait "$systemd" 2>/dev/null
	cleanup
}
trap end_systemd EXIT
# No client starts an agent by itself here.
SMIME_AGENT_PROGRAM=/bin/false

starts() {
	grep -c '^started' "$work/starts"
}

ok "the socket is there" wait_for test -S "$SMIME_AGENT_SOCKET"
ok "and no agent" [ "$(starts)" = 0 ]
ok "initialise a token: the first client has the agent started" make_token Demo
ok "once" [ "$(starts)" = 1 ]
ok "make a key" make_key Demo ec ec:P-256
echo "bytes to sign" >"$work/bytes"

# asked_at "DISPLAY WAYLAND XAUTHORITY BUS" VARIABLE=VALUE...: where the person is asked for the PIN.
asked_at() {
	wanted=$1
	shift
	smime lock
	rm -f "$HOME/pinentry.log"
	echo "$PIN" >"$HOME/pinentry"
	env "$@" smime sign --raw -k ec -o "$work/s.der" "$work/bytes" && grep -qx "environment $wanted" "$HOME/pinentry.log"
}
bus=unix:path=/run/user/1000/bus,guid=0123
: >"$HOME/.Xauthority"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$XDG_RUNTIME_DIR/wayland-9"
ok "the person is asked on the client's display" asked_at ":7   " DISPLAY=:7
ok "on X11, with what opens it" asked_at ":7  $HOME/.Xauthority " DISPLAY=:7 "XAUTHORITY=$HOME/.Xauthority"
ok "on Wayland, with the session's bus" asked_at " wayland-9  $bus" WAYLAND_DISPLAY=wayland-9 DBUS_SESSION_BUS_ADDRESS=$bus
ok "a bus in the abstract namespace" asked_at ":7   unix:abstract=/tmp/dbus-x" DISPLAY=:7 DBUS_SESSION_BUS_ADDRESS=unix:abstract=/tmp/dbus-x
for address in tcp:host=example.org,port=1 unixexec:path=/bin/false "unix:path=/a;unixexec:path=/bin/false" nonsense unix:path=; do
	ok "no client chooses the bus $address" asked_at ":7   " DISPLAY=:7 "DBUS_SESSION_BUS_ADDRESS=$address"
done

ok "unlock" unlock
ok "sign" sign
make_release 9.9.9
old=$(agent_pid)
put "$work/9.9.9"
ok "after an upgrade the next clients meet the new agent" meets_new "$old"
ok "which systemd started" [ "$(starts)" = 2 ]
ok "the first ended well" grep -qx 'ended 0' "$work/starts"
old=$(agent_pid)
ok "stop" smime agent stop
ok "it goes" wait_for gone "$old"
ok "and the socket does not" [ -S "$SMIME_AGENT_SOCKET" ]
ok "stopping what does not run ends nothing but what that starts" smime agent stop
ok "systemd goes on" kill -0 "$systemd"
ok "the next client starts an agent" unlock
finish
