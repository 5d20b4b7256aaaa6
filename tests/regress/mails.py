# SPDX-License-Identifier: ISC
"""Mails as people's programs write them, and as odd ones do: the same for the same seed. mail(seed) gives the
bytes of one, from rsa@example.org."""
import base64
import quopri
import random

TEXTS = {
    "us-ascii": "The quick brown fox jumps over the lazy dog.",
    "utf-8": "Grüße aus Łódź — 日本語, עברית, emoji \U0001f600.",
    "iso-8859-1": "Façade, Übergröße, ¿qué?",
    "iso-8859-15": "Der Preis: 5 €",
    "koi8-r": "Съешь же ещё этих мягких французских булок",
    "iso-2022-jp": "いろはにほへと ちりぬるを",
    "shift_jis": "わかよたれそ つねならむ",
    "gb18030": "天地玄黄 宇宙洪荒",
    "big5": "天地玄黃",
    "utf-16": "UTF-16 in base64",
    "windows-1252": "“Smart quotes” – and dashes",
}
HEADERS = [
    b"To: Bob <bob@example.net>", b'To: "Quoted, name" <a@example.net>,\r\n\tb@example.net (comment)',
    b"Cc: undisclosed-recipients:;", b"Bcc: hidden@example.net", b"Message-ID: <1@example.org>",
    b"In-Reply-To:<2@example.org>", b"References: <1@example.org>\r\n <2@example.org>\r\n <3@example.org>",
    b"Date: Mon, 23 Nov 2026 12:00:00 +0000", b"Subject: plain", b"Subject: =?utf-8?B?R3LDvMOfZQ==?=",
    b"Subject: raw \xc3\xbc bytes", b"Subject: latin \xfc", b"Subject:", b"Subject: folded\r\n\tonce\r\n  and again  ",
    b"X-Long: " + b"x" * 900, b"X-Empty:", b"X-Dup: 1", b"X-Dup: 2", b"Keywords: a, b", b"Comments: none",
    b"Received: from a by b; Mon, 23 Nov 2026 12:00:00 +0000", b"List-Id: <l.example.net>", b"Sender: rsa@example.org",
    b"X-Colon:: : :", b"Organization :  obsolete blanks", b"MIME-Version: 1.0", b"Mime-Version: 1.0 (ours)",
    b"Disposition-Notification-To: rsa@example.org", b"Importance: high",
]


def blob(rng, size):
    return rng.randbytes(rng.randrange(size))


def odd_lines(rng, text):
    """The text's line ends as programs get them wrong."""
    ends = rng.choice([[b"\r\n"], [b"\n"], [b"\r\n", b"\n"], [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r"], [b"\n\n\n"], [b" \r\n"]])
    return b"".join(line + rng.choice(ends) for line in text.split(b"\r\n"))


def lines(rng, charset):
    text = TEXTS[charset]
    out = []
    for _ in range(rng.randrange(12)):
        kind = rng.randrange(9)
        if kind == 0:
            out.append("")
        elif kind == 1:
            out.append(text * rng.randrange(1, 6))
        elif kind == 2:
            out.append(rng.choice([".", "..", "From here on", "From rsa@example.org Mon", ">From", "-- ", "--", "--boundary--", "\t", " "]))
        elif kind == 3:
            out.append("> " * rng.randrange(1, 5) + text + " ")
        elif kind == 4 and charset != "utf-16":
            out.append("long " * rng.randrange(200, 4000))
        elif kind == 5:
            out.append(" " + text + rng.choice([" ", "  ", "\t"]))
        elif kind == 6:
            out.append("=3D=20 =?utf-8?q?no_word?= %s {} \\")
        else:
            out.append(text)
    return "\r\n".join(out)


def text_part(rng):
    charset = rng.choice(sorted(TEXTS))
    data = lines(rng, charset).encode(charset, "replace")
    subtype = rng.choice(["plain", "plain", "html", "calendar", "x-odd"])
    flowed = rng.choice(["", "; format=flowed", "; format=flowed; delsp=yes", ";\r\n\tformat=\"flowed\""])
    quote = rng.choice(['"', ""])
    fields = b"Content-Type: text/%s; charset=%s%s%s%s\r\n" % (
        subtype.encode(), quote.encode(), charset.encode(), quote.encode(), flowed.encode())
    encoding = rng.choice(["7bit", "8bit", "quoted-printable", "base64", None])
    if charset == "utf-16" or encoding == "base64":
        return fields + b"Content-Transfer-Encoding: base64\r\n", base64.encodebytes(data).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return fields + b"Content-Transfer-Encoding: quoted-printable\r\n", quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    if encoding:
        fields += b"content-transfer-encoding:  %s (as it is)\r\n" % encoding.encode()
    return fields, odd_lines(rng, data)


def attachment(rng):
    name = rng.choice(['"report.pdf"', "plain.txt", '"with \\"quotes\\".bin"', '"=?utf-8?q?gr=C3=BC=C3=9Fe?="'])
    fields = b"Content-Type: application/octet-stream; name=%s\r\nContent-Disposition: attachment;\r\n filename=%s\r\n" % (
        name.encode(), name.encode())
    data = base64.encodebytes(blob(rng, 20000)).replace(b"\n", rng.choice([b"\r\n", b"\n"]))
    return fields + b"Content-Transfer-Encoding: base64\r\nContent-ID: <%d@example.org>\r\n" % rng.randrange(1000), data


def multipart(rng, depth):
    boundary = rng.choice([b"b%d" % rng.randrange(1 << 30), b"=_%d=_" % rng.randrange(1 << 30), b"a b'()+,./:=? %d" % rng.randrange(1 << 30)])
    kind = rng.choice([b"mixed", b"alternative", b"related; type=\"text/html\"", b"report; report-type=delivery-status", b"digest"])
    body = rng.choice([b"", b"This is a message in MIME.\r\n", b"\r\n"])
    for _ in range(rng.randrange(4)):
        fields, data = part(rng, depth + 1)
        body += b"--%s%s\r\n%s\r\n%s\r\n" % (boundary, rng.choice([b"", b" ", b"\t"]), fields, data)
    if rng.randrange(5):
        body += b"--%s--%s" % (boundary, rng.choice([b"", b"\r\n", b"\r\nepilogue\r\n", b"\n"]))
    return b"Content-Type: multipart/%s;\r\n boundary=\"%s\"\r\n" % (kind, boundary), body


def part(rng, depth):
    kind = rng.randrange(8)
    if kind < 3 and depth < 5:
        return multipart(rng, depth)
    if kind == 3 and depth < 4:
        return b"Content-Type: message/rfc822\r\n", b"Subject: forwarded\r\n" + b"".join(part(rng, depth + 1)[:1]) + b"\r\n" + lines(rng, "us-ascii").encode()
    if kind == 4:
        return attachment(rng)
    if kind == 5 and not rng.randrange(3):
        return b"", odd_lines(rng, lines(rng, "us-ascii").encode())
    return text_part(rng)


def mail(seed):
    rng = random.Random(seed)
    fields, body = part(rng, 0)
    header = [b"From: Alice <rsa@example.org>"]
    for field in rng.sample(HEADERS, rng.randrange(len(HEADERS))):
        # RFC 5322 section 3.6: most fields are there once.
        if field.startswith(b"X-Dup") or not any(other.lower().startswith(field.lower().split(b":")[0]) for other in header):
            header.append(field)
    rng.shuffle(header)
    block = b"".join(field + b"\r\n" for field in header)
    block = block + fields if rng.randrange(2) else fields + block
    if not rng.randrange(20):
        body = b""
    if not rng.randrange(20):
        body += blob(rng, 3000)  # NULs and all, that no mail should have
    data = block + b"\r\n" + body
    end = rng.randrange(6)
    if end == 0:
        data = data.replace(b"\r\n", b"\n")
    if end == 1 and not body.endswith((b"\r", b"\n")):
        data = data[:-1] if body else data
    return data
