#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Drives Firefox, headless, with a profile that has a PKCS#11 module: opens pages that want a certificate, and
says what is on them. Each result is a line "NAME: JSON"."""
import argparse
import json
import subprocess
import sys

from marionette import started

# The first certificate that the server takes, without a window that asks for one.
PREFERENCES = {
    "security.default_personal_cert": "Select Automatically", "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0, "browser.aboutwelcome.enabled": False, "network.captive-portal-service.enabled": False,
    "network.dns.disablePrefetch": True, "extensions.update.enabled": False, "browser.safebrowsing.update.enabled": False,
}


def open_page(marionette, url):
    marionette.command("Marionette:SetContext", value="content")
    try:
        marionette.command("WebDriver:Navigate", url=url)
        return marionette.script("return document.body.textContent")
    finally:
        marionette.command("Marionette:SetContext", value="chrome")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", required=True)
    parser.add_argument("--between", help="program to be run after the first page")
    parser.add_argument("page", nargs="+", help="NAME=URL")
    options = parser.parse_args()
    with started("firefox-esr", options.profile, PREFERENCES) as marionette:
        for number, page in enumerate(options.page):
            name, url = page.split("=", 1)
            print("%s: %s" % (name, json.dumps(open_page(marionette, url))), flush=True)
            if number == 0 and options.between:
                subprocess.run([options.between], check=True)
        print("windows: %s" % json.dumps(marionette.windows()))


if __name__ == "__main__":
    sys.exit(main())
