#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What pcscd has noticed of its two virtual readers, in which it looks for cards every 400 ms.

pcscd_view.py READER card|empty: waits until pcscd knows that, for at most 20 seconds. A program that connects to a
card makes pcscd say that it is there, before it has noticed itself; if it is removed by then, pcscd never says so.
Hands are not so quick. The count of insertions and removals tells: it is odd where pcscd has noticed a card, or
even, if the card was there when pcscd started, which shows when nothing changes for several of its looks. That is
remembered until pcscd is started again (private-pcscd.sh): to find out takes longer than a card may take to come back.
"""
import ctypes
import json
import sys
import time

NOTICE = 20  # s
QUIET = 2  # s
PRESENT = 0x20
ODD = "/run/pcscd.odd"  # by reader, the last bit of the count where there is a card; 1 where it is not here


class ReaderState(ctypes.Structure):
    """SCARD_READERSTATE."""

    _fields_ = [("name", ctypes.c_char_p), ("user", ctypes.c_void_p), ("known", ctypes.c_ulong),
                ("state", ctypes.c_ulong), ("atr_size", ctypes.c_ulong), ("atr", ctypes.c_ubyte * 33)]


PCSC = ctypes.CDLL("libpcsclite.so.1")


def ask(context):
    """Whether there is a card, and the count, by the last digit of the reader's name; nothing where pcscd is not there."""
    names, size = ctypes.create_string_buffer(4096), ctypes.c_ulong(4096)
    if PCSC.SCardListReaders(context, None, names, ctypes.byref(size)):
        return {}
    readers = names.raw[:size.value].rstrip(b"\0").split(b"\0")
    states = (ReaderState * len(readers))(*[ReaderState(name=name) for name in readers])
    if PCSC.SCardGetStatusChange(context, ctypes.c_ulong(0), states, ctypes.c_ulong(len(readers))):
        return {}
    return {name.decode()[-1]: (bool(state.state & PRESENT), state.state >> 16) for name, state in zip(readers, states)}


def recall():
    try:
        with open(ODD, encoding="ascii") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def remember(odd):
    with open(ODD, "w", encoding="ascii") as file:
        json.dump(odd, file)


def is_noticed(odd, reader, present, count):
    """Whether pcscd has seen itself that it is so."""
    return present == (count & 1 == odd.get(reader, 1))


def look():
    """The same, asked for once; nothing where pcscd cannot be asked."""
    context = ctypes.c_long()
    if PCSC.SCardEstablishContext(2, None, None, ctypes.byref(context)):
        return {}
    view = ask(context)
    PCSC.SCardReleaseContext(context)
    return view


def wait(wanted):
    """Until the readers are so: whether they were in time."""
    until = time.monotonic() + NOTICE
    last, since, odd = {}, time.monotonic(), recall()
    while time.monotonic() < until:
        view = look()
        last, since = view, since if view == last else time.monotonic()
        if all(reader in view and view[reader][0] == card for reader, card in wanted.items()):
            unnoticed = [reader for reader in wanted if not is_noticed(odd, reader, *view[reader])]
            if not unnoticed:
                return True
            if time.monotonic() > since + QUIET:
                odd.update({reader: 1 - odd.get(reader, 1) for reader in unnoticed})
                remember(odd)
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    sys.exit(not wait({sys.argv[1]: sys.argv[2] == "card"}))
