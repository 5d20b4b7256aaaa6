#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A client that does what no honest one does. Takes commands from standard input, a line each, and
prints what the agent answers, or CLOSED; `done N` follows the Nth command.

open           connect; what follows is for this connection
line TEXT      send the line, read up to OK or ERR
send TEXT      send the line, read nothing
fill N         send N bytes without a line end, read nothing
junk N         send N pseudo-random bytes, read nothing
input FILE, output FILE   hand over a descriptor
fds N          send N descriptors with N INPUT lines, read nothing
fds-at-once N  send N descriptors with one line, read nothing
read           read up to OK or ERR
half-close     no more will be sent
adopt KIND     hand over a socket, or what is none: file, pipe, tcp, datagram, listening, unconnected, itself,
               foreign (another user's; for root), crossed (a pair whose other end is handed over by the next
               one of these, so that two workers serve each other), kept (a pair of which this client holds both ends), pair: what
               follows is for its other end
wait FIFO      wait until somebody writes there
"""
import array
import os
import random
import socket
import sys


class Client:
    def __init__(self):
        self.connections = []
        self.kept = []
        self.other_end = None
        self.refused = False

    def current(self):
        return self.connections[-1]

    def read(self):
        data = b""
        while True:
            try:
                got = self.current().recv(65536)
            except OSError:
                got = b""
            if not got:
                print("CLOSED")
                return
            data += got
            lines = data.split(b"\n")
            if lines[-1] == b"" and lines[-2][:2] in (b"OK", b"ER"):
                break
        for text in lines[:-1]:
            print(text.decode("utf-8", "replace"))
        self.refused = lines[-2][:2] == b"ER"

    def send(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.current().sendmsg([data], rights)
        except OSError as error:
            print("not sent:", error.strerror)

    def read_greeting(self):
        self.connections[-1].settimeout(60)
        self.read()

    def socket_of(self, kind):
        """What is handed over, and what is kept."""
        if kind == "file":
            return os.open(__file__, os.O_RDONLY), None
        if kind == "pipe":
            return os.pipe()
        if kind == "itself":
            return os.dup(self.current().fileno()), None
        if kind == "crossed" and self.other_end:
            return self.other_end.detach(), None
        if kind == "crossed":
            ours, self.other_end = socket.socketpair()
            return ours.detach(), None
        if kind in ("pair", "kept"):
            ours, theirs = socket.socketpair()
            return theirs.detach(), ours
        if kind == "datagram":
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            return theirs.detach(), ours
        if kind == "foreign":
            return foreign_socket(), None
        made = socket.socket(socket.AF_INET if kind == "tcp" else socket.AF_UNIX)
        if kind in ("tcp", "listening"):
            made.bind(("127.0.0.1", 0) if kind == "tcp" else "\0smime-test-%d" % os.getpid())
            made.listen(1)
        if kind == "tcp":
            made = socket.create_connection(made.getsockname())
        return made.detach(), None

    def adopt(self, kind):
        theirs, ours = self.socket_of(kind)
        self.send(b"ADOPT FD\n", [theirs])
        self.read()
        if kind != "kept":
            os.close(theirs)
        if kind == "pair" and not self.refused:
            self.connections.append(ours)
            self.read_greeting()
        else:
            self.kept.append(ours)

    def run(self, command, value):
        if command == "open":
            self.connections.append(socket.socket(socket.AF_UNIX))
            self.current().settimeout(60)
            self.current().connect(os.environ["SMIME_AGENT_SOCKET"])
            self.read()
        elif command == "line":
            self.send(value.encode() + b"\n")
            self.read()
        elif command == "send":
            self.send(value.encode() + b"\n")
        elif command == "fill":
            self.send(b"A" * int(value))
        elif command == "junk":
            self.send(random.Random(int(value)).randbytes(int(value)))
        elif command in ("input", "output"):
            flags = os.O_RDONLY if command == "input" else os.O_WRONLY | os.O_CREAT
            fd = os.open(value, flags, 0o600)
            self.send(command.upper().encode() + b" FD\n", [fd])
            os.close(fd)
            self.read()
        elif command == "fds":
            for _ in range(int(value)):
                self.send(b"INPUT FD\n", [0])
        elif command == "fds-at-once":
            self.send(b"INPUT FD\n", [0] * int(value))
        elif command == "read":
            self.read()
        elif command == "adopt":
            self.adopt(value)
        elif command == "wait":
            open(value).read()
        elif command == "half-close":
            self.current().shutdown(socket.SHUT_WR)


def foreign_socket():
    """One end of a pair that another user's process made."""
    ours, theirs = socket.socketpair()
    if not os.fork():
        os.setuid(65534)
        pair = socket.socketpair()
        socket.send_fds(theirs, [b"x"], [pair[0].fileno()])
        os._exit(0)
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    return fds[0]


def main():
    client = Client()
    for number, line in enumerate(sys.stdin, 1):
        command, _, value = line.rstrip("\n").partition(" ")
        client.run(command, value)
        print("done", number, flush=True)


main()
