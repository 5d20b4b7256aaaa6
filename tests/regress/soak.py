#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""soak.py SEED STEPS: for soak.sh. Cards are pulled and put in, modules fail, processes are killed, and
programs ask for signatures and decryptions all the while. The seed says what is done; how it meets what is
going on is chance. A result must be right, an error one that fits what happened, each within its limit.

The environment names the cards (CARDS: name=reader:pin:slots ...), and what lib.sh and fault.sh set.
"""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # beside the sources of others
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cards"))
import pcscd_view  # noqa: E402

WORK = os.environ["WORK"]
LOG = f"{WORK}/agent.log"
WHY = f"{WORK}/soak.why"  # what the agent said before a failure
WHY_LINES, WHY_STEPS = 200, 4
RULES = os.environ["FAULT_P11_RULES"]
LIMIT = 40  # s, for a request; the agent's own limits (operation-timeout 2) add up to less
SETTLE = 60  # s, until all works again; pauses between starts of a module grow to 16 s

REMOVED = {"TOKEN_REMOVED"}
MODULE = REMOVED | {"TOKEN_CRASHED", "MODULE", "TOKEN", "NOT_LOGGED_IN", "KEY_STALE"}
FUNCTIONS = """C_Initialize C_GetInfo C_GetSlotList C_GetSlotInfo C_GetMechanismList C_GetSessionInfo C_Logout
    C_FindObjectsInit C_FindObjects C_FindObjectsFinal C_SignInit C_Sign C_DecryptInit C_Decrypt C_OpenSession
    C_CloseSession C_Login C_GetTokenInfo C_GetAttributeValue""".split()
ACTIONS = """hang segv abort exit garbage huge drop logout delay=300 rv=0x5 rv=0x30 rv=0x31 rv=0x32 rv=0x54 rv=0x60
    rv=0x82 rv=0xb0 rv=0xb1 rv=0xb3 rv=0xe0 rv=0x101 after=0x30""".split()


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, **options).returncode


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode()


def write(path, text):
    with open(path + "~", "w", encoding="ascii") as file:
        file.write(text)
    os.replace(path + "~", path)


def children(name=""):
    """The agent's, whose names begin so."""
    agent = output("pgrep", "-o", "-x", "smime-agent").split()
    found = output("pgrep", "-P", agent[0], *([name[:15]] if name else ["."])) if agent else ""
    return [int(pid) for pid in found.split()]


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Card:
    def __init__(self, name, reader, slots):
        self.name, self.reader = name, reader
        self.inserted = self.status()["inserted"]
        self.keys = {slot: open(f"{WORK}/cards/{name}/{slot}.fpr", encoding="ascii").read().strip()
                     for slot in slots.split("+")}

    def tell(self, *words):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{WORK}/cards/{self.name}.ctl")
            connection.sendall(" ".join(map(str, words)).encode() + b"\n")
            return connection.makefile().read()

    def status(self):
        return json.loads(self.tell("status"))

    def remove(self):
        self.tell("remove")
        self.inserted = False

    def insert(self):
        self.tell("insert")
        self.inserted = True


class Request:
    """One program that wants something. `card` is None for the soft token, of which nothing is taken."""

    count = 0

    def __init__(self, card, slot, key, kind, attended):
        Request.count += 1
        self.card, self.slot, self.kind = card, slot, kind
        self.base = f"{WORK}/soak/{Request.count}"
        self.killed = False
        folder = f"{WORK}/cards/{card.name}" if card else f"{WORK}/soft"
        self.ca, self.sealed = f"{folder}/ca.pem", f"{folder}/{slot}.sealed"
        words = ["smime", "sign", "--json", "-k", key, "--raw"] + (["--pss"] if kind == "pss" else [])
        source = f"{WORK}/bytes"
        if kind == "decrypt":
            words, source = ["smime", "decrypt", "--json", "--raw"], self.sealed
        environment = {**os.environ, **({"DISPLAY": ":99"} if attended else {})}
        self.errors = open(self.base + ".err", "w", encoding="utf-8")
        self.began = time.monotonic()
        self.process = subprocess.Popen([*words, "-o", self.base + ".out", source], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=self.errors)

    def __str__(self):
        return f"{self.kind} with {self.card.name if self.card else 'the soft token'} {self.slot}"

    def result(self):
        """"ok", "wrong", "late", or the name of the error."""
        try:
            status = self.process.wait(max(0.1, self.began + LIMIT - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "late"
        finally:
            self.errors.close()
        self.seconds = time.monotonic() - self.began
        if self.killed:
            return "killed"
        if status == 0:
            return "ok" if self.is_right() else "wrong"
        with open(self.base + ".err", encoding="utf-8") as file:
            text = file.read()
        try:
            return json.loads(text.splitlines()[-1])["error"]
        except (IndexError, KeyError, ValueError):
            return f"status {status}: {text!r}"

    def is_right(self):
        if self.kind == "decrypt":
            return run("cmp", self.base + ".out", f"{WORK}/bytes") == 0
        return run("openssl", "cms", "-verify", "-inform", "DER", "-in", self.base + ".out", "-binary", "-content",
                   f"{WORK}/bytes", "-CAfile", self.ca, "-purpose", "any", "-out", "/dev/null") == 0

    def clean(self):
        for name in (".out", ".err"):
            if os.path.exists(self.base + name):
                os.unlink(self.base + name)


class Soak:
    def __init__(self, seed, steps):
        self.random = random.Random(seed)
        self.steps = steps
        self.cards = {}
        for word in os.environ["CARDS"].split():
            name, rest = word.split("=")
            self.cards[name] = Card(name, *rest.split(":"))
        self.pcscd = True
        self.clear_excuses()
        self.undo = []  # what the step leaves to be put right
        self.failures, self.results, self.slowest = 0, {}, (0, "")
        self.explained, self.unseen = set(), 0
        self.step = 0
        self.what = ""
        self.events = [(8, self.nothing), (12, self.pull), (28, self.put_in), (10, self.flicker), (8, self.reset),
                       (4, self.die), (4, self.hang), (4, self.slow), (6, self.status_word), (24, self.fault),
                       (6, self.lasting_fault), (3, self.kill_host), (4, self.kill_worker), (2, self.kill_watcher),
                       (2, self.kill_prompt), (6, self.kill_client), (2, self.stop_pcscd), (6, self.lock),
                       (3, self.reload), (4, self.last_try), (4, self.cancel)]

    def note(self, *words):
        print(f"# step {self.step} ({self.what}):", *words, flush=True)

    def fail(self, *words):
        self.failures += 1
        self.note(*words)
        self.mark("failed:", *words)
        self.explain(LOG)

    def explain(self, log):
        """Keeps what was said last, of a few steps."""
        if (self.step, log) not in self.explained and len(self.explained) < WHY_STEPS:
            self.explained.add((self.step, log))
            with open(WHY, "a", encoding="utf-8") as file:
                file.write(f"step {self.step} ({self.what}):\n" + output("tail", "-n", str(WHY_LINES), log))

    def mark(self, *words):
        """A line among those of the agent's log."""
        now = time.time()
        with open(LOG, "a", encoding="utf-8") as file:
            file.write(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z soak "
                       + " ".join(map(str, words)) + "\n")

    def there(self, card):
        return not card or (card.inserted and self.pcscd)

    def wait_until_noticed(self, readers="01"):
        """pcscd knows whether there are cards in them. One that pcscd itself does not see, the person puts in again."""
        cards = [card for card in self.cards.values() if card.inserted]
        wanted = {reader: reader in [card.reader for card in cards] for reader in readers}
        if not self.pcscd or pcscd_view.wait(wanted):
            return
        view = pcscd_view.look()
        unseen = [card for card in cards if card.reader in readers and not view.get(card.reader, [True])[0]]
        for card in unseen:
            self.note(f"pcscd does not see {card.name}, which is put in again: {view}, {card.tell('status').strip()}")
            self.mark("put in again:", card.name)
            self.explain(os.environ["PCSCD_LOG"])
            self.unseen += 1
            card.remove()
            time.sleep(1)  # pcscd looks every 0.4 s
            card.insert()
        if not unseen or not pcscd_view.wait(wanted):
            self.fail(f"pcscd does not see what is so: {wanted}, but {pcscd_view.look()}")

    # --- what happens

    def clear_excuses(self):
        self.excuses = {card: set() for card in [None, *self.cards.values()]}

    def excuse(self, names, *cards):
        """What may now happen to a request with one of these cards, or with any card, or (None) the soft token."""
        for card in cards or self.cards.values():
            self.excuses[card] |= names
        # OpenSC may hang when a card goes: its process is ended, and with it another card's login, which is not
        # repeated, since nobody knows what became of the PIN.
        for card in self.cards.values():
            self.excuses[card] |= {"TOKEN_CRASHED"} if "TOKEN_REMOVED" in names else set()

    def any_card(self):
        return self.cards[self.random.choice(sorted(self.cards))]

    def nothing(self):
        return "nothing"

    def pull(self):
        card = self.any_card()
        self.wait_until_noticed(card.reader)
        card.remove()
        self.excuse(REMOVED, card)
        return f"{card.name} is pulled"

    def put_in(self):
        absent = [card for card in self.cards.values() if not card.inserted]
        card = self.random.choice(absent or list(self.cards.values()))
        for other in self.cards.values():
            if other is not card and other.reader == card.reader and other.inserted:
                self.wait_until_noticed(card.reader)
                other.remove()
                self.excuse(REMOVED, other)
        # Real readers tell of a card that goes; pcscd looks at these, and what it has not seen go was never out.
        if not card.inserted:
            self.wait_until_noticed(card.reader)
        card.insert()
        self.excuse(REMOVED, card)
        if not self.pcscd:
            self.pcscd = True
            run("sh", os.environ["PCSCD"], "--start", os.environ["READER"])
            self.excuse(MODULE)
        return f"{card.name} is put in"

    def flicker(self):
        card = self.any_card()
        pause = self.random.random() / 2
        if card.inserted:
            self.wait_until_noticed(card.reader)
            card.remove()
            time.sleep(pause)
            card.insert()
        # Where pcscd has noticed nothing, it is a failure of the module, or a login that was lost twice.
        self.excuse(REMOVED | {"TOKEN", "NOT_LOGGED_IN"}, card)
        return f"{card.name} is out for {pause:.2f} s"

    def reset(self):
        reader = self.random.choice("01")
        run(os.environ["RESET_CARD"], "0" + reader)
        self.excuse({"NOT_LOGGED_IN", "TOKEN"})
        return f"reader {reader} is reset"

    def die(self):
        card = self.any_card()
        self.wait_until_noticed(card.reader)
        card.tell("die-on-sign")
        self.excuse(REMOVED, card)
        self.undo.append(card.remove)  # whether it struck or not
        self.undo.append(lambda: card.tell("die-on-sign", 0))
        return f"{card.name} dies at its next use"

    def hang(self):
        card = self.any_card()
        self.wait_until_noticed(card.reader)
        card.tell("hang-on-sign")
        self.excuse(MODULE, card)
        self.undo.append(card.remove)
        self.undo.append(lambda: card.tell("hang-on-sign", 0))
        return f"{card.name} hangs at its next use"

    def slow(self):
        card = self.any_card()
        card.tell("slow", 44)
        self.undo.append(lambda: card.tell("slow", 0))
        self.excuse(MODULE)  # reading all of it may take longer than operation-timeout
        return f"{card.name} is slow"

    def status_word(self):
        card = self.any_card()
        word = self.random.choice(["6f00", "6581", "6a80", "6982", "6d00"])
        card.tell("sw-on-sign", word, self.random.randint(1, 2))
        self.undo.append(lambda: card.tell("sw-on-sign", word, 0))
        self.excuse(MODULE | {"MECHANISM", "DECRYPT", "KEY_UNUSABLE"}, card)
        return f"{card.name} says {word}"

    def write_rule(self, times):
        rule = f"{self.random.choice(FUNCTIONS)} {self.random.choice(ACTIONS)}"
        # The line's number names the files that count its use: a new one each time.
        write(RULES, "\n" * (self.step - 1) + f"{rule} {times or ''}\n")
        self.undo.append(lambda: write(RULES, ""))
        self.excuse(MODULE)
        if "rv=" in rule:
            self.excuse({"MECHANISM"})  # a module may say anything of any call
        if "garbage" in rule or "huge" in rule:
            self.excuse({"SIGN", "DECRYPT", "NO_KEY", "NOT_FOR_US", "MECHANISM", "KEY_UNUSABLE"})
        return rule

    def fault(self):
        return self.write_rule(1)

    def lasting_fault(self):
        return self.write_rule(0) + " always"

    def kill_host(self):
        kill(children("smime-agent-token"))
        self.excuse(MODULE)
        self.excuse(MODULE - REMOVED, None)
        return "the modules' processes are killed"

    def kill_worker(self):
        kill(children("smime-agent-worker"))
        self.excuse({"CLOSED"})
        self.excuse({"CLOSED"}, None)
        return "workers are killed"

    def kill_watcher(self):
        kill(children("smime-agent-watch"))
        self.excuse(REMOVED)
        return "the watcher is killed"

    def kill_prompt(self):
        kill(children("smime-agent-prompt"))
        self.excuse({"PINENTRY"})
        self.excuse({"PINENTRY"}, None)
        return "the prompt is killed"

    def kill_client(self):
        for request in self.requests:
            if request.process.poll() is None:
                request.killed = True
                request.process.kill()
                break
        return "a client is killed"

    def stop_pcscd(self):
        if self.pcscd:
            self.pcscd = False
            run("sh", os.environ["PCSCD"], "--stop", self.random.choice(["TERM", "KILL"]))
        self.excuse(MODULE)
        return "pcscd is ended"

    def lock(self):
        run("smime", "lock")
        self.excuse({"NOT_LOGGED_IN", "TOKEN_CRASHED"}, None, *self.cards.values())
        return "everything is locked"

    def reload(self):
        run("smime", "agent", "reload")
        return "reload"

    def last_try(self):
        card = self.any_card()
        card.tell("tries", self.random.choice([1, 2]))
        self.excuse({"NOT_LOGGED_IN", "PIN_LAST_TRY", "TOKEN"}, card)
        return f"{card.name} has lost tries"

    def cancel(self):
        write(f"{os.environ['HOME']}/pinentry", "CANCEL\n")
        self.undo.append(lambda: write(f"{os.environ['HOME']}/pinentry", ""))
        run("smime", "lock")
        self.excuse({"CANCELLED", "NOT_LOGGED_IN", "TOKEN_CRASHED"}, None, *self.cards.values())
        return "locked, and the person cancels"

    # --- requests

    def new_request(self):
        attended = self.random.random() < 0.2
        if self.random.random() < 0.25:
            return Request(None, "soft", "soft", "sign", attended)
        card = self.any_card()
        slot = self.random.choice(sorted(card.keys))
        decrypts = os.path.exists(f"{WORK}/cards/{card.name}/{slot}.sealed")
        kinds = ["decrypt"] if decrypts else ["sign", "pss"] if (card.name, slot) == ("alice", "9a") else ["sign"]
        return Request(card, slot, card.keys[slot], self.random.choice(kinds), attended)

    def judge(self, request, absent):
        result = request.result()
        self.results[result] = self.results.get(result, 0) + 1
        self.mark(f"result of {request}: {result}")
        right = {"ok", "killed"} | self.excuses[request.card]
        if request.card and absent:
            right |= REMOVED
        if result not in right:
            self.fail(f"{request}: {result}")
        if result not in ("late", "killed") and request.seconds > self.slowest[0]:
            self.slowest = (request.seconds, f"step {self.step}, {self.what}: {request}, {result}")
        request.clean()

    def settle(self):
        """All that is there works again within the limit; from then on nothing is an excuse. What pcscd only
        notices later would be one: it then resets the card."""
        self.wait_until_noticed()
        for card in [None, *self.cards.values()]:
            if not self.there(card):
                continue
            slot = sorted(card.keys)[0] if card else "soft"
            until = time.monotonic() + SETTLE
            while True:
                request = Request(card, slot, card.keys[slot] if card else "soft", "sign", False)
                result = request.result()
                request.clean()
                if result == "ok" or time.monotonic() > until:
                    break
                if result in ("wrong", "late"):
                    self.fail(f"settling: {request}: {result}")
                time.sleep(0.1)
            if result != "ok":
                self.fail(f"settling: {request}: still {result} after {SETTLE} s")
        self.clear_excuses()

    def one_step(self):
        # Until the next watcher is there, after pauses that grow, the agent does not hear that pcscd or a card went.
        if not children("smime-agent-watch"):
            self.excuse(MODULE)
        absent = [card for card in self.cards.values() if not self.there(card)]
        self.requests = [self.new_request() for _ in range(self.random.randint(1, 3))]
        time.sleep(self.random.choice([0, 0.01, 0.03, 0.1, 0.25]))
        event = self.random.choices([event for _, event in self.events], [weight for weight, _ in self.events])[0]
        settle = self.random.random() < 0.7
        self.what = event.__name__
        self.mark(f"step {self.step}: {self.what}", *self.requests)
        self.what = event()
        self.mark(self.what)
        absent += [card for card in self.cards.values() if not self.there(card)]
        if self.random.random() < 0.5:
            self.requests.append(self.new_request())
        # A card that hangs does so until it is pulled.
        if self.what.endswith("hangs at its next use"):
            time.sleep(0.5)
            self.put_right()
        for request in self.requests:
            self.judge(request, request.card in absent)
        self.put_right()
        if settle:
            self.settle()

    def put_right(self):
        for step in self.undo:
            step()
        self.undo = []

    def run(self):
        for self.step in range(1, self.steps + 1):
            self.one_step()
        self.what = "the end"
        for card in self.cards.values():
            if not any(other.inserted and other.reader == card.reader for other in self.cards.values()):
                card.insert()
        if not self.pcscd:
            self.put_in()
        self.settle()
        print(f"# {self.steps} steps, {Request.count} requests:",
              ", ".join(f"{count} {name}" for name, count in sorted(self.results.items())))
        print(f"# pcscd did not see a card by itself: {self.unseen} times")
        print(f"# slowest: {self.slowest[0]:.1f} s, {self.slowest[1]}")
        for card in self.cards.values():
            status = card.status()
            print(f"# {card.name}: {status['apdus']} APDUs, {status['key_uses']} uses, {status['insertions']} insertions, "
                  f"{status['right_pins']} right PINs")
            if status["wrong_pins"] or status["blocked_pins"]:
                self.fail(f"{card.name} was sent {status['wrong_pins']} wrong PINs, {status['blocked_pins']} when blocked")
        return not self.failures


if __name__ == "__main__":
    shutil.rmtree(f"{WORK}/soak", ignore_errors=True)
    os.mkdir(f"{WORK}/soak")
    sys.exit(not Soak(int(sys.argv[1]), int(sys.argv[2])).run())
