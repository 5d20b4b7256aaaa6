#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""damage.py IN OUT HOW [VALUE...]: a CMS message (DER), damaged.

flip N          the lowest bit of byte N
cut N           the first N bytes
swap HEX HEX    the first of these bytes becomes the second, everywhere
tag N [ICVLEN]  an AuthEnvelopedData's MAC is cut (or filled) to N bytes; aes-ICVlen says ICVLEN
claim N         the encrypted content claims N bytes more than there are
iv N            the nonce or IV is cut (or filled) to N bytes
parameters HEX  the content cipher's parameters are these bytes, or none
relabel HEX     AuthEnvelopedData becomes EnvelopedData with this cipher (its object identifier's bytes) and an IV
                of 16 bytes; EnvelopedData becomes AuthEnvelopedData, with a nonce of 12 bytes and a MAC of zeros
recipients N [HEX]   each recipient is there N times; the last byte of each of these is another one, unless HEX is 00
smaller               the first byte of each key that is encrypted with RSA-2048 is 0: less than any modulus
certificates N FILE  N copies of this certificate (DER) come along
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


def cipher_of(fields):
    """The parts of the content's algorithm, and how to put them back."""
    info = info_of(fields)
    parts = children(info[1])
    algorithm = children(parts[1][1])

    def put():
        parts[1][1] = join(algorithm)
        info[1] = join(parts)

    return algorithm, put


def iv(data, length):
    fields, close = open_message(data)
    algorithm, put = cipher_of(fields)
    if algorithm[1][0] == 0x30:
        inner = children(algorithm[1][1])
        inner[0][1] = (inner[0][1] + bytes(64))[:length]
        algorithm[1][1] = join(inner)
    else:
        algorithm[1][1] = (algorithm[1][1] + bytes(64))[:length]
    put()
    return close()


def parameters(data, der):
    fields, close = open_message(data)
    algorithm, put = cipher_of(fields)
    algorithm[1:] = children(der)[:1]
    put()
    return close()


def relabel(data, oid):
    authenticated = bytes.fromhex("2a864886f70d0109100117") in data[:40]
    fields, close = open_message(data)
    algorithm, put = cipher_of(fields)
    algorithm[0][1] = oid
    if authenticated:
        nonce = children(algorithm[1][1])[0][1]
        algorithm[1] = [0x04, (nonce + b"\0\0\0\2")[:16]]
        fields[:] = [field for field in fields if field[0] in (0x02, 0x31, 0x30)]
    else:
        algorithm[1] = [0x30, encode(0x04, algorithm[1][1][:12]) + b"\x02\x01\x10"]
        fields.append([0x04, bytes(16)])
    put()
    whole = children(children(close())[0][1])
    whole[0][1] = bytes.fromhex("2a864886f70d010703" if authenticated else "2a864886f70d0109100117")
    return encode(0x30, join(whole))


def recipients(data, count, change):
    fields, close = open_message(data)
    infos = next(field for field in fields if field[0] == 0x31)
    spoilt = []
    for tag_, contents in children(infos[1]):
        spoilt += [[tag_, contents[:-1] + bytes([contents[-1] ^ change])]] * count
    infos[1] = join(spoilt)
    return close()


def smaller(data):
    fields, close = open_message(data)
    infos = next(field for field in fields if field[0] == 0x31)
    infos[1] = join([[tag_, contents[:-256] + bytes(1) + contents[-255:]] for tag_, contents in children(infos[1])])
    return close()


def certificates(data, count, der):
    fields, close = open_message(data)
    fields.insert(1, [0xA0, encode(0xA0, der * count)])
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
    elif how == "iv":
        data = iv(data, int(values[0]))
    elif how == "parameters":
        data = parameters(data, bytes.fromhex("".join(values)))
    elif how == "relabel":
        data = relabel(data, bytes.fromhex(values[0]))
    elif how == "recipients":
        data = recipients(data, int(values[0]), int(values[1], 16) if values[1:] else 1)
    elif how == "smaller":
        data = smaller(data)
    elif how == "certificates":
        with open(values[1], "rb") as file:
            data = certificates(data, int(values[0]), file.read())
    else:
        sys.exit("unknown damage")
    with open(target, "wb") as file:
        file.write(data)


main()
