#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Generated mails go through the agent, on one connection, and every byte that must be kept is compared with
what it was. Usage: roundtrip.py FIRST COUNT; prints a line for each mail that lost something, and a sum."""
import array
import os
import re
import socket
import sys

sys.dont_write_bytecode = True  # beside the sources of others
import mails  # noqa: E402

VERIFY = "VERIFY --mail --json"


class Refused(Exception):
    pass


class Agent:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(os.environ["SMIME_AGENT_SOCKET"])
        self.replies = self.socket.makefile("rb")
        self.reply()

    def reply(self):
        said = []
        while True:
            line = self.replies.readline()
            if not line:
                raise Refused("the connection was closed")
            if line.startswith(b"OK"):
                return
            if line.startswith(b"ERR"):
                raise Refused(" | ".join(said) or line.decode("utf-8", "replace"))
            if line.startswith((b"S ERROR", b"D ")):
                said.append(line.decode("utf-8", "replace").strip()[:700])

    def line(self, text, fd=None):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
        self.socket.sendmsg([text.encode() + b"\n"], rights)
        self.reply()

    def run(self, data, *commands):
        """What the last command makes of the data."""
        source, sink = os.memfd_create("in"), os.memfd_create("out")
        try:
            os.write(source, data)
            os.lseek(source, 0, os.SEEK_SET)
            self.line("INPUT FD", source)
            self.line("OUTPUT FD", sink)
            for command in commands:
                self.line(command)
            return os.pread(sink, os.fstat(sink).st_size, 0)
        finally:
            os.close(source)
            os.close(sink)


def canonical(data):
    return re.sub(rb"(?<!\r)\n", b"\r\n", data)


def split(data):
    """The header's fields, whole, and the body."""
    match = re.match(rb"()\r?\n", data) or re.search(rb"(\n)\r?\n", data)
    block = data[:match.end(1)] if match else data + b"\n"
    return re.findall(rb"[^\n]*\n(?:[ \t][^\n]*\n)*", block), data[match.end():] if match else b""


def name(field):
    return field.split(b":")[0].strip().lower()


def structural(field):
    return name(field).startswith(b"content-") or name(field) == b"mime-version"


def bcc(field):
    return name(field) in (b"bcc", b"resent-bcc")


def same(what, got, wanted):
    if got != wanted:
        at = next((i for i in range(min(len(got), len(wanted))) if got[i] != wanted[i]), min(len(got), len(wanted)))
        raise Refused("%s: byte %d of %d is %r, wanted %r" % (what, at, len(wanted), got[at:at + 20], wanted[at:at + 20]))


def without_hp(field):
    """Content-Type as it was before the parameter."""
    return re.sub(rb";\r\n hp=\"(clear|cipher)\"", b"", field)


def content_fields(fields):
    return [re.sub(rb"[; \t\r\n]*\Z", b"", without_hp(field)) for field in fields if name(field).startswith(b"content-")]


def check_entity(what, entity, fields, body, protected=True):
    """What was signed or encrypted has the body and the fields about it, and copies of the others."""
    inside, text = split(entity)
    same(what + ", body", text, body)
    wanted = content_fields(fields)
    if not any(name(field) == b"content-type" for field in fields):
        inside = [field for field in inside if name(field) != b"content-type"]
    same(what + ", fields", b"\n".join(content_fields(inside)), b"\n".join(wanted))
    copies = [field for field in inside if not structural(field) and name(field) != b"hp-outer"]
    originals = [field for field in fields if not structural(field) and not bcc(field) and name(field) != b"received"]
    same(what + ", copies", b"".join(copies), b"".join(originals) if protected else b"")


def signed_part(mail):
    """The first part of a multipart/signed, by its boundary."""
    boundary = re.search(rb"multipart/signed;[^\n]*\r\n micalg=[^\n]*boundary=\"([^\"]*)\"", mail).group(1)
    start = mail.index(b"\r\n--" + boundary + b"\r\n") + len(boundary) + 6
    return mail[start:mail.index(b"\r\n--" + boundary + b"\r\n", start)]


def outside(fields, keep_bcc):
    return b"".join(field for field in fields if not structural(field) and (keep_bcc or not bcc(field)))


def outer_of(mail):
    return b"".join(field for field in split(mail)[0] if not structural(field))


def in_order(header):
    """Decrypting puts protected fields together, so that the order is not the same."""
    return b"".join(sorted(split(header + b"\r\n")[0]))


def trip(agent, mail):
    fields, body = split(mail)
    fields, body = [canonical(field) for field in fields], canonical(body)

    signed = agent.run(mail, "SIGNER rsa", "SIGN --mail --detached")
    part = signed_part(signed)
    check_entity("signed", part, fields, body)
    same("signed, outside", outer_of(signed), outside(fields, True))
    same("verified", agent.run(signed, VERIFY), part)

    opaque = agent.run(mail, "SIGNER rsa", "SIGN --mail")
    check_entity("opaque", agent.run(opaque, VERIFY), fields, body)

    encrypted = agent.run(signed, "RECIPIENT rsa", "ENCRYPT --mail --no-self")
    back = agent.run(encrypted, "DECRYPT --mail")
    same("signed, encrypted, decrypted", signed_part(back), part)
    same("outside of that", in_order(outer_of(back)), in_order(outside(fields, False)))
    same("and verified", agent.run(back, VERIFY), part)

    for options in "--cipher=aes-128-cbc", "--cipher=aes-256-gcm --hide-subject":
        both = agent.run(mail, "SIGNER rsa", "RECIPIENT p256", "ENCRYPT --mail --sign " + options)
        back = agent.run(both, "DECRYPT --mail")
        same("header of " + options, in_order(outer_of(back)), in_order(outside(fields, False)))
        check_entity("in one go " + options, agent.run(back, VERIFY), fields, body)

    plain = agent.run(agent.run(mail, "RECIPIENT p256", "RECIPIENT rsa", "ENCRYPT --mail"), "DECRYPT --mail")
    same("encrypted and decrypted, body", split(plain)[1], body)
    same("and its header", in_order(outer_of(plain)), in_order(outside(fields, False)))
    same("and its fields", b"".join(f for f in split(plain)[0] if name(f).startswith(b"content-")),
         b"".join(f for f in fields if name(f).startswith(b"content-")))

    raw = agent.run(agent.run(mail, "RECIPIENT rsa", "ENCRYPT"), "DECRYPT")
    same("bytes", raw, mail)


def main():
    first, count = int(sys.argv[1]), int(sys.argv[2])
    agent, lost = Agent(), 0
    for seed in range(first, first + count):
        try:
            trip(agent, mails.mail(seed))
        except Refused as error:
            lost += 1
            print("mail %d: %s" % (seed, error))
        except (AttributeError, ValueError) as error:
            lost += 1
            print("mail %d: not understood: %r" % (seed, error))
    print("%d mails, %d lost something" % (count, lost))
    return 1 if lost else 0


sys.exit(main())
