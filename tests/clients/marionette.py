# SPDX-License-Identifier: ISC
"""A client of Marionette, Gecko's remote control: JSON packets "LENGTH:[type, id, name, parameters]"."""
import contextlib
import json
import os
import socket
import subprocess
import sys
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
# Every window and dialog that opens is remembered: a PIN prompt would be one.
WATCH = """
Services.prefs.setStringPref("test.windows", "");
const note = text => Services.prefs.setStringPref("test.windows",
  Services.prefs.getStringPref("test.windows") + text + "\\n");
Services.obs.addObserver({observe(window) {
  let dialog = window.Dialog;
  note("dialog " + (dialog?.args?.promptType || "") + " " + (dialog?.args?.text || ""));
  dialog.onButton1();
  window.setTimeout(() => window.close(), 50);
}}, "common-dialog-loaded");
Services.ww.registerNotification({observe(window, topic) {
  if (topic == "domwindowopened")
    window.addEventListener("load", () => note("window " + window.location.href), {once: true, capture: true});
}});
"""
# For a driver that gives up: a line for each window that is open and each frame in it, with what a person
# can read of what speaks to persons; which ones came before; and what the program said last of what went wrong.
STANDS = """
const SPEAKS = "dialog, description, notification-message, [id^=info], [role=alert], [role=status]";
let lines = [];
let describe = (window, depth) => {
  let texts = [...window.document.querySelectorAll(SPEAKS)].filter(one => one.checkVisibility())
    .map(one => (one.value || one.label || one.textContent || "").replace(/\\s+/g, " ").trim().slice(0, 200));
  let frames = [...window.document.querySelectorAll("browser, iframe")].filter(one => one.checkVisibility() && one.contentWindow);
  lines.push(depth + window.location.href.slice(0, 100) + " (" + window.document.title + ", " + window.document.readyState + "): " +
    [...new Set(texts)].filter(one => one).join(" | ").slice(0, 1000));
  for (let frame of frames) describe(frame.contentWindow, depth + "  ");
};
for (let window of Services.wm.getEnumerator(null)) describe(window, "window: ");
lines.push("came: " + Services.prefs.getStringPref("test.windows", "").trim().split("\\n").join(", "));
let said = Cc["@mozilla.org/consoleAPI-storage;1"].getService(Ci.nsIConsoleAPIStorage).getEvents()
  .filter(one => ["warn", "error"].includes(one.level)).map(one => [...one.arguments].join(" "));
let errors = Services.console.getMessageArray().map(String).filter(one => /error|failed/i.test(one));
for (let line of [...errors.slice(-4), ...said.slice(-4)]) lines.push("said: " + line.slice(0, 300));
return lines;
"""
# Nothing is asked of the net.
PREFERENCES = {
    "marionette.port": 0, "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False, "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,", "security.OCSP.enabled": 0,
}
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
    def __init__(self, profile, limit=180): # a program's start is seconds of work
        path = os.path.join(profile, "MarionetteActivePort")
        port = int(until(limit, "Marionette", lambda: os.path.exists(path) and open(path).read()))
        self.socket = socket.create_connection(("127.0.0.1", port), limit)
        self.buffer = b""
        self.number = 0
        self.receive()
        self.command("WebDriver:NewSession", capabilities={"alwaysMatch": {"unhandledPromptBehavior": "ignore"}})
        self.command("Marionette:SetContext", value="chrome")
        self.run(WATCH)

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

    def run(self, body, *args, limit=300):
        """The value of an async function's body, which finds its arguments in args."""
        key = "run%d" % self.number
        self.script(START % body, json.dumps(args), key)
        result = json.loads(until(limit, "result", lambda: self.script(POLL, key)))
        if "error" in result:
            raise RuntimeError(result["error"])
        return result["value"]

    def windows(self):
        """What came up so far."""
        return self.script("return Services.prefs.getStringPref('test.windows')").splitlines()

    @contextlib.contextmanager
    def telling(self):
        """What goes wrong inside is told together with what the program shows then."""
        try:
            yield
        except Exception as error:
            print("gave up: %s" % error, file=sys.stderr)
            self.socket.settimeout(30)
            try:
                print("\n".join(self.script(STANDS)), file=sys.stderr)
            except Exception as silence:
                print("it does not say what it shows: %s" % silence, file=sys.stderr)
            sys.exit(1)


@contextlib.contextmanager
def started(program, profile, preferences):
    """A program of Mozilla's, headless, until the end of what is done with it."""
    with open(os.path.join(profile, "user.js"), "w") as file:
        for item in (PREFERENCES | preferences).items():
            file.write("user_pref(%s, %s);\n" % tuple(map(json.dumps, item)))
    # Thunderbird takes away the mails that another one is sending from a folder that they share.
    temporary = os.path.join(profile, "tmp")
    os.makedirs(temporary, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(profile, "MarionetteActivePort")) # of one that was killed
    process = subprocess.Popen(
        [program, "--no-remote", "--profile", profile, "--headless", "--marionette", "--remote-allow-system-access"],
        env=dict(os.environ, MOZ_CRASHREPORTER_DISABLE="1", TMPDIR=temporary), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        marionette = Marionette(profile)
        with marionette.telling():
            yield marionette
        marionette.command("Marionette:Quit", flags=["eForceQuit"])
        until(120, "end", lambda: process.poll() is not None)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
