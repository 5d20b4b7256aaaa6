#!/bin/sh
# SPDX-License-Identifier: ISC
# Other users: one who listens in the agent's place, one whose environment a setuid program runs in, one who can
# write in the socket's folder.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || plan_skip "only root can become another user"
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
$as_nobody true 2>/dev/null || plan_skip "nobody can be become here"

# A python3 that everybody can run.
python=$(PATH=/usr/bin:/bin command -v python3) || plan_skip "python3 is not installed"
chmod 755 "$work"

# Somebody else's program at the agent's socket: it greets, and writes down what it hears.
mkdir -m 777 "$work/foreign"
cat >"$work/listen.py" <<'END'
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(8)
while True:
    client, _ = server.accept()
    try:
        client.sendall(b"OK smime-agent 0.1.0 serves, protocol 1\n")
        heard = client.recv(4096)
    except OSError:
        heard = b""
    with open(sys.argv[2], "ab") as log:
        log.write(b"[" + heard + b"]\n")
    client.close()
END
$as_nobody "$python" "$work/listen.py" "$work/foreign/socket" "$work/foreign/heard" &
listener=$!
trap 'kill "$listener"; cleanup' EXIT
ok "another user listens" wait_for test -S "$work/foreign/socket"
heard() { wait_for test -s "$work/foreign/heard" && cat "$work/foreign/heard"; }
# refused COMMAND...: it says who listens, and the listener heard nothing.
refused() {
	rm -f "$work/foreign/heard"
	SMIME_AGENT_SOCKET=$work/foreign/socket status 4 "$@" 2>"$work/said" && grep -q "another user listens" "$work/said" &&
		[ "$(heard)" = "[]" ]
}
echo "a mail" >"$work/mail"
ok "smime tells it nothing" refused smime sign --raw "$work/mail"
ok "nor to end" refused smime agent stop
ok "nor a PIN" refused smime unlock
gpgsm_refused() {
	rm -f "$work/foreign/heard"
	! SMIME_AGENT_SOCKET=$work/foreign/socket "$builddir/smime-gpgsm" --list-keys >/dev/null 2>"$work/said" && [ "$(heard)" = "[]" ]
}
ok "nor does smime-gpgsm" gpgsm_refused
module_refused() {
	rm -f "$work/foreign/heard"
	! SMIME_AGENT_SOCKET=$work/foreign/socket "$builddir/tests/clients/p11_client" "$builddir/.libs/smime-agent-pkcs11.so" key --once \
		>/dev/null 2>&1 && ! grep -q '\[.*[A-Z]' "$work/foreign/heard"
}
ok "nor the PKCS#11 module" module_refused
named() {
	rm -f "$work/foreign/heard"
	! SMIME_AGENT_USER=$1 SMIME_AGENT_SOCKET=$work/foreign/socket smime keys >/dev/null 2>&1 && heard | grep -q 'OPTION\|KEYS\|LIST'
}
ok "with SMIME_AGENT_USER it is the one that is meant" named nobody
ok "by number, too" named 65534
ok "another name does not help" eval '! named daemon'

# A program that runs with other rights than its user's.
cat >"$work/agent" <<END
#!/bin/sh
echo "\$(id -u)" >>"$work/started"
exit 1
END
chmod 755 "$work/agent"
cp "$builddir/tests/clients/p11_client" "$work/plain" && cp "$work/plain" "$work/setuid" && chown 65534 "$work/setuid" && chmod 4755 "$work/setuid"
starts() { # PROGRAM
	rm -f "$work/started"
	SMIME_AGENT_PROGRAM=$work/agent SMIME_AGENT_SOCKET=$work/none/socket "$1" "$builddir/.libs/smime-agent-pkcs11.so" key --once >/dev/null 2>&1
	[ -s "$work/started" ]
}
ok "a program loads the module, and an agent is started" starts "$work/plain"
setuid_agent() {
	cp "$builddir/smime-agent" "$work/agent-setuid" && chown 65534 "$work/agent-setuid" && chmod 4755 "$work/agent-setuid" &&
		! timeout 60 "$work/agent-setuid" 2>"$work/said" && grep -q "must not run with another user's rights" "$work/said"
}
cp "$(command -v id)" "$work/id" && chown 65534 "$work/id" && chmod 4755 "$work/id"
if [ "$("$work/id" -u)" = 65534 ]; then
	ok "a setuid program's module starts none" eval '! starts "$work/setuid"'
	ok "an agent that is setuid does not run" setuid_agent
else
	skip "a setuid program's module starts none" "$work is mounted with nosuid"
	skip "an agent that is setuid does not run" "the same"
fi

# The socket's folder.
folder_refused() {
	SMIME_AGENT_SOCKET=$work/open/socket status 2 timeout 60 smime-agent 2>"$work/said" && grep -q "closed to others: chmod 700" "$work/said"
}
mkdir -m 755 "$work/open"
ok "a folder that others can read" folder_refused
chmod 700 "$work/open" && chown 65534 "$work/open"
ok "a folder of another user" folder_refused
finish
