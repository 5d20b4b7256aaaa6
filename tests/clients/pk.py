#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Talks to the agent's socket by hand: pk.py SOCKET LABEL COMMANDS sends PKLIST and some PKDATA, then the
commands (with | between them), in which %d is the number of the last key of that label, and prints what
the agent says to them."""
import re
import socket
import struct
import sys


def ask(stream, line):
    stream.write(line.encode() + b"\n")
    stream.flush()
    lines = []
    for reply in iter(stream.readline, b""):
        lines.append(reply.rstrip(b"\n"))
        if reply.startswith((b"OK", b"ERR")):
            break
    return lines


def data_of(lines):
    joined = b"".join(line[2:] for line in lines if line.startswith(b"D "))
    return re.sub(rb"%([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), joined)


def keys_of(records):
    at = 0
    while at < len(records):
        kind, length = records[at:at + 1], struct.unpack(">I", records[at + 1:at + 5])[0]
        payload = records[at + 5:at + 5 + length]
        at += 5 + length
        if kind == b"K":
            id_length = struct.unpack(">I", payload[11:15])[0]
            start = 15 + id_length
            label_length = struct.unpack(">I", payload[start:start + 4])[0]
            yield struct.unpack(">I", payload[:4])[0], payload[start + 4:start + 4 + label_length]


def main():
    path, label, commands = sys.argv[1:]
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    stream = client.makefile("rwb")
    stream.readline()
    numbers = [ref for ref, name in keys_of(data_of(ask(stream, "PKLIST --look"))) if name == label.encode()]
    ask(stream, "PKDATA " + "00" * 32)
    for command in commands.split("|"):
        for line in ask(stream, command.replace("%d", str(numbers[-1]))):
            print(line.decode("latin1"))


main()
