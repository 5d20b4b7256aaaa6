#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What pcscd has noticed of its two virtual readers, in which it looks for cards every 400 ms.

pcscd_view.py READER card|empty: waits until pcscd knows that, for at most 20 seconds. A program that connects to a
card makes pcscd say that it is there, before it has noticed itself; if it is removed by then, pcscd never says so.
Hands are not so quick. The count of insertions and removals tells: it is odd where pcscd has noticed a card.
"""
import ctypes
import sys
import time

NOTICE = 20  # s
PRESENT = 0x20


class ReaderState(ctypes.Structure):
    """SCARD_READERSTATE."""

    _fields_ = [("name", ctypes.c_char_p), ("user", ctypes.c_void_p), ("known", ctypes.c_ulong),
                ("state", ctypes.c_ulong), ("atr_size", ctypes.c_ulong), ("atr", ctypes.c_ubyte * 33)]


PCSC = ctypes.CDLL("libpcsclite.so.1")


def ask(context):
    """Whether there is a card, by the last digit of the reader's name; None: pcscd is not sure yet, or not there."""
    names, size = ctypes.create_string_buffer(4096), ctypes.c_ulong(4096)
    if PCSC.SCardListReaders(context, None, names, ctypes.byref(size)):
        return {}
    readers = names.raw[:size.value].rstrip(b"\0").split(b"\0")
    states = (ReaderState * len(readers))(*[ReaderState(name=name) for name in readers])
    if PCSC.SCardGetStatusChange(context, ctypes.c_ulong(0), states, ctypes.c_ulong(len(readers))):
        return {}
    view = {}
    for name, state in zip(readers, states):
        present = bool(state.state & PRESENT)
        view[name.decode()[-1]] = present if present == bool(state.state >> 16 & 1) else None
    return view


def wait(wanted):
    """Until the readers are so: whether they were in time."""
    until = time.monotonic() + NOTICE
    while time.monotonic() < until:
        context = ctypes.c_long()
        if not PCSC.SCardEstablishContext(2, None, None, ctypes.byref(context)):
            view = ask(context)
            PCSC.SCardReleaseContext(context)
            if all(view.get(reader) == card for reader, card in wanted.items()):
                return True
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    sys.exit(not wait({sys.argv[1]: sys.argv[2] == "card"}))
