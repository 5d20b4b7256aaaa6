#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""upgrade.py FOLDER OLD NEW: what a build with that other text in it would be. Replaces OLD, which has as many bytes, in every
program of the folder; each goes in as a new file, as a package's does. At least one has to have it."""
import os
import sys

folder, old, new = sys.argv[1], sys.argv[2].encode().decode("unicode_escape").encode(), sys.argv[3].encode().decode("unicode_escape").encode()
assert len(old) == len(new)
found = 0
for name in os.listdir(folder):
    path = os.path.join(folder, name)
    with open(path, "rb") as file:
        program = file.read()
    found += program.count(old)
    with open(path + ".new", "wb") as file:
        file.write(program.replace(old, new))
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
sys.exit(0 if found else f"{old} is in no program")
