#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A PIV card (NIST SP 800-73, with the commands of a YubiKey) in a virtual reader of vsmartcard-vpcd.

The state directory is the card: its keys (9a.key), certificates (9a.crt, DER), the CA that signed
them (ca.pem) and, in card.json, PIN, PUK and their tries. A second run with the same directory is the
same card again. apdu.log has every command and answer, PINs left out.

Keys: --keys 9a=rsa2048,9c=p256,9d=rsa2048,82=p384,83=ca. Slots are 9a, 9c, 9d, 9e and the retired
82 to 95. "ca" is the certificate of a CA between the others and the root, and "lost" one
for mail, each without its key.

The control socket takes a line per connection and answers with one:
  remove | insert      as a person does
  status               what the card knows of itself, as JSON
  tries N              tries left for the PIN, as if others had been spent on wrong ones
  slow MS              a pause before the answer to each APDU
  delay-sign SECONDS   a pause before each use of a private key
  die-on-sign [N]      the card is gone at the Nth use of a key, with no answer; 0: not any more
  hang-on-sign [0]     the next use of a key has no answer until the card is removed; 0: it has
  sw-on-sign HEX [N]   the next N uses of a key answer with this status word; 0: not any more
  quit                 the simulator ends
"""
import argparse
import json
import os
import socket
import struct
import sys
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

sys.dont_write_bytecode = True  # beside the sources of others
from piv_state import BLOCKED, CERT_OBJECTS, OK, WITHOUT_KEY, WRONG_DATA, State, tlv

ATRS = {
    "yubikey": "3BF81300008131FE15597562696B657934D4",
    "generic": "3BD518FF8191FE1FC38073C8211309",
}
PIV_AID = bytes.fromhex("a000000308")
NEED_PIN = ("5fc103", "5fc108", "5fc109")  # fingerprints, face, printed information
ALGORITHMS = {"rsa1024": 0x06, "rsa2048": 0x07, "p256": 0x11, "p384": 0x14}

NOT_SUPPORTED = 0x6D00
NOT_FOUND = 0x6A82
NO_REFERENCE = 0x6A88
NOT_VERIFIED = 0x6982
PINS_INSIDE = (0x20, 0x24, 0x2C)  # VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER


def parse_tlv(data):
    """The values of a run of one-byte tags."""
    values = {}
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at:at + count], "big")
            at += count
        values[tag] = data[at:at + size]
        at += size
    return values


class Dies(Exception):
    """The card goes, with no answer."""


class Hangs(Exception):
    """There is no answer."""


class Faults:
    """What was ordered through the control socket."""

    def __init__(self):
        self.slow = 0.0
        self.delay = 0.0
        self.die_at = 0
        self.hang = False
        self.words = []

    def strike(self):
        """At the use of a key. A status word to answer with, or None."""
        if self.hang:
            self.hang = False
            raise Hangs
        time.sleep(self.delay)
        if self.die_at:
            self.die_at -= 1
            if not self.die_at:
                raise Dies
        return self.words.pop(0) if self.words else None


def split_apdu(apdu):
    """The data of a command, and how much answer it expects; short and extended lengths."""
    if len(apdu) > 7 and apdu[4] == 0:
        size = struct.unpack(">H", apdu[5:7])[0]
        return apdu[7:7 + size], 65536
    if len(apdu) == 7 and apdu[4] == 0:
        return b"", 65536
    if len(apdu) > 5:
        return apdu[5:5 + apdu[4]], 256
    if len(apdu) == 5:
        return b"", apdu[4] or 256
    return b"", 256


class Card:
    """The commands. Handlers take P1, P2 and the data, and return a status word and an answer."""

    def __init__(self, state, faults):
        self.state = state
        self.faults = faults
        self.apdus = 0
        self.key_uses = 0
        self.reset()
        self.handlers = {0xA4: self.select, 0xCB: self.get_data, 0x20: self.verify, 0x24: self.change,
                         0x2C: self.unblock, 0x87: self.authenticate, 0xFD: self.version, 0xF8: self.serial}

    def reset(self):
        """Power was off, or somebody reset the card: the PIN is to be entered again."""
        self.verified = self.fresh = False
        self.chain = b""
        self.rest = b""

    def answer(self, apdu):
        """One APDU and its answer."""
        self.apdus += 1
        time.sleep(self.faults.slow)
        cla, ins, p1, p2 = apdu[:4]
        data, expected = split_apdu(apdu)
        if ins == 0xC0:  # GET RESPONSE
            return self.send_part(expected)
        if cla & 0x10:  # command chaining: more follows
            self.chain += data
            return struct.pack(">H", OK)
        data, self.chain = self.chain + data, b""
        if ins not in self.handlers:
            return struct.pack(">H", NOT_SUPPORTED)
        try:
            word, self.rest = self.handlers[ins](p1, p2, data)
        except (KeyError, ValueError, IndexError):
            word, self.rest = WRONG_DATA, b""
        return self.send_part(expected) if word == OK else struct.pack(">H", word)

    def send_part(self, expected):
        """As much as is expected; the status word says how much is left."""
        part, self.rest = self.rest[:expected], self.rest[expected:]
        return part + struct.pack(">H", 0x6100 | min(len(self.rest), 255) if self.rest else OK)

    def select(self, p1, _p2, data):
        if p1 != 4 or not data.startswith(PIV_AID):
            return NOT_FOUND, b""
        return OK, tlv("61", bytes.fromhex("4f06000010000100"), tlv("79", tlv("4f", PIV_AID)))

    def version(self, _p1, _p2, _data):
        return OK, b"\x05\x04\x03"

    def serial(self, _p1, _p2, _data):
        return OK, struct.pack(">I", self.state.values["serial"])

    def get_data(self, _p1, _p2, data):
        tag = parse_tlv(data)[0x5C].hex()
        if tag in NEED_PIN and not self.verified:
            return NOT_VERIFIED, b""
        content = self.state.objects.get(tag)
        return (OK, content) if content else (NOT_FOUND, b"")

    def verify(self, p1, p2, data):
        tries = self.state.values["pin_tries"]
        if p2 != 0x80:
            return NO_REFERENCE, b""
        if p1 == 0xFF:  # as a logout
            self.verified = self.fresh = False
            return OK, b""
        if not data:  # only asks
            return (OK if self.verified else 0x63C0 | tries if tries else BLOCKED), b""
        word = self.state.check("pin", data)
        self.verified = self.fresh = word == OK
        return word, b""

    def change(self, _p1, p2, data):
        which = "pin" if p2 == 0x80 else "puk"
        word = self.state.check(which, data[:8])
        if word == OK:
            self.state.values[which] = data[8:].rstrip(b"\xff").decode()
            self.state.save()
        return word, b""

    def unblock(self, _p1, _p2, data):
        word = self.state.check("puk", data[:8])
        if word == OK:
            self.state.values["pin"] = data[8:].rstrip(b"\xff").decode()
            self.state.values["pin_tries"] = self.state.values["max_tries"]
            self.state.save()
        return word, b""

    def authenticate(self, algorithm, reference, data):
        """GENERAL AUTHENTICATE: the private key is used."""
        slot = f"{reference:02x}"
        key = self.state.keys.get(slot)
        if not key:
            return NO_REFERENCE, b""
        if algorithm != ALGORITHMS[self.state.values["keys"][slot]]:
            return WRONG_DATA, b""
        # 9E needs no PIN, 9C one for each use.
        if (slot == "9c" and not self.fresh) or (slot != "9e" and not self.verified):
            return NOT_VERIFIED, b""
        self.fresh = False
        self.key_uses += 1
        word = self.faults.strike()
        if word:
            return word, b""
        return OK, tlv("7c", tlv("82", use_key(key, parse_tlv(parse_tlv(data)[0x7C]))))


def use_key(key, request):
    """ECDH with the point in 85, a raw RSA operation, or ECDSA over the digest in 81."""
    if 0x85 in request:
        return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(key.curve, request[0x85]))
    size = key.key_size // 8
    if isinstance(key, rsa.RSAPrivateKey):
        if len(request[0x81]) != size:
            raise ValueError
        numbers = key.private_numbers()
        block = int.from_bytes(request[0x81], "big")
        first = pow(block, numbers.dmp1, numbers.p)
        second = pow(block, numbers.dmq1, numbers.q)
        return (second + numbers.q * ((first - second) * numbers.iqmp % numbers.p)).to_bytes(size, "big")
    digest = request[0x81][:size].rjust(size, b"\0")
    return key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256() if size == 32 else hashes.SHA384())))


class Simulator:
    """The card in its reader: vpcd listens, a card connects, which is its insertion."""

    POWER_OFF, POWER_ON, RESET, GET_ATR = 0, 1, 2, 4

    def __init__(self, options):
        self.options = options
        self.state = State(options.state, options)
        self.faults = Faults()
        self.card = Card(self.state, self.faults)
        self.connection = None
        self.ready = False  # the reader has given power since the insertion
        self.hanging = False
        self.inserted = threading.Event()
        self.removed = threading.Event()
        self.inserted.set()
        self.counts = {"insertions": 0, "resets": 0}
        self.log_file = open(os.path.join(options.state, "apdu.log"), "a", buffering=1, encoding="ascii")

    def log(self, *words):
        print(f"{time.monotonic():.3f}", *words, file=self.log_file)

    def log_apdu(self, apdu, answer):
        """A PIN is in no log."""
        shown = apdu[:5].hex() + ".." if apdu[1] in PINS_INSIDE and len(apdu) > 5 else apdu.hex()
        self.log(">", shown, "<", answer.hex())

    def receive(self, size):
        """Exactly so many bytes. Without the quick acknowledgement each APDU takes 40 ms."""
        data = b""
        while len(data) < size:
            part = self.connection.recv(size - len(data))
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if not part:
                raise ConnectionError
            data += part
        return data

    def send(self, answer):
        self.connection.sendall(struct.pack(">H", len(answer)) + answer)

    def remove(self):
        """From whichever thread; the one that serves notices."""
        self.inserted.clear()
        self.removed.set()
        self.hang_up()

    def insert(self):
        self.removed.clear()
        self.inserted.set()

    def hang_up(self):
        connection = self.connection
        try:
            if connection:
                connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # pcscd was first

    def signal(self, code):
        """What the reader does to the card, other than APDUs."""
        if code == self.GET_ATR:
            self.send(bytes.fromhex(ATRS[self.options.atr]))
            return
        self.ready = self.ready or code == self.POWER_ON
        self.counts["resets"] += code == self.RESET
        self.log("power", code)
        self.card.reset()

    def serve(self):
        """One insertion, until the card or the reader goes."""
        while True:
            message = self.receive(struct.unpack(">H", self.receive(2))[0])
            if len(message) == 1:
                self.signal(message[0])
                continue
            answer = self.card.answer(message)
            self.log_apdu(message, answer)
            self.send(answer)

    def run(self):
        while True:
            self.inserted.wait()
            try:
                self.connection = socket.create_connection((self.options.host, self.options.port))
            except OSError:
                time.sleep(0.1)  # no pcscd yet, or not again
                continue
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.counts["insertions"] += 1
            self.log("inserted")
            try:
                # It may have been removed meanwhile, by a thread that met no connection to hang up.
                if self.inserted.is_set():
                    self.serve()
            except Dies:
                self.remove()
            except Hangs:
                self.log("hangs")
                self.hanging = True
                self.removed.wait()
                self.hanging = False
            except OSError:
                pass
            self.log("removed")
            self.ready = False
            self.card.reset()
            self.connection, connection = None, self.connection
            connection.close()

    def status(self):
        values = {name: value for name, value in self.state.values.items() if name not in ("pin", "puk")}
        return json.dumps({**values, **self.counts, "inserted": self.inserted.is_set(), "ready": self.ready, "hanging": self.hanging,
                           "verified": self.card.verified,
                           "apdus": self.card.apdus, "key_uses": self.card.key_uses})

    def obey(self, command, *arguments):
        """One command of the control socket, and the answer."""
        number = float(arguments[0]) if command in ("slow", "delay-sign") else 0.0
        if command == "remove":
            self.remove()
        elif command == "insert":
            self.insert()
        elif command == "status":
            return self.status()
        elif command == "tries":
            self.state.values["pin_tries"] = int(arguments[0])
            self.state.save()
            self.card.verified = self.card.fresh = False
        elif command == "slow":
            self.faults.slow = number / 1000
        elif command == "delay-sign":
            self.faults.delay = number
        elif command == "die-on-sign":
            self.faults.die_at = int(arguments[0]) if arguments else 1
        elif command == "hang-on-sign":
            self.faults.hang = arguments[:1] != ("0",)
        elif command == "sw-on-sign":
            self.faults.words = [int(arguments[0], 16)] * (int(arguments[1]) if arguments[1:] else 1)
        elif command == "quit":
            os._exit(0)
        else:
            return f"error: no command {command}"
        return "ok"

    def control(self):
        """Serves the control socket, in a thread of its own."""
        listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.options.ctl):
            os.unlink(self.options.ctl)
        listener.bind(self.options.ctl)
        listener.listen(5)
        while True:
            client, _ = listener.accept()
            with client:
                words = client.makefile().readline().split()
                try:
                    answer = self.obey(*words)
                except (IndexError, TypeError, ValueError) as error:
                    answer = f"error: {error}"
                try:
                    client.sendall(answer.encode() + b"\n")
                except OSError:
                    pass  # it asked and went


def pairs(text):
    """a=b,c=d"""
    return dict(pair.split("=") for pair in text.split(","))


def key_list(text):
    """The keys of --keys, checked."""
    keys = pairs(text)
    for slot, key_type in keys.items():
        if slot not in CERT_OBJECTS or key_type not in (*ALGORITHMS, *WITHOUT_KEY):
            raise ValueError
    return keys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True, help="the card's directory; made if there is none")
    parser.add_argument("--keys", type=key_list, default="9a=rsa2048,9c=p256,9d=rsa2048")
    parser.add_argument("--usage", type=pairs, default={}, help="9a=digitalSignature+keyEncipherment,...")
    parser.add_argument("--address", default="alice@example.org", help="the mail address in the certificates")
    parser.add_argument("--label", default="Simulated PIV", help="the common name in them, followed by the slot")
    parser.add_argument("--serial", type=int, help="of the card; random by default")
    parser.add_argument("--pin", default="123456", help="of a new card; its PUK is 12345678")
    parser.add_argument("--atr", choices=ATRS, default="yubikey")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=35963, help="of the virtual reader")
    parser.add_argument("--ctl", help="the control socket")
    options = parser.parse_args()
    simulator = Simulator(options)
    if options.ctl:
        threading.Thread(target=simulator.control, daemon=True).start()
    simulator.run()


if __name__ == "__main__":
    main()
