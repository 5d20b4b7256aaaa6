#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Makes the seed corpora again: `tests/fuzz/make-seeds.py tests/fuzz`, with the keys of corpus-key. Needs
# openssl and the Python package cryptography; the replays do not.
import base64
import os
import re
import subprocess
import sys
import tempfile

TEXT = b"Content-Type: text/plain\r\n\r\nHello Bob, nobody else reads this.\r\n"
top = sys.argv[1]


def put(name, label, data):
    folder = os.path.join(top, "corpus", name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, label), "wb") as file:
        file.write(data)


def key(name):
    return os.path.join(top, "corpus-key", name + ".pem")


def openssl(*args, data=b""):
    return subprocess.run(("openssl",) + args, input=data, check=True, stdout=subprocess.PIPE).stdout


def encrypt(recipient, cipher, *more, data=TEXT):
    return openssl("cms", "-encrypt", "-binary", "-" + cipher, *more, "-recip", key(recipient), data=data)


def der(tag, *parts):
    data = b"".join(parts)
    size = len(data)
    if size < 128:
        return bytes((tag, size)) + data
    long = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(long))) + long + data


def oid(text):
    return bytes.fromhex(text)


def ber(tag, *parts):
    return bytes((tag, 0x80)) + b"".join(parts) + b"\0\0"


def authenveloped(wrap, attributes=b"", segments=1, mac=16):
    """By hand: what the openssl command cannot make (authAttrs, short MACs, segments)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.serialization import Encoding
    with open(key("rsa"), "rb") as file:
        cert = x509.load_pem_x509_certificate(file.read())
    content_key, nonce = bytes(range(16)), bytes(range(12))
    sealed = AESGCM(content_key).encrypt(nonce, TEXT, der(0x31, attributes) if attributes else b"")
    content, tag = sealed[:-16], sealed[-16:][:mac]
    serial = cert.serial_number
    issuer = cert.issuer.public_bytes() + der(2, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))
    recipient = der(0x30, der(2, b"\0"), der(0x30, issuer), oid("300d06092a864886f70d0101010500"),
                    der(4, cert.public_key().encrypt(content_key, padding.PKCS1v15())))
    step = -(-len(content) // segments)
    octets = [content[i:i + step] for i in range(0, len(content), step)]
    body = der(0x80, content) if segments == 1 else wrap(0xa0, *(der(4, part) for part in octets))
    algorithm = der(0x30, oid("06096086480165030401 06"),
                    der(0x30, der(4, nonce), der(2, bytes((mac,))) if mac != 12 else b""))
    return wrap(0x30, oid("060b2a864886f70d0109100117"), wrap(
        0xa0, wrap(0x30, der(2, b"\0"), wrap(0x31, recipient), wrap(
            0x30, oid("06092a864886f70d010701"), algorithm, body),
            der(0xa1, attributes) if attributes else b"", der(4, tag))))


ATTRIBUTE = der(0x30, oid("06032a0304"), der(0x31, der(4, b"attribute")))


def x25519_seeds():
    """What openssl cannot make: by the regress tests' own program."""
    program = os.path.join(top, "..", "regress", "x25519.py")
    seeds = {}
    for name, *more in (("hkdf",), ("hkdf-ukm", "hkdf-512", "128", "0011"), ("x963", "x963-256", "192"),
                        ("keyid", "hkdf-256", "256", "-", "key-id"), ("small", "hkdf-256", "256", "-", "small-2"),
                        ("short-key", "hkdf-256", "256", "-", "short-key"), ("issuer", "hkdf-256", "256", "-", "issuer"),
                        ("unknown-kdf", "hkdf-256", "256", "-", "unknown-kdf"), ("p256", "hkdf-256", "256", "-", "p256")):
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run((program, "encrypt", key("x25519"), out.name, *more), input=TEXT, check=True)
            seeds["x25519-" + name] = out.read()
    return seeds


def cms_seeds():
    d = ("-outform", "DER")
    seeds = x25519_seeds() | {
        "rsa-aes128": encrypt("rsa", "aes-128-cbc", *d),
        "rsa-aes256-gcm": encrypt("rsa", "aes-256-gcm", *d),
        "rsa-3des-keyid": encrypt("rsa", "des3", "-keyid", *d),
        "rsa-stream": encrypt("rsa", "aes-192-cbc", "-stream", *d),
        "rsa-empty-gcm": encrypt("rsa", "aes-128-gcm", *d, data=b""),
        "rsa-camellia": encrypt("rsa", "camellia128", *d),
        "p256-aes128": encrypt("p256", "aes-128-cbc", *d),
        "p256-aes256-gcm": encrypt("p256", "aes-256-gcm", *d),
        "p256-keyid-gcm": encrypt("p256", "aes-128-gcm", "-keyid", *d),
        "both": encrypt("p256", "aes-128-cbc", "-recip", key("rsa"), *d),
        "password": encrypt("rsa", "aes-128-cbc", "-pwri_password", "x", *d),
        "kek": encrypt("rsa", "aes-128-cbc", "-secretkey", "00" * 16, "-secretkeyid", "01", *d),
        "hand": authenveloped(der),
        "hand-ber": authenveloped(ber, segments=3),
        "hand-attributes": authenveloped(der, ATTRIBUTE),
        "hand-attributes-ber": authenveloped(ber, ATTRIBUTE, segments=2),
        "hand-mac12": authenveloped(der, mac=12),
        "hand-mac4": authenveloped(der, mac=4),
    }
    command = ("cms", "-encrypt", "-binary", *d)
    for name in ("oaep", "oaep256"):
        digest = () if name == "oaep" else ("-keyopt", "rsa_oaep_md:sha256")
        seeds["rsa-" + name] = openssl(*command, "-aes-128-gcm", "-recip", key("rsa"), "-keyopt",
                                       "rsa_padding_mode:oaep", *digest, data=TEXT)
    for digest in ("sha256", "sha512"):
        seeds["p256-" + digest] = openssl(*command, "-aes-256-cbc", "-recip", key("p256"), "-keyopt",
                                          "ecdh_kdf_md:" + digest, data=TEXT)
    return seeds


def write_cms(seeds):
    for name, data in seeds.items():
        put("envelope", name, data)
        put("cms_decrypt", name, b"\0" + data)
    for mode, name in ((1, "rsa-aes128"), (1, "rsa-oaep256"), (2, "rsa-aes128"), (3, "rsa-aes256-gcm"),
                       (4, "p256-aes128"), (5, "p256-aes256-gcm"), (6, "rsa-oaep"), (7, "rsa-aes128"),
                       (8, "hand-attributes-ber"), (17, "rsa-3des-keyid"), (48, "p256-aes128"),
                       (3, "x25519-hkdf"), (4, "x25519-x963"), (6, "x25519-hkdf"), (80, "x25519-hkdf-ukm"),
                       (80, "p256-aes128"), (48, "x25519-hkdf")):
        put("cms_decrypt", "%d-%s" % (mode, name), bytes((mode,)) + seeds[name])
    signed = openssl("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-signer", key("rsa"),
                     data=TEXT)
    put("cms_decrypt", "signed", b"\0" + signed)
    put("envelope", "signed", signed)


def write_mails(seeds):
    head = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\n folded\r\n"
    for name in ("rsa-aes128", "rsa-aes256-gcm", "p256-aes256-gcm", "hand-attributes"):
        put("mail_decrypt", name + "-binary", head + b"Content-Type: application/pkcs7-mime; "
            b"smime-type=authEnveloped-data; name=\"smime.p7m\"\r\n"
            b"Content-Transfer-Encoding: binary\r\n\r\n" + seeds[name])
    for name, kind in (("rsa", "aes-128-cbc"), ("p256", "aes-128-gcm"), ("rsa", "aes-256-gcm")):
        mail = openssl("cms", "-encrypt", "-" + kind, "-recip", key(name), data=TEXT)
        put("mail_decrypt", name + "-" + kind, head.replace(b"\r\n", b"\n") + mail)
    bare = openssl("cms", "-encrypt", "-binary", "-aes-128-gcm", "-recip", key("rsa"), data=b"no header")
    put("mail_decrypt", "no-header", bare)
    own = openssl("cms", "-encrypt", "-aes-128-cbc", "-recip", key("rsa"), data=head + TEXT)
    own = own.replace(b"application/x-pkcs7-mime", b"application/octet-stream")
    put("mail_decrypt", "own-header", head + own.replace(b"smime-type=enveloped-data; ", b""))
    put("mail_decrypt", "not-mail", b"no field here\r\n\r\n")
    put("mail_decrypt", "quoted", head + b"Content-Type: application/pkcs7-mime\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n0")
    put("mime", "mail", head + b"Content-Type: multipart/signed; (comment \\) (nested)) "
        b"boundary=\"a\\\"b;c\"; name*=x; micalg=sha-256\r\n\r\nbody\nbare\rreturn\r\n")
    put("mime", "lf", head.replace(b"\r\n", b"\n") + b"X-Empty:\n"
        b"From : \"A, <B>\" (c@d) <a@example.org>\n\nbody\n")
    put("mime", "addresses", b"From: a@b, c@d\n\tfolded <>@\nTo: <@>\n no-at <x\n: empty\n"
        b"not a field\nA:(((\n\n")
    put("mime", "value", b"application/pkcs7-mime; name=smime.p7m; smime-type=\"enveloped-data\"")
    put("mime", "empty", b"\r\n")


def write_signed():
    def sign(*more, who="rsa", data=TEXT):
        return openssl("cms", "-sign", "-signer", key(who), *more, data=data)

    sender = ("-from", "rsa@example.org")
    lf = TEXT.replace(b"\r\n", b"\n")
    put("verify", "detached", b"\0" + sign(*sender, data=lf))
    put("verify", "opaque", b"\0" + sign(*sender, "-nodetach", data=lf))
    put("verify", "crlf", b"\0" + sign(*sender, "-binary", "-crlfeol"))
    put("verify", "raw", b"\1" + sign("-binary", "-nodetach", "-outform", "DER"))
    put("verify", "raw-stream", b"\1" + sign("-binary", "-nodetach", "-stream", "-outform", "DER"))
    put("verify", "raw-pem", b"\1" + sign("-binary", "-nodetach", "-outform", "PEM"))
    put("verify", "raw-detached", b"\3" + sign("-binary", "-outform", "DER"))
    put("verify", "raw-pss", b"\1" + sign("-binary", "-nodetach", "-outform", "DER", "-keyopt", "rsa_padding_mode:pss"))
    put("verify", "raw-keyid", b"\1" + sign("-binary", "-nodetach", "-outform", "DER", "-keyid"))
    put("verify", "raw-no-attributes", b"\1" + sign("-binary", "-nodetach", "-outform", "DER", "-noattr"))
    put("verify", "raw-two", b"\1" + sign("-binary", "-nodetach", "-outform", "DER", "-signer", key("p256")))
    put("verify", "untrusted", b"\0" + sign("-from", "p256@example.org", who="p256", data=lf))
    inner = sign(data=lf)
    for cipher in ("aes-128-cbc", "aes-256-gcm"):
        put("verify", "encrypted-" + cipher[4:], b"\0From: rsa@example.org\n" + openssl(
            "cms", "-encrypt", "-binary", "-" + cipher, "-recip", key("rsa"), data=inner))
    triple = openssl("cms", "-encrypt", "-binary", "-aes-128-cbc", "-recip", key("p256"), data=inner)
    put("verify", "triple", b"\0" + sign(*sender, "-binary", data=triple))
    put("verify", "list", b"\0From: rsa@example.org\nContent-Type: multipart/mixed; boundary=b\n\nx\n--b\n" + inner +
        b"\n--b\nContent-Type: text/html\n\nfooter\n--b--\nx\n")
    put("verify", "forwarded", b"\0From: a@example.org\nContent-Type: message/rfc822\n\n" + sign(*sender, data=lf))
    protected = sign(data=b"Subject: x\nFrom: rsa@example.org\nContent-Type: text/plain; hp=\"clear\"\n\nHello\n")
    put("verify", "protected", b"\0From: rsa@example.org\nSubject: y\n" + protected)
    for number, text in enumerate((
            b"b\npreamble\n--b\n\none\n--b\r\n\r\ntwo\r\n\r\n--b--\r\nepilogue\n--b\nno part\n",
            b"b\n--b\n--b\n\n--b--", b"b\n--b", b"b\n--b  \t\nx\n--bb\n--b-\n--b--- \n--b-- \n",
            b"=_b c\n--=_b c\r\n\r\n\r\r\n--=_b c--", b"b\n\n--b\r\n\rx\r\n--b\r\n\r\n--b--\r\n", b"\n--\n--\n",
            b"b\n--b\n" + b"line\n" * 30 + b"--b" + b" " * 990 + b"\n" + b"x" * 3000 + b"\n--b--\n",
            b"b\n--b\n" + b"--b" + b" " * 2000 + b"\n--b--\n")):
        put("multipart", "%02d" % number, text)


def string(text):
    return len(text).to_bytes(4, "big") + text


def write_messages():
    sizes = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
    with open(os.path.join(top, "..", "..", "include", "payloads.def")) as file:
        payloads = re.findall(r"^P\(\w+,(.*)\)$", file.read(), re.M)
    for number, fields in enumerate(payloads):
        types = re.findall(r"F\((\w+),", fields)
        data = b"".join(bytes(range(1, sizes[t] + 1)) if t in sizes else string(b"text") for t in types)
        put("messages", "%02d" % number, bytes((number,)) + data)
    for number in (1, 3, 10, 25, 26, 30, 33, 40, 42):
        packet = number.to_bytes(2, "big") + bytes((0, 0, 0, 0, 0, 7)) + string(b"text") * 3
        put("channel", "to-worker-%02d" % number, b"\x01" + packet)
        put("channel", "to-broker-%02d" % number, b"\x08" + packet)


def write_texts():
    for number, text in enumerate((
            b"pkcs11:token=My%20Token;id=%01%a0;object=key;type=private?module-name=x",
            b"pkcs11:model=m;manufacturer=a;serial=0;token=t", b"pkcs11:", b"pkcs11:id=;id=",
            b"pkcs11:token=a?pin-value=1234", b"pkcs11:object=%00",
            b"pkcs11:library-version=1;x=y", b"token=a")):
        put("uri", "%02d" % number, text)
    put("config", "all", b"# comment\nmodule /usr/lib/a.so\n  module\t/usr/lib/b.so  \n"
        b"log-level debug\npin-source My Token file:/run/pin\npin-source pkcs11:token=a credential:pin\n"
        b"log-file /tmp/x\npin-cache-ttl 0\npin-cache-max 31536000\noperation-timeout 3600\n"
        b"max-connections 1024\nidle-workers 16\nspool-max 1048576\nprompt-timeout 1\n"
        b"certificates /etc/x.pem\n"
        b"spool-directory /var/tmp\npinentry-program /usr/bin/pinentry\n")
    put("config", "module", b"module /usr/lib/a.so")
    put("config", "wrong", b"pin-source file:/x\n")
    put("config", "number", b"max-connections 99999999999999999999\n")
    put("config", "long", b"log-file /" + b"x" * 4200 + b"\n")
    base64 = b"QUJDREVG\r\nR0hJ SktM\tTU5PUA==\r\n-----END CMS-----\r\n"
    for how in (0x01, 0x03, 0x11, 0x21, 0xf1, 0x00, 0x32):
        put("input", "%02x" % how, bytes((how,)) + base64)
    put("input", "unpadded", b"\x11QUJDRA")
    put("input", "dash", b"\x21QUJD-")
    put("input", "one", b"\x01Q")


def write_lines():
    with open(key("p256"), "rb") as file:
        pem = file.read()
    pem = pem[pem.index(b"-----BEGIN CERT"):]
    encoded = openssl("x509", "-outform", "DER", data=pem)
    for number, text in enumerate((
            b"INIT label=My%20Token", b"KEYGEN token=a label=b key-type=rsa:2048", b"CHANGE-PIN token=%C3%A4",
            b"CSR token=a label=b subject=/CN=x%2fy address=a@example.org", b"KEYGEN token=%0", b"KEYGEN a=b",
            b"IMPORT-CERT token=a\n" + pem, b"IMPORT-CERT\n" + encoded, b"IMPORT-CERT",
            b"IMPORT-CERT\nnone", b"")):
        put("token_command", "%02d" % number, text)
    for number, text in enumerate((
            b"\x72OK ready\nS PROGRESS smime ? 123 0\nD a%25b%0Ac%4\n# comment\nOK\n",
            b"\x11S ERROR PIN_WRONG wrong PIN (Demo)\nERR 536871 Bad PIN <User>\n", b"\x01ERR 0 none\n",
            b"\x31D data\nD more\nOK\n", b"\x01OK", b"\x02OK\nNONSENSE\n", b"\x00",
            b"\x01D \nERR\nS \nS ERROR \n",
            b"\x01" + b"x" * 4200 + b"\nOK\n",
            b"\x81OK smime-agent 0.1.0 ready, protocol 1\nOK\n", b"\x81OK x restarting, protocol 1\nERR 78 x\n",
            b"\x80OK smime-agent 9 ready, protocol 99999999999999999999\n", b"\x80ERR 312 busy\n", b"\x80OK , protocol ")):
        put("client", "%02d" % number, text)
    for number, text in enumerate((b"\0", b"\1", b"\2", b"\3", b"\6", b"\x0b", b"\2\x40\0\0\1",
                                   b"\3\x80\1\0\1", b"\3\x40\1\0\0", b"\0\0\0\5\1", b"\3\x40\0\x14\1",
                                   b"\2\xa0\0\0\0")):
        put("cms_large", "%02d" % number, text)


def module_list(*keys):
    """What PKLIST gives: a token that can everything, and keys of (type, parameters, public value)."""
    def record(kind, payload):
        return kind + len(payload).to_bytes(4, "big") + payload

    def number(value, size):
        return value.to_bytes(size, "big")

    token = number(1, 4) + number(0x1fe01, 4) + b"".join(map(string, (b"Fuzz", b"m", b"mo", b"s", b"mod", b"")))
    rows = record(b"T", token)
    for ref, (kind, parameters, value) in enumerate(keys, 5):
        fields = (b"%d" % ref, b"label", b"der" if ref % 2 else b"", b"su", b"is", b"se", parameters, value)
        rows += record(b"K", number(ref, 4) + number(1, 4) + number(0x1d, 2) + number(kind, 1) + b"".join(map(string, fields)))
    return rows


def reply(data=b"", before=b"", end=b"OK\n"):
    for byte in b"%\r\n":
        data = data.replace(bytes((byte,)), b"%%%02X" % byte)
    lines = b"".join(b"D " + data[at:at + 300] + b"\n" for at in range(0, len(data), 300))
    return before + lines + end


def write_module():
    rsa = (1, b"\x55" * 64, b"\1\0\1")
    p256 = (2, bytes.fromhex("06082a8648ce3d030107"), b"\4\x41\4" + b"x" * 64)
    hello, done = reply(end=b"OK ready\n"), b"OK\n"
    for name, keys, answers in (
            ("rsa", [rsa], [done + reply(b"s" * 64), done + reply(b"plain")]),
            ("short", [rsa], [done + reply(b"s" * 63), done + reply(b"s" * 64)]),
            ("ec", [p256], [done + reply(b"s" * 64), done + reply(b"z" * 32)]),
            ("both", [rsa, p256], [done + reply(b"s" * 64), done + reply(b"plain"), done + reply(b"s" * 64), done + reply(b"z" * 32)]),
            ("errors", [rsa, p256], [done + b"S ERROR PIN_NEEDED a\nERR 114 b\n", b"ERR 68 x\nERR 68 y\n", hello, done]),
            ("changed", [rsa], [done + reply(b"s" * 64, b"S KEYS_CHANGED\n"), reply(module_list(p256)), done + b"OK\n"]),
            ("long", [rsa], [done + reply(b"s" * 4000), done + reply(b"s" * 70)]),
            ("babble", [p256], [b"INQUIRE x\n", hello, reply(module_list(p256)), b"D half"])):
        put("module", name, b"\xff\xff".join([hello, reply(module_list(*keys))] + answers + [done]))
    put("module", "refused", b"ERR 251 no\n")
    put("module", "nothing", b"")


def folded(text):
    return b"\r\n ".join(text[at:at + 70] for at in range(0, len(text), 70))


def make_crl():
    with tempfile.TemporaryDirectory() as folder:
        conf, index = os.path.join(folder, "conf"), os.path.join(folder, "index")
        open(index, "w").close()
        with open(conf, "w") as file:
            file.write("[ca]\ndefault_ca=own\n[own]\ndatabase=%s\ndefault_md=sha256\n" % index)
        return openssl("ca", "-config", conf, "-gencrl", "-crldays", "9", "-cert", key("p256"), "-keyfile", key("p256"))


def write_vcards(p256, p7):
    p256, p7 = base64.b64encode(p256), base64.b64encode(p7)
    cards = {
        "2.1": b"BEGIN:VCARD\r\nVERSION:2.1\r\nKEY;X509;ENCODING=BASE64:\r\n " + folded(p256) + b"\r\n\r\nEND:VCARD\r\n",
        "3.0": b"BEGIN:VCARD\r\nVERSION:3.0\r\n" + folded(b"KEY;ENCODING=b;TYPE=X509:" + p256) + b"\r\nEND:VCARD\r\n",
        "4.0": b'\xef\xbb\xbfbegin:vcard\nversion:4.0\nitem1.KEY;MEDIATYPE="a;b:c":data:application/pkix-cert;base64,' + p256 +
               b"\nKEY:https://example.org/x.cer\nend:vcard\n",
        "p7": b"BEGIN:VCARD\nKEY:data:;base64," + p7 + b"\nEND:VCARD\nBEGIN:VCARD\nKEY;B:" + p256,
        "odd": b"\n \tBEGIN:VCARD\nKEY\nKEY:\nKEY;ENCODING=b\nKEY;\"a:b;c\":x\n :\n y\nKEY;ENCODING=\"b\":!!!\nKEY:data:,x\nxKEY:z",
    }
    for name, card in cards.items():
        put("import", "vcard-" + name, card)
        put("vcard", name, card)


def write_imports():
    rsa, p256 = (openssl("x509", "-in", key(name), "-outform", "DER") for name in ("rsa", "p256"))
    p7 = openssl("crl2pkcs7", "-nocrl", "-certfile", key("rsa"), "-certfile", key("p256"), "-outform", "DER")
    crl = make_crl()
    pkcs12 = ("pkcs12", "-export", "-in", key("p256"), "-iter", "200")
    triple = ("-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES")
    plain = ("-certpbe", "NONE", "-keypbe", "NONE", "-nomac")
    trusted = openssl("x509", "-in", key("p256"), "-trustout")
    for name, data in (
            ("pem-with-key", open(key("p256"), "rb").read()), ("pem-crl", crl),
            ("pem-both", openssl("x509", "-in", key("rsa")) + crl + trusted),
            ("pem-p7", openssl("crl2pkcs7", "-nocrl", "-certfile", key("p256"))),
            ("der", p256), ("der-both", p256 + rsa), ("der-crl", openssl("crl", "-outform", "DER", data=crl)),
            ("p7", p7), ("base64", base64.encodebytes(p256)),
            ("p12", openssl(*pkcs12, "-passout", "pass:secret")),
            ("p12-other-password", openssl(*pkcs12, "-nokeys", "-passout", "pass:other")),
            ("p12-empty-password", openssl(*pkcs12, "-nokeys", "-passout", "pass:")),
            ("p12-3des", openssl(*pkcs12, "-passout", "pass:secret", *triple)),
            ("p12-plain", openssl(*pkcs12, "-passout", "pass:x", *plain))):
        put("import", name, data)
    write_vcards(p256, p7)


def seed(name, label):
    with open(os.path.join(top, "corpus", name, label), "rb") as file:
        return file.read()


def write_dialects():
    fingerprint = b"0123456789abcdef0123456789abcdef01234567"
    put("command", "sign", b"SIGN --detached --pem --digest=sha384 --pss --no-gcm\nSIGN --mail --detached\nSIGN --mail --pem\n"
        b"SIGN --digest=\nSIGN  --crlf  \nSIGN --unknown\n")
    put("command", "encrypt", b"ENCRYPT --mail --sign --opaque --digest=sha512 --hide-subject --separate-bcc --skip-missing\n"
        b"ENCRYPT --cipher=aes-256-gcm --pem --oaep --no-self\nENCRYPT --armor --crlf --self\nENCRYPT --base64 --pss\n"
        b"ENCRYPT --cipher=des\nENCRYPT --mail --armor\n")
    put("command", "decrypt", b"DECRYPT\nDECRYPT --mail\nDECRYPT --mail alice@example.org\nDECRYPT   My Card Key\n"
        b"DECRYPT --mailbox\nDECRYPT pkcs11:token=a%20b\n")
    put("command", "verify", b"VERIFY\nVERIFY --mail --report --at=2026-11-23T14:45:00Z\nVERIFY --json --crl-check --at=@1795445100\n"
        b"VERIFY --at=2026-11-23 --mail\nVERIFY --report --json\nVERIFY --at=@0\nVERIFY --at=yesterday\n")
    put("command", "certs", b"CERTS LIST\nCERTS LIST --json alice@example.org\nCERTS SHOW 01:23:45:67:89:ab\n"
        b"CERTS LIST CN=Alice A, O=Test\nCERTS EXPORT --p7 --all 0123456789abcdef\nCERTS EXPORT --der\n"
        b"CERTS REMOVE --all bob@example.org\nCERTS EXTRACT --signers --addresses\nCERTS ADDRESSES\nCERTS EXPIRING\n"
        b"CERTS IMPORT name\nCERTS\nCERTS NONE\nCERTS SHOW\n")
    put("gpgsm", "options", b"".join(b"OPTION " + option + b"\n" for option in (
        b"include-certs=-2", b"include-certs", b"include-certs=5", b"with-secret", b"with-validation=1", b"offline=0",
        b"list-mode=3", b"list-mode=9", b"putenv=DISPLAY=:0", b"putenv=GPG_TTY=/dev/pts/0", b"putenv=HOME=/",
        b"display=:1", b"no-encrypt-to", b"unknown=5", b"lc-messages=C")))
    put("gpgsm", "messages", b"OUTPUT FD --armor\nSIGN --detached\nOUTPUT FD --base64\nSIGN\nENCRYPT\nOUTPUT FD --binary\n"
        b"SIGN --not--detached\nOPTION include-certs=0\nSIGN --detached\nOPTION no-encrypt-to\nENCRYPT\n")
    put("gpgsm", "names", b"LISTKEYS\nLISTKEYS -- alice@example.org <bob@example.org> &" + fingerprint + b"\n"
        b"LISTSECRETKEYS " + fingerprint + b"\nLISTKEYS --log x #4F/CN=x /CN=a%20b+c *part 0xdeadbeef\n"
        b"LISTKEYS " + fingerprint + b"0123456789abcdef01234567 =x\nLISTKEYS %\nLISTKEYS +\n")
    put("gpgsm", "many", b"LISTKEYS" + b"".join(b" n%d" % i for i in range(70)) + b"\nLISTKEYS " + b"x" * 1100 + b"\n")


def write_requests():
    mail = (b"From: rsa@example.org\r\nTo: p256@example.org\r\nBcc: nobody@example.org\r\nSubject: Hi\r\n"
            b"Content-Type: text/plain\r\n\r\nHello Bob\r\n")
    text = b"Hello\nBob\n"
    for label, kind, flags, more, name, data in (
            ("sign", 0, 0, 0, b"rsa", text), ("sign-pss-pem", 0, 8 | 16, 1, b"rsa", text),
            ("sign-crlf-ec", 0, 2 | 8, 5, b"p256", text), ("sign-mail", 0, 1 | 4, 0, b"rsa", mail),
            ("sign-mail-detached", 0, 1 | 4 | 8, 3, b"", mail), ("encrypt-rsa", 1, 0, 0, b"rsa", text),
            ("encrypt-ec-gcm", 1, 0, 1 | 0x30, b"p256", text), ("encrypt-x25519", 1, 16, 2 | 4, b"x25519", text),
            ("encrypt-signed", 1, 2 | 4 | 16, 0, b"rsa", text), ("encrypt-mail", 1, 1 | 4 | 128, 3, b"rsa", mail),
            ("encrypt-mail-header", 1, 1 | 16 | 32, 3, b"", mail),
            ("decrypt-rsa", 2, 2, 0, b"", seed("cms_decrypt", "rsa-aes128")[1:]),
            ("decrypt-ec-gcm", 2, 0, 0, b"rsa", seed("cms_decrypt", "p256-aes256-gcm")[1:]),
            ("decrypt-mail", 2, 1 | 2, 0, b"", seed("verify", "encrypted-128-cbc")[1:]),
            ("verify-mail", 3, 1 | 2 | 8 | 16, 0, b"", seed("verify", "triple")[1:]),
            ("verify-raw", 3, 2 | 8 | 16, 0, b"", seed("verify", "raw")[1:]),
            ("verify-detached", 3, 2 | 4 | 16, 0, b"", seed("verify", "raw-detached")[1:]),
            ("verify-crls", 3, 32 | 64, 0, b"", seed("import", "pem-crl")),
            ("import-pem", 4, 2, 0, b"", seed("import", "pem-both")), ("import-stop", 4, 1, 0, b"", seed("import", "p7")),
            ("import-p12", 4, 4, 0, b"", seed("import", "p12")),
            ("list-all", 5, 3, 0, b"", b""), ("list-address", 5, 3, 5 + 9 * 8, b"rsa@example.org", b""),
            ("list-subject", 5, 1 | 4, 6, b"CN=fuzz p256", b""), ("list-serial", 5, 1 | 8, 7, b"CN=fuzz rsa", b""),
            ("list-stored", 5, 2, 8, b"fuzz", b"")):
        put("requests", label, bytes((kind, flags, more)) + name + b"\n" + data)


seeds = cms_seeds()
write_cms(seeds)
write_mails(seeds)
write_messages()
write_signed()
write_texts()
write_lines()
write_module()
write_imports()
write_dialects()
write_requests()
