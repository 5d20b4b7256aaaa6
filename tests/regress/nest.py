#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A mail of DEPTH layers in one another: nest.py KIND DEPTH FOLDER. KIND: signed (opaque, without a signer, which costs
nobody anything), detached, multipart, forwarded, compressed; encrypted to FOLDER/own.pem, by openssl(1)."""
import subprocess
import sys

sys.dont_write_bytecode = True  # beside the sources of others
from der import DATA, SIGNED, oid, tlv  # noqa: E402

COMPRESSED = "2a864886f70d0109100109"


def cms(kind, content):
    inside = tlv(0x30, oid(DATA), tlv(0xA0, tlv(4, content)) if content is not None else b"")
    if kind == COMPRESSED:
        return tlv(0x30, oid(kind), tlv(0xA0, tlv(0x30, b"\2\1\0", tlv(0x30, oid("2a864886f70d0109100308")), inside)))
    return tlv(0x30, oid(kind), tlv(0xA0, tlv(0x30, b"\2\1\1", tlv(0x31), inside, tlv(0x31))))


def binary(kind, content):
    return (b"Content-Type: application/pkcs7-mime; smime-type=%s\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            % kind) + content


def layer(kind, number, content, folder):
    if kind == "signed":
        return binary(b"signed-data", cms(SIGNED, content))
    if kind == "compressed":
        return binary(b"compressed-data", cms(COMPRESSED, content))
    if kind == "encrypted":
        return binary(b"enveloped-data", subprocess.run(
            ["openssl", "cms", "-encrypt", "-binary", "-outform", "DER", "-aes128", folder + "/own.pem"], input=content,
            check=True, capture_output=True).stdout)
    if kind == "forwarded":
        return b"Content-Type: message/rfc822\r\n\r\nFrom: alice@example.org\r\n" + content
    boundary = b"b%d" % number
    if kind == "multipart":
        return (b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n%s\r\n--%s--\r\n"
                % (boundary, boundary, content, boundary))
    return (b"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=%s\r\n\r\n--%s\r\n%s"
            b"\r\n--%s\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: binary\r\n\r\n%s"
            b"\r\n--%s--\r\n" % (boundary, boundary, content, boundary, cms(SIGNED, None), boundary))


def main():
    kind, depth, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    content = b"Content-Type: text/plain\r\n\r\nhello\r\n"
    for number in range(depth):
        content = layer(kind, number, content, folder)
    sys.stdout.buffer.write(b"From: alice@example.org\r\n" + content)


main()
