# SPDX-License-Identifier: ISC
# An SMTP server that keeps what it gets: the recipients as N.args, a line each, and the mail as N.mail, in a folder.
# usage: smtp_sink.py FOLDER; FOLDER/port has its port. Where FOLDER/fail is, the end of a mail is answered with 451.
import os
import socketserver
import sys

folder = sys.argv[1]


def keep(recipients, lines):
    number = 1
    while os.path.exists(f"{folder}/{number}.mail"):
        number += 1
    with open(f"{folder}/{number}.args", "w", encoding="ascii") as file:
        file.writelines(recipient + "\n" for recipient in recipients)
    with open(f"{folder}/{number}.part", "wb") as file:
        file.writelines(lines)
    os.rename(f"{folder}/{number}.part", f"{folder}/{number}.mail")


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def read_mail(self):
        self.say("354 go on")
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return lines
            lines.append(line[1:] if line.startswith(b".") else line)
        return None

    def handle(self):
        recipients = []
        self.say("220 sink")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"RCPT":
                recipients.append(line.split(b"<")[1].split(b">")[0].decode())
            if word == b"DATA":
                lines = self.read_mail()
                if lines is None:
                    return
                if os.path.exists(f"{folder}/fail"):
                    self.say("451 not now")
                    continue
                keep(recipients, lines)
                recipients = []
            if word == b"EHLO":
                self.say("250-sink\r\n250 8BITMIME")
            else:
                self.say("221 bye" if word == b"QUIT" else "250 well")
            if word == b"QUIT":
                return


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
    with open(f"{folder}/port.new", "w", encoding="ascii") as port:
        port.write(str(server.server_address[1]))
    os.rename(f"{folder}/port.new", f"{folder}/port")
    server.serve_forever()
