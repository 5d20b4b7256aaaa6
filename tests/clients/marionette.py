# SPDX-License-Identifier: ISC
"""A client of Marionette, Gecko's remote control: JSON packets "LENGTH:[type, id, name, parameters]"."""
import json
import os
import socket
import time

# Runs an async function in the program's own context, detached: a script that waits is given up when a
# modal dialog opens.
START = """
let global = Cu.getGlobalForObject(Services);
global.smimeResults ??= {};
let args = JSON.parse(arguments[0]), key = arguments[1];
global.smimeResults[key] = null;
ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs").setTimeout(() => {
  (async () => {%s})().then(
    value => { global.smimeResults[key] = JSON.stringify({value: value === undefined ? null : value}); },
    error => { global.smimeResults[key] = JSON.stringify({error: error + " " + (error.stack || "")}); });
}, 0);
"""
POLL = "return Cu.getGlobalForObject(Services).smimeResults[arguments[0]]"


def until(limit, what, attempt):
    """Polls attempt() until it gives something true."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = attempt()
        if value:
            return value
        time.sleep(0.05)
    raise RuntimeError("no %s within %d s" % (what, limit))


class Marionette:
    def __init__(self, profile, limit=60):
        path = os.path.join(profile, "MarionetteActivePort")
        port = int(until(limit, "Marionette", lambda: os.path.exists(path) and open(path).read()))
        self.socket = socket.create_connection(("127.0.0.1", port), limit)
        self.buffer = b""
        self.number = 0
        self.receive()
        self.command("WebDriver:NewSession", capabilities={"alwaysMatch": {"unhandledPromptBehavior": "ignore"}})
        self.command("Marionette:SetContext", value="chrome")

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise RuntimeError("the program went")
        self.buffer += data

    def receive(self):
        while b":" not in self.buffer:
            self.more()
        length, self.buffer = self.buffer.split(b":", 1)
        while len(self.buffer) < int(length):
            self.more()
        packet, self.buffer = self.buffer[:int(length)], self.buffer[int(length):]
        return json.loads(packet)

    def command(self, name, **parameters):
        self.number += 1
        packet = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(packet), packet))
        while True:
            kind, number, error, value = self.receive()
            if kind == 1 and number == self.number:
                if error:
                    raise RuntimeError(json.dumps(error)[:2000])
                return value

    def script(self, text, *args):
        return self.command("WebDriver:ExecuteScript", script=text, args=list(args), sandbox="system")["value"]

    def run(self, body, *args, limit=150):
        """The value of an async function's body, which finds its arguments in args."""
        key = "run%d" % self.number
        self.script(START % body, json.dumps(args), key)
        result = json.loads(until(limit, "result", lambda: self.script(POLL, key)))
        if "error" in result:
            raise RuntimeError(result["error"])
        return result["value"]
