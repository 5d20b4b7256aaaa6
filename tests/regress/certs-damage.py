#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What a test does to the certificate store's file, and asks of it behind the agent's back.

damage KIND FILE      first-page, first-pages, header, zeros, middle, end, half, bits, junk
version-1 FILE PEM    a file as the first version made them, with these certificates, found by nothing
newer FILE            says that the file is of a version to come
count FILE TABLE      how many rows
import SOCKET PEM     has the agent import, and prints each fingerprint that it said was kept, until the
                      connection ends
pkcs12-work FILE OUT  a PKCS#12 file that asks for 8,388,607 iterations where it asked for 65,536
nul FILE FROM OUT     a certificate (DER) with the byte FROM, a letter, made NUL
"""
import array
import base64
import hashlib
import os
import random
import re
import socket
import sqlite3
import sys

PAGE = 4096
VERSION_1 = """
CREATE TABLE certificates(number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE,
 der BLOB NOT NULL, capabilities BLOB NOT NULL, source INTEGER NOT NULL, first_seen INTEGER NOT NULL,
 last_seen INTEGER NOT NULL, not_after INTEGER NOT NULL);
CREATE INDEX expiring ON certificates(not_after);
CREATE TABLE keys(kind INTEGER NOT NULL, value BLOB NOT NULL, certificate INTEGER NOT NULL,
 PRIMARY KEY(kind, value, certificate)) WITHOUT ROWID;
CREATE INDEX keys_of ON keys(certificate);
CREATE TABLE crls(number INTEGER PRIMARY KEY, issuer BLOB NOT NULL, scope BLOB NOT NULL,
 this_update INTEGER NOT NULL, next_update INTEGER NOT NULL, der BLOB NOT NULL, UNIQUE(issuer, scope));
PRAGMA user_version=1; PRAGMA application_id=0x534d4345;
"""


def certificates(path):
    text = open(path).read()
    return [base64.b64decode(body) for body in
            re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END", text, re.S)]


def overwrite(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def damage(kind, path):
    random.seed(kind)
    size = os.path.getsize(path)
    middle = size // 2 // PAGE * PAGE
    if kind == "first-page":
        overwrite(path, 0, random.randbytes(PAGE))
    elif kind == "first-pages":
        overwrite(path, 0, random.randbytes(2 * PAGE))
    elif kind == "header":
        overwrite(path, 0, random.randbytes(100))
    elif kind == "zeros":
        overwrite(path, 0, bytes(PAGE))
    elif kind == "middle":
        overwrite(path, middle, random.randbytes(3 * PAGE))
    elif kind == "end":
        overwrite(path, size - PAGE, random.randbytes(PAGE))
    elif kind == "half":
        os.truncate(path, middle)
    elif kind == "bits":
        content = bytearray(open(path, "rb").read())
        for _ in range(20):
            content[random.randrange(PAGE, size)] ^= 1 << random.randrange(8)
        overwrite(path, 0, bytes(content))
    elif kind == "junk":
        open(path, "wb").write(random.randbytes(20 * PAGE))
    else:
        sys.exit("no such damage: " + kind)


def version_1(path, pem):
    database = sqlite3.connect(path)
    database.executescript(VERSION_1)
    for der in certificates(pem):
        database.execute("INSERT INTO certificates VALUES(NULL, ?, ?, x'', 3, 1700000000, 1700000000, 1900000000)",
                         (hashlib.sha256(der).hexdigest(), der))
    database.commit()


def import_until_the_end(path, pem):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    data = b""
    with open(pem, "rb") as file:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))]
        connection.sendmsg([b"INPUT FD\n"], rights)
        connection.sendall(b"CERTS IMPORT\n")
        while True:
            try:
                got = connection.recv(65536)
            except OSError:
                break
            data += got
            if not got or data.endswith(b"\n") and b"\ncrls" in data.replace(b"%0A", b"\n"):
                break
    for fingerprint in re.findall(rb"certificate\t([0-9a-f]{64})", data.replace(b"\nD ", b"")):
        print(fingerprint.decode())


def main(command, *words):
    if command == "damage":
        damage(*words)
    elif command == "version-1":
        version_1(*words)
    elif command == "newer":
        database = sqlite3.connect(words[0])
        database.execute("PRAGMA user_version=99")
    elif command == "count":
        print(sqlite3.connect(words[0]).execute("SELECT count(*) FROM " + words[1]).fetchone()[0])
    elif command == "import":
        import_until_the_end(*words)
    elif command == "pkcs12-work":
        content = open(words[0], "rb").read()
        old, new = b"\x02\x03\x01\x00\x00", b"\x02\x03\x7f\xff\xff"
        if old not in content:
            sys.exit("no such number of iterations")
        open(words[1], "wb").write(content.replace(old, new))
    elif command == "nul":
        content = open(words[0], "rb").read()
        open(words[2], "wb").write(content.replace(words[1].encode(), words[1].encode().replace(b"Q", b"\0")))
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
