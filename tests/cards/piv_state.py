# SPDX-License-Identifier: ISC
"""What a simulated PIV card keeps in its state directory: keys, certificates, PINs (see piv_sim.py)."""
import datetime
import json
import os
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERT_OBJECTS = {"9a": "5fc105", "9c": "5fc10a", "9d": "5fc10b", "9e": "5fc101"}
RETIRED = [f"{slot:02x}" for slot in range(0x82, 0x96)]
CERT_OBJECTS.update({slot: f"{0x5FC10D + index:06x}" for index, slot in enumerate(RETIRED)})
WITHOUT_KEY = ("ca", "lost")
CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1}
USAGES = ("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
          "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly")

OK = 0x9000
WRONG_DATA = 0x6A80
BLOCKED = 0x6983


def tlv(tag, *parts):
    """BER-TLV; the tag in hex."""
    value = b"".join(parts)
    size = len(value)
    if size < 0x80:
        length = bytes([size])
    elif size < 0x100:
        length = bytes([0x81, size])
    else:
        length = b"\x82" + struct.pack(">H", size)
    return bytes.fromhex(tag) + length + value


def key_usage(names):
    """The extension, from the names that OpenSSL has for the bits."""
    unknown = set(names) - set(USAGES)
    if unknown:
        raise ValueError(f"no key usage: {unknown}")
    return x509.KeyUsage(*[name in names for name in USAGES])


def default_usage(slot, key_type):
    """What the slot is for in PIV: 9D and the retired ones decrypt, 9C signs for good."""
    if slot == "9d" or slot in RETIRED:
        return ["keyEncipherment" if key_type.startswith("rsa") else "keyAgreement"]
    return ["digitalSignature", "nonRepudiation"] if slot == "9c" else ["digitalSignature"]


def generate_key(key_type):
    """A private key: rsa2048, p256, ...; of a lost one nothing is kept but its certificate."""
    if not key_type.startswith("rsa"):
        return ec.generate_private_key(CURVES.get(key_type, ec.SECP256R1)())
    return rsa.generate_private_key(65537, int(key_type[len("rsa"):]))


class Issuer:
    """The CA of one card; a root, or below another one."""

    def __init__(self, name, root=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated cards"),
                               x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (root or self).sign(
            self.name, self.key.public_key(),
            [(x509.BasicConstraints(True, None), True), (key_usage(["keyCertSign", "cRLSign"]), True)])

    def sign(self, subject, public_key, extensions):
        """A certificate for ten years; every one has a serial number of its own."""
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=3650))
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       self.key.public_key()), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, label, slot, public_key, usage, address):
        """A certificate for mail."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{label} {slot}")])
        return self.sign(subject, public_key, [
            (key_usage(usage), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
            (x509.SubjectAlternativeName([x509.RFC822Name(address)]), False)])


class State:
    """What outlives a removal: the files of the state directory."""

    def __init__(self, folder, options):
        self.folder = folder
        self.file = os.path.join(folder, "card.json")
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(self.file):
            self.make(options)
        with open(self.file, encoding="ascii") as file:
            self.values = json.load(file)
        self.keys = {slot: serialization.load_pem_private_key(self.read(f"{slot}.key"), None)
                     for slot, key_type in self.values["keys"].items() if key_type not in WITHOUT_KEY}
        self.objects = self.make_objects()

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def write(self, name, content):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(content)

    def save(self):
        """Whole or not at all: tests read the file while the card works."""
        temporary = self.file + "~"
        with open(temporary, "w", encoding="ascii") as file:
            json.dump(self.values, file)
        os.replace(temporary, self.file)

    def make(self, options):
        """A new card."""
        issuer = Issuer(f"CA of {options.label}")
        self.write("ca.pem", issuer.certificate.public_bytes(serialization.Encoding.PEM))
        if "ca" in options.keys.values():  # the root is not on the card, what is between is
            issuer = Issuer(f"Issuing CA of {options.label}", issuer)
        for slot, key_type in options.keys.items():
            certificate = issuer.certificate
            if key_type != "ca":
                key = generate_key(key_type)
                usage = options.usage.get(slot, "").replace("+", " ").split() or default_usage(slot, key_type)
                certificate = issuer.issue(options.label, slot, key.public_key(), usage, options.address)
            if key_type not in WITHOUT_KEY:
                self.write(f"{slot}.key", key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            self.write(f"{slot}.crt", certificate.public_bytes(serialization.Encoding.DER))
        self.values = {
            "keys": options.keys, "serial": options.serial or int.from_bytes(os.urandom(3), "big") + 10**6,
            "pin": options.pin, "puk": "12345678", "pin_tries": 3, "puk_tries": 3, "max_tries": 3,
            "right_pins": 0, "wrong_pins": 0, "wrong_puks": 0, "blocked_pins": 0, "blocked_puks": 0}
        self.save()

    def make_objects(self):
        """The data objects by their tags: certificates, and what says which card this is."""
        guid = b"piv_sim%09d" % self.values["serial"]
        fascn = bytes.fromhex("d4e739da739ced39ce739d836858210842108421c84210c3eb")
        objects = {
            "7e": bytes.fromhex("7e124f0ba0000003080000100001005f2f024000"),  # discovery: a PIN, no other
            "5fc102": tlv("53", tlv("30", fascn), tlv("34", guid), tlv("35", b"20401231"), bytes.fromhex("3e00fe00")),
            "5fc107": tlv("53", tlv("f0", bytes.fromhex("a000000116ff02") + guid[-14:]),
                          bytes.fromhex("f10121f20121f300f40100f50110f600f700fa00fb00fc00fd00fe00")),
        }
        for slot in self.values["keys"]:
            objects[CERT_OBJECTS[slot]] = tlv("53", tlv("70", self.read(f"{slot}.crt")), bytes.fromhex("710100fe00"))
        retired = [RETIRED.index(slot) + 1 for slot in self.values["keys"] if slot in RETIRED]
        if retired:
            # Key History: readers look at as many retired slots, from the first on, as it says.
            objects["5fc10c"] = tlv("53", tlv("c1", bytes([max(retired)])), bytes.fromhex("c20100f300fe00"))
        return objects

    def check(self, which, given):
        """Compares a PIN or PUK, padded with FF to 8 bytes, and counts. A status word."""
        values = self.values
        if len(given) != 8:
            return WRONG_DATA
        if not values[f"{which}_tries"]:
            values[f"blocked_{which}s"] += 1
            self.save()
            return BLOCKED
        if given.rstrip(b"\xff") == values[which].encode():
            values[f"{which}_tries"] = values["max_tries"]
            values["right_pins"] += which == "pin"
            word = OK
        else:
            values[f"{which}_tries"] -= 1
            values[f"wrong_{which}s"] += 1
            word = 0x63C0 | values[f"{which}_tries"]
        self.save()
        return word
