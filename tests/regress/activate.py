#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""activate.py SOCKET PROGRAM: what systemd does for smime-agent.socket and smime-agent.service. Listens; starts the program once
a client connects, with the socket as descriptor 3 and nothing of the session's in its environment; and again once it has ended
and the next client comes. Each start is a line on standard output."""
import os
import select
import signal
import socket
import sys

path, program = sys.argv[1:]
KEPT = ("HOME", "PATH", "LC_ALL", "SMIME_AGENT_LIBEXEC", "SMIME_AGENT_SOCKET", "SOFTHSM2_CONF", "XDG_CONFIG_HOME",
        "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS")
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o600)
listener.listen(64)
child = 0


def end(*_):
    if child:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    os.unlink(path)
    os._exit(0)


signal.signal(signal.SIGTERM, end)
print("listening", flush=True)
while True:
    select.select([listener], [], [])
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        os.execve(program, [program], environment)
    print("started", child, flush=True)
    print("ended", os.waitpid(child, 0)[1], flush=True)
    child = 0
