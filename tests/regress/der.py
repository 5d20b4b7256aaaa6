# SPDX-License-Identifier: ISC
"""DER, written by hand and taken apart, for what no honest program makes."""

DATA = "2a864886f70d010701"
SIGNED = "2a864886f70d010702"


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def oid(hexadecimal):
    return tlv(6, bytes.fromhex(hexadecimal))


def split(der):
    """The elements of a constructed one."""
    def head(at):
        size = der[at + 1]
        if size < 0x80:
            return at + 2, size
        count = size & 0x7F
        return at + 2 + count, int.from_bytes(der[at + 2:at + 2 + count], "big")
    at, end = head(0)
    end += at
    found = []
    while at < end:
        start, size = head(at)
        found.append(der[at:start + size])
        at = start + size
    return found
