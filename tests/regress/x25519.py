#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# RFC 8418 once more, for x25519.sh: encrypts to an X25519 key (or P-256), decrypts with one, with the cryptography package's own
# primitives and the CMS put together here, so that it can also be put together wrongly.
#	x25519.py encrypt CERT OUT [KDF [WRAP [UKM [FAULT]]]] <IN	KDF: hkdf-256 or x963-512; WRAP: 128, 192, 256; UKM: hex or -
#	x25519.py decrypt KEY CERT IN >OUT
#	x25519.py derived KEY PUBLIC-KEY <ANSWER	whether the agent's answer is the secret of the two
#	x25519.py point KEY	its public half, hex
import os
import re
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import (Encoding, PublicFormat, load_pem_private_key,
                                                          load_pem_public_key)

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
SCHEMES = {"x963-256": "06062b8104010b01", "x963-384": "06062b8104010b02", "x963-512": "06062b8104010b03",
           "hkdf-256": "060b2a864886f70d0109100313", "hkdf-384": "060b2a864886f70d0109100314",
           "hkdf-512": "060b2a864886f70d0109100315"}
WRAPS = {"128": "060960864801650304010" + "5", "192": "0609608648016503040119", "256": "060960864801650304012d"}
CBC = "060960864801650304012a"
CIPHERS = {"02": 16, "16": 24, "2a": 32, "06": 16, "1a": 24, "2e": 32}  # by the OID's last byte; the last three are GCM
X25519 = "06032b656e"
P256 = ("06072a8648ce3d0201", "06082a8648ce3d030107")
ENVELOPED, DATA = "06092a864886f70d010703", "06092a864886f70d010701"
# Points of small order, and such that are not reduced: with each the secret is zero.
SMALL = ["00" * 32, "01" + "00" * 31, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
         "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", "ec" + "ff" * 30 + "7f",
         "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f"]


def der(tag, *parts):
    data = b"".join(bytes.fromhex(part) if isinstance(part, str) else part for part in parts)
    size = len(data)
    if size < 128:
        return bytes((tag, size)) + data
    long = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(long))) + long + data


def take(data):
    """One element: its tag, what is in it, and what follows."""
    tag, size, at = data[0], data[1], 2
    if size & 0x80:
        at = 2 + (size & 0x7f)
        size = int.from_bytes(data[2:at], "big")
    assert len(data) >= at + size, "cut short"
    return tag, data[at:at + size], data[at + size:]


def elements(data):
    found = []
    while data:
        tag, inside, rest = take(data)
        found.append((tag, inside, data[:len(data) - len(rest)]))
        data = rest
    return found


def read_cert(path):
    with open(path, "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


def issuer_and_serial(cert):
    serial = cert.serial_number
    return der(0x30, cert.issuer.public_bytes(), der(2, serial.to_bytes(serial.bit_length() // 8 + 1, "big")))


def key_encryption_key(kdf, wrap, ukm, secret):
    size = int(wrap) // 8
    info = der(0x30, der(0x30, WRAPS[wrap]), der(0xa0, der(4, ukm)) if ukm else b"",
               der(0xa2, der(4, (8 * size).to_bytes(4, "big"))))
    digest = HASHES[kdf[-3:]]()
    if kdf.startswith("x963"):
        return X963KDF(digest, size, info).derive(secret)
    return HKDF(digest, size, ukm, info).derive(secret)


def uncompressed(key):
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def agree(cert, fault):
    """The sender's public key, and the secret."""
    if fault.startswith("small-"):
        return bytes.fromhex(SMALL[int(fault[6:])]), bytes(32)
    if isinstance(cert.public_key(), ec.EllipticCurvePublicKey):
        own = ec.generate_private_key(ec.SECP256R1())
        return uncompressed(own.public_key()), own.exchange(ec.ECDH(), cert.public_key())
    own = X25519PrivateKey.generate()
    return own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), own.exchange(cert.public_key())


def originator(cert, point, fault):
    if fault == "issuer":
        return issuer_and_serial(cert)
    on_curve = isinstance(cert.public_key(), ec.EllipticCurvePublicKey)
    algorithm, bits = der(0x30, *P256) if on_curve else der(0x30, X25519), der(3, b"\0", point)
    if fault == "unused-bits":
        bits = der(3, b"\1", point)
    elif fault == "short-point":
        bits = der(3, b"\0", point[:-1])
    elif fault == "long-point":
        bits = der(3, b"\0", point, b"\0")
    elif fault == "p256":
        algorithm = der(0x30, *P256)
        bits = der(3, b"\0", uncompressed(ec.generate_private_key(ec.SECP256R1()).public_key()))
    elif fault == "null":
        algorithm = der(0x30, X25519, "0500")
    return der(0xa1, algorithm, bits)


def key_encryption_algorithm(kdf, wrap, fault):
    scheme, inner = SCHEMES[kdf], der(0x30, WRAPS[wrap])
    if fault == "unknown-kdf":
        scheme = "06062b8104010b09"
    elif fault == "unknown-wrap":
        inner = der(0x30, "060b2a864886f70d0109100306", "0500")
    elif fault == "no-wrap":
        inner = b""
    return der(0x30, scheme, inner)


def encrypt(path, out, kdf="hkdf-256", wrap="256", ukm="-", fault=""):
    cert, ukm = read_cert(path), None if ukm == "-" else bytes.fromhex(ukm)
    point, secret = agree(cert, fault)
    content_key, iv = os.urandom(32), os.urandom(16)
    wrapped_key = {"short-key": content_key[:16], "long-key": content_key + bytes(8)}.get(fault, content_key)
    wrapped = aes_key_wrap(key_encryption_key(kdf, wrap, ukm, secret), wrapped_key)
    if fault in ("altered", "many-altered"):
        wrapped = wrapped[:-1] + bytes((wrapped[-1] ^ 1,))
    elif fault == "cut":
        wrapped = wrapped[:-8]
    elif fault == "empty":
        wrapped = b""
    who = issuer_and_serial(cert)
    if fault == "key-id":
        who = der(0xa0, der(4, cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest))
    for_whom = b"" if fault == "nobody" else der(0x30, who, der(4, wrapped))
    info = der(0xa1, der(2, b"\3"), der(0xa0, originator(cert, point, fault)), der(0xa1, der(4, ukm)) if ukm else b"",
               key_encryption_algorithm(kdf, wrap, fault), der(0x30, for_whom))
    if fault.startswith("many"):
        info *= 300
    padder = padding.PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(content_key), modes.CBC(iv)).encryptor()
    content = cipher.update(padder.update(sys.stdin.buffer.read()) + padder.finalize()) + cipher.finalize()
    with open(out, "wb") as file:
        file.write(der(0x30, ENVELOPED, der(0xa0, der(0x30, der(2, b"\2"), der(0x31, info), der(
            0x30, DATA, der(0x30, CBC, der(4, iv)), der(0x80, content))))))


def find_wrapped(infos, mine):
    for tag, inside, _ in elements(infos):
        if tag != 0xa1:
            continue
        parts = elements(inside)
        for _, one, _ in elements(parts[-1][1]):
            if take(one)[1] == mine and take(elements(parts[1][1])[0][1])[2]:
                return parts, elements(one)[1][1]
    raise SystemExit("not for this certificate")


def by_oid(table, oid):
    return next(name for name, text in table.items() if bytes.fromhex(text) == oid)


def unwrap(key, parts, wrapped):
    assert parts[0][1] == b"\3", "version"
    public = elements(elements(parts[1][1])[0][1])
    assert public[0][2] == der(0x30, X25519) and public[1][1][:1] == b"\0" and len(public[1][1]) == 33, "originator"
    algorithm = elements(parts[-2][1])
    assert elements(algorithm[1][1])[0][2] == algorithm[1][1], "parameters of the key wrap"
    ukm = take(parts[2][1])[1] if len(parts) == 5 else None
    secret = key.exchange(X25519PublicKey.from_public_bytes(public[1][1][1:]))
    kek = key_encryption_key(by_oid(SCHEMES, algorithm[0][2]), by_oid(WRAPS, algorithm[1][1]), ukm, secret)
    return aes_key_unwrap(kek, wrapped)


def read_key(path):
    with open(path, "rb") as file:
        return load_pem_private_key(file.read(), None)


def point(path):
    print(read_key(path).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())


def derived(key_path, public_path):
    with open(public_path, "rb") as file:
        secret = read_key(key_path).exchange(load_pem_public_key(file.read()))
    answer = next(line for line in sys.stdin.read().split("\n") if line.startswith("D "))
    sys.exit(re.sub("%(..)", lambda match: chr(int(match[1], 16)), answer[2:]).encode("latin1") != secret)


def decrypt(key_path, cert_path, path):
    key = read_key(key_path)
    with open(path, "rb") as file:
        enveloped = elements(take(elements(take(file.read())[1])[1][1])[1])
    parts, wrapped = find_wrapped(enveloped[1][1], take(issuer_and_serial(read_cert(cert_path)))[1])
    content_key = unwrap(key, parts, wrapped)
    content = elements(enveloped[2][1])
    oid, parameters = elements(content[1][1])[0][1], elements(content[1][1])[1]
    kind = oid[-1:].hex()
    assert len(content_key) == CIPHERS[kind], "length of the content key"
    if kind in ("06", "1a", "2e"):
        nonce = elements(parameters[1])[0][1]
        sys.stdout.buffer.write(AESGCM(content_key).decrypt(nonce, content[2][1] + enveloped[3][1], None))
        return
    cipher, padder = Cipher(algorithms.AES(content_key), modes.CBC(parameters[1])).decryptor(), padding.PKCS7(128).unpadder()
    sys.stdout.buffer.write(padder.update(cipher.update(content[2][1]) + cipher.finalize()) + padder.finalize())


{"encrypt": encrypt, "decrypt": decrypt, "derived": derived, "point": point}[sys.argv[1]](*sys.argv[2:])
