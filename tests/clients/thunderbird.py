#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Drives Thunderbird, headless, with a PKCS#11 module in a fresh profile: sends mails through an SMTP
server of its own, reads mails, and says what Thunderbird thinks of them. Each result is a line
"NAME: JSON". The profile folder has an NSS database with the CA and the correspondent."""
import argparse
import json
import os
import socketserver
import subprocess
import sys
import threading

from marionette import started

IMPORTS = """
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const {MailUtils} = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const {setTimeout} = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
const pause = ms => new Promise(done => setTimeout(done, ms));
const until = async test => {
  for (let end = Date.now() + 120000; Date.now() < end; await pause(50)) { let value = test(); if (value) return value; }
  throw new Error("nothing came of " + test);
};
"""

ADD_MODULE = """
let db = Cc["@mozilla.org/security/pkcs11moduledb;1"].getService(Ci.nsIPKCS11ModuleDB);
await db.addModule("agent", args[0], 0, 0);
"""

CHOOSE_CERTIFICATE = IMPORTS + """
let db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
let identity = MailServices.accounts.allIdentities.find(one => one.email == args[0]);
let found = [];
for (let cert of await (db.asyncGetCerts ? db.asyncGetCerts() : db.getCerts())) {
  if (cert.emailAddress != args[0]) continue;
  for (let use of ["signing", "encryption"]) {
    identity.setUnicharAttribute(use + "_cert_name", cert.displayName);
    identity.setCharAttribute(use + "_cert_dbkey", cert.dbKey);
  }
  found.push([cert.displayName, cert.tokenName]);
}
return found;
"""

SEND = IMPORTS + """
let [from, to, subject, sign, encrypt] = args;
let make = (contract, kind) => Cc["@mozilla.org/messengercompose/" + contract + ";1"].createInstance(kind);
let fields = make("composefields", Ci.nsIMsgCompFields), params = make("composeparams", Ci.nsIMsgComposeParams);
Object.assign(fields, {to, subject, body: "typed into a window: " + subject + "\\r\\n"});
Object.assign(params, {type: Ci.nsIMsgCompType.New, format: Ci.nsIMsgCompFormat.PlainText, composeFields: fields,
  identity: MailServices.accounts.allIdentities.find(one => one.email == from)});
MailServices.compose.OpenComposeWindowWithParams(null, params);
// It is ready once its editor has the text: what puts that in made the recipients before. A command that is not
// enabled yet does nothing, and says nothing.
let window = await until(() => {
  let one = Services.wm.getMostRecentWindow("msgcompose");
  return one?.gMsgCompose?.editor && one.GetCurrentEditor()?.document.body.textContent.includes(subject) &&
    one.gLoadingComplete && one.defaultController?.isCommandEnabled("cmd_sendNow") && one;
});
Object.assign(window, {gSelectedTechnologyIsPGP: false, gUserTouchedSendSigned: true, gSendSigned: sign,
  gUserTouchedSendEncrypted: true, gSendEncrypted: encrypt});
window.checkEncryptionState();
window.updateEncryptedSubject?.();
// The recipient's certificate is looked for meanwhile; without, nothing is sent.
await until(() => !window.gCheckEncryptionStateCompletionIsPending &&
  (!encrypt || window.gSMFields.haveValidCertForEmail(to)));
let sent = false, ended = false;
window.addEventListener("aftersend", () => { sent = true; }, {once: true});
window.addEventListener("compose-prepare-message-completed", event => { ended = event.detail?.exception || true; });
window.goDoCommand("cmd_sendNow");
await until(() => sent || ended || window.closed);
if (ended && !sent) throw new Error("not sent: " + ended);
await until(() => window.closed);
return sent;
"""

READ = IMPORTS + """
let root = MailServices.accounts.localFoldersServer.rootFolder;
if (!root.containsChildNamed("read")) root.createSubfolder("read", null);
let folder = await until(() => root.containsChildNamed("read") && root.getChildNamed("read"));
let header = folder.QueryInterface(Ci.nsIMsgLocalMailFolder).addMessage(args[0]);
MailUtils.openMessageInNewWindow(header);
let window, browser;
await until(() => {
  window = Services.wm.getMostRecentWindow("mail:messageWindow");
  browser = window?.messageBrowser?.contentWindow;
  return browser?.gSmimeProcessedDispatched;
});
let body = await until(() => browser.getMessagePaneBrowser().contentDocument?.body?.textContent?.trim());
// A signature inside of what is encrypted is verified after that is shown.
if (args[1]) await until(() => browser.gSignatureStatus != -1).catch(() => null);
let result = {encryption: browser.gEncryptionStatus, signature: browser.gSignatureStatus,
  signer: browser.gSignerCert?.emailAddress || null, body};
window.close();
return result;
"""


class Sink(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as Thunderbird needs; mails go to files."""

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def take_mail(self):
        lines = []
        for line in iter(self.rfile.readline, b".\r\n"):
            lines.append(line[1:] if line.startswith(b"..") else line)
        self.server.count += 1
        with open(os.path.join(self.server.folder, "%d.eml" % self.server.count), "wb") as file:
            file.write(b"".join(lines))

    def handle(self):
        self.say("220 sink")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.say("354 go on")
                self.take_mail()
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            self.say("250 ok")


def start_sink(folder):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    server.folder, server.count = folder, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def preferences(address, smtp_port):
    return {
        "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True,
        "mail.rights.version": 1, "mailnews.start_page.enabled": False, "mail.shell.checkDefaultClient": False,
        "mail.accountmanager.accounts": "account1,account2", "mail.accountmanager.defaultaccount": "account2",
        "mail.accountmanager.localfoldersserver": "server1", "mail.account.account1.server": "server1",
        "mail.account.account2.server": "server2", "mail.account.account2.identities": "id1",
        "mail.server.server1.type": "none", "mail.server.server1.hostname": "Local Folders",
        "mail.server.server1.userName": "nobody", "mail.server.server1.name": "Local Folders",
        "mail.server.server1.directory-rel": "[ProfD]Mail/Local Folders",
        "mail.server.server2.type": "pop3", "mail.server.server2.hostname": "127.0.0.1",
        "mail.server.server2.userName": "user", "mail.server.server2.name": address,
        "mail.server.server2.directory-rel": "[ProfD]Mail/127.0.0.1", "mail.server.server2.check_new_mail": False,
        "mail.server.server2.login_at_startup": False,
        "mail.identity.id1.useremail": address, "mail.identity.id1.fullName": "Test", "mail.identity.id1.valid": True,
        "mail.identity.id1.smtpServer": "smtp1", "mail.identity.id1.doFcc": False,
        "mail.identity.id1.compose_html": False,
        "mail.smtpservers": "smtp1", "mail.smtp.defaultserver": "smtp1",
        "mail.smtpserver.smtp1.hostname": "127.0.0.1", "mail.smtpserver.smtp1.port": smtp_port,
        "mail.smtpserver.smtp1.authMethod": 1, "mail.smtpserver.smtp1.try_ssl": 0,
        "mail.smtpserver.smtp1.username": "",
    }


def step(name, result):
    print("%s: %s" % (name, json.dumps(result)), flush=True)


def drive(options, marionette):
    if options.module:
        marionette.run(ADD_MODULE, options.module)
    step("certificates", marionette.run(CHOOSE_CERTIFICATE, options.address))
    for name, sign, encrypt in (("signed", True, False), ("both", True, True), ("encrypted", False, True)):
        step("sent " + name, marionette.run(SEND, options.address, options.peer, name, sign, encrypt))
        if name == "signed" and options.between:
            subprocess.run([options.between], check=True)
    for path in options.mail:
        with open(path, newline="") as file:
            text = file.read().replace("\r\n", "\n").replace("\n", "\r\n")
        name = os.path.basename(path)
        step("read " + name, marionette.run(READ, text, not name.startswith(("encrypted", "ours"))))
    step("windows", marionette.windows())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--module", help="to be added; else the profile has it")
    parser.add_argument("--profile", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--sink", required=True, help="folder for what is sent: 1.eml and so on")
    parser.add_argument("--between", help="program to be run after the first mail")
    parser.add_argument("mail", nargs="*")
    options = parser.parse_args()
    sink = start_sink(options.sink)
    with started("thunderbird", options.profile,
                 preferences(options.address, sink.server_address[1])) as marionette:
        drive(options, marionette)


if __name__ == "__main__":
    sys.exit(main())
