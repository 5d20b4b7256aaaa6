#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""faults.py FUNCTION PART PARTS: for faults.sh. The function fails in every way, once and then always, each
time for a new agent: a request ends in time with a right result or an error that fits, and the next one works.
Only each PARTS-th way, from PART on."""
import os
import sys
import time

sys.dont_write_bytecode = True  # beside the sources of others
from soak import ACTIONS, MODULE, Request, RULES, WORK, run, write

KEYS = (("ec", "sign"), ("rsa", "pss"), ("rsa", "decrypt"), ("ec", "decrypt"))
LIMIT = 30  # s, until all works again
# What a module says of itself may be that it has no token, no key, or not this mechanism.
SAYS = {"MECHANISM", "NO_TOKEN", "NO_KEY", "NOT_FOR_US"}
SPOILT = SAYS | {"SIGN", "DECRYPT", "KEY_UNUSABLE", "NOT_SUPPORTED", "TOKEN_NOT_INIT", "PIN_NOT_SET", "PIN_LOCKED",
                 "PIN_LAST_TRY", "AMBIGUOUS"}


def result_of(key, kind):
    request = Request(None, key, key, kind, False)
    result = request.result()
    request.clean()
    return result


def works_again(limit):
    """How the next requests end, once they all end well or the time is over."""
    until = time.monotonic() + limit
    while True:
        results = {(key, kind): result_of(key, kind) for key, kind in KEYS}
        if set(results.values()) == {"ok"} or time.monotonic() > until:
            return results


def failed(function, action, times):
    """What went wrong when it failed so."""
    run("smime", "agent", "stop")
    failed.line += 1
    write(RULES, "\n" * failed.line + f"{function} {action} {times or ''}\n")
    right = {"ok"} | MODULE | SAYS | (SPOILT if action in ("garbage", "huge") else set())
    wrong = []
    for key, kind in KEYS if times else KEYS[failed.line % len(KEYS):][:1]:
        result = result_of(key, kind)
        run("smime", "lock")  # C_Logout, and C_Login for the next
        if result not in right:
            wrong.append(f"{kind} with {key}: {result}")
    write(RULES, "")
    if action in ("garbage", "huge"):
        run("smime", "keys")  # what a module says of itself is believed until it is asked again
    # After one failure at once; after many there is a pause before the module's process starts.
    again = works_again(0 if times else LIMIT)
    wrong += [f"{kind} with {key}, afterwards: {result}" for (key, kind), result in again.items() if result != "ok"]
    return [f"{function} {action} {times or 'always'}: {text}" for text in wrong]


failed.line = 0


def main():
    function, part, parts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.makedirs(f"{WORK}/soak", exist_ok=True)
    ways = [(action, times) for action in ACTIONS for times in (1, 0)]
    found = [text for action, times in ways[part::parts] for text in failed(function, action, times)]
    print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
