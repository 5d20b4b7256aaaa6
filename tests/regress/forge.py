#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""SignedData made by hand, as no honest program makes it: forge.py CASE KEY CERT CONTENT >OUT.der

CASE is a word below, or several joined by commas; "ed25519" for a key of that kind. KEY and CERT are PEM files, CONTENT is what is signed
("detached" leaves it out). openssl(1) makes the signatures."""
import hashlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # beside the sources of others
from der import DATA, SIGNED, oid, split, tlv  # noqa: E402

DIGESTS = {"sha256": "608648016503040201", "sha512": "608648016503040203", "sha1": "2b0e03021a", "md5": "2a864886f70d0205"}
TYPE, DIGEST, TIME, CAPABILITIES, ESS2 = ("2a864886f70d010903", "2a864886f70d010904", "2a864886f70d010905",
                                          "2a864886f70d01090f", "2a864886f70d010910022f")

RSA = tlv(0x30, oid("2a864886f70d010101"), b"\x05\x00")
ED25519 = tlv(0x30, oid("2b6570"))


def certificate(path):
    return subprocess.run(["openssl", "x509", "-in", path, "-outform", "DER"], check=True,
                          capture_output=True).stdout


def key_identifier(der):
    text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-ext", "subjectKeyIdentifier"], input=der,
                          check=True, capture_output=True).stdout.decode()
    return bytes.fromhex(text.split()[-1].replace(":", ""))


def sign(key, digest, data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        if digest == "sha512":
            return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file.name],
                                  check=True, capture_output=True).stdout
        return subprocess.run(["openssl", "dgst", "-" + digest, "-sign", key, file.name], check=True,
                              capture_output=True).stdout


def attribute(kind, *values):
    return tlv(0x30, oid(kind), tlv(0x31, *values))


def algorithm(identifier):
    return tlv(0x30, oid(identifier), b"\x05\x00")


def attributes(cases, digest, content, content_type):
    value = tlv(4, hashlib.new(digest, content).digest())
    found = [] if "no-type" in cases else [attribute(TYPE, oid("2a03" if "wrong-type" in cases else content_type))]
    if "two-values" in cases:
        found.append(attribute(DIGEST, value, value))
    elif "no-digest" not in cases:
        found.append(attribute(DIGEST, value))
    if "double-digest" in cases:
        found.append(attribute(DIGEST, tlv(4, bytes(32))))
    if "double-type" in cases:
        found.append(attribute(TYPE, oid("2a03")))
    if "early" in cases:
        found.append(attribute(TIME, tlv(0x17, b"010101000000Z")))
    if "double-time" in cases:
        found += [attribute(TIME, tlv(0x17, year + b"0101000000Z")) for year in (b"26", b"27")]
    if "double-capabilities" in cases:
        found += [attribute(CAPABILITIES, tlv(0x30, capability)) for capability in (b"", tlv(0x30, oid("2a03")))]
    for number in range(1 if "other-certificate" in cases else 2 if "double-certificate" in cases else 0):
        found.append(attribute(ESS2, tlv(0x30, tlv(0x30, tlv(0x30, tlv(4, bytes([number]) * 32))))))
    return sorted(found)


def signer(cases, key, cert, digest, content, content_type):
    fields = split(split(cert)[0])
    serial, issuer = fields[1], fields[3]
    signed = attributes(cases, digest, content, content_type)
    body = tlv(0x31, *signed)
    name = [tlv(2, b"\x01"), tlv(0x30, issuer, serial)]
    if "key-id" in cases:
        name = [tlv(2, b"\x03"), tlv(0x80, key_identifier(cert))]
    parts = name + [algorithm(DIGESTS[digest])]
    if "swapped" in cases:
        return body, parts + [RSA, tlv(4, sign(key, digest, body))]
    if "no-attributes" in cases:
        return content, parts + [RSA, tlv(4, sign(key, digest, content))]
    signature = bytearray(sign(key, digest, body))
    if "altered-attribute" in cases:
        body = tlv(0x31, *sorted(signed + [attribute(TIME, tlv(0x17, b"260101000000Z"))]))
    if "altered-signature" in cases:
        signature[10] ^= 1
    return content, parts + [b"\xa0" + body[1:], ED25519 if digest == "sha512" else RSA, tlv(4, bytes(signature))]


def main():
    cases = sys.argv[1].split(",")
    numbers = {c.split("=")[0]: int(c.split("=")[1]) for c in cases if "=" in c}
    key, cert = sys.argv[2], certificate(sys.argv[3])
    with open(sys.argv[4], "rb") as file:
        content = file.read()
    content_type = "2a04" if "other-type" in cases else DATA
    digest = "sha512" if "ed25519" in cases else "md5" if "md5" in cases else "sha1" if "sha1" in cases else "sha256"
    content, parts = signer(cases, key, cert, digest, content, content_type)
    if "altered-content" in cases:
        content = content.replace(b"pay 10", b"pay 99")
    infos = [] if "no-signer" in cases else [tlv(0x30, *parts)] * numbers.get("signers", 1)
    certs = [] if "no-certificate" in cases else [cert] * numbers.get("certificates", 1)
    others = [certificate(other) for other in sys.argv[5:]]
    certs = others + certs if "last" in cases else certs + others
    inside = [oid(content_type)]
    if "detached" not in cases:
        inside.append(tlv(0xA0, tlv(4, content)))
    sys.stdout.buffer.write(tlv(0x30, oid(SIGNED), tlv(0xA0, tlv(
        0x30, tlv(2, b"\x01"), tlv(0x31, algorithm(DIGESTS[digest])), tlv(0x30, *inside),
        tlv(0xA0, *certs) if certs else b"", tlv(0x31, *infos)))))


main()
