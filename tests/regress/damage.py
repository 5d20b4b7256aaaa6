#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""damage.py IN OUT HOW [VALUE...]: a CMS message (DER), damaged.

flip N          the lowest bit of byte N
cut N           the first N bytes
swap HEX HEX    the first of these bytes becomes the second, everywhere
tag N [ICVLEN]  an AuthEnvelopedData's MAC is cut (or filled) to N bytes; aes-ICVlen says ICVLEN
claim N         the encrypted content claims N bytes more than there are
"""
import sys


def read(data, at):
    """Tag, start and end of the contents of the element at `at`."""
    length, start = data[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[start:start + count], "big"), start + count
    return data[at], start, start + length


def children(data):
    at, found = 0, []
    while at < len(data):
        tag, start, end = read(data, at)
        found.append([tag, data[start:end]])
        at = end
    return found


def encode(tag, contents, extra=0):
    length = len(contents) + extra
    if length < 0x80:
        return bytes([tag, length]) + contents
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + contents


def join(parts):
    return b"".join(encode(*part) for part in parts)


def open_message(data):
    """[version, recipients, encrypted content info, ...] and how to close it again."""
    outer = children(children(data)[0][1])
    inner = children(outer[1][1])[0]
    fields = children(inner[1])

    def close():
        outer[1][1] = encode(inner[0], join(fields))
        return encode(0x30, join(outer))

    return fields, close


def info_of(fields):
    return next(field for field in fields if field[0] == 0x30)


def tag(data, length, icvlen=None):
    fields, close = open_message(data)
    mac = next(field for field in fields if field[0] == 0x04)
    mac[1] = (mac[1] + bytes(64))[:length]
    if icvlen is not None:
        info = info_of(fields)
        parts = children(info[1])
        algorithm = children(parts[1][1])
        nonce = children(algorithm[1][1])[0]
        algorithm[1][1] = join([nonce, [0x02, bytes([icvlen])]])
        parts[1][1] = join(algorithm)
        info[1] = join(parts)
    return close()


def claim(data, more):
    fields, close = open_message(data)
    info = info_of(fields)
    parts = children(info[1])
    parts[2].append(more)
    info[1] = join(parts)
    return close()


def main():
    source, target, how, *values = sys.argv[1:]
    with open(source, "rb") as file:
        data = file.read()
    if how == "flip":
        at = int(values[0])
        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
    elif how == "cut":
        data = data[:int(values[0])]
    elif how == "swap":
        before, after = map(bytes.fromhex, values)
        if before not in data:
            sys.exit("nothing to swap")
        data = data.replace(before, after)
    elif how == "tag":
        data = tag(data, *map(int, values))
    elif how == "claim":
        data = claim(data, int(values[0]))
    else:
        sys.exit("unknown damage")
    with open(target, "wb") as file:
        file.write(data)


main()
