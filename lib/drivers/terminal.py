# SPDX-License-Identifier: MIT
"""The terminal of a board (USB or UART), read without waiting: MicroPython, CircuitPython, Linux.

`read()` gives one byte or None, `write(text)`, `interrupt(on)` switches Ctrl-C: False where the
port has no such switch (CircuitPython; there KeyboardInterrupt arrives and the loop takes it).
`reset()` starts the interpreter anew. No line editing: see evcc.console.
"""

import sys


class Polled:
    """MicroPython: standard input through select.poll."""

    def __init__(self):
        import select

        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._byte = bytearray(1)
        self._into = sys.stdin.buffer.readinto
        self.write = sys.stdout.write

    def read(self):
        for _ in self._poll.ipoll(0):
            return self._byte[0] if self._into(self._byte) else None
        return None

    def interrupt(self, on):
        import micropython

        micropython.kbd_intr(3 if on else -1)
        return True

    def reset(self):
        sys.exit()  # out of main.py: a soft reset


class Supervised:
    """CircuitPython: the supervisor tells how many bytes wait."""

    def __init__(self):
        import supervisor

        self._runtime = supervisor.runtime
        self._runtime.autoreload = False  # a file that changes must not reset a charging car
        self._reload = supervisor.reload
        self.write = sys.stdout.write

    def read(self):
        if not self._runtime.serial_bytes_available:
            return None
        return ord(sys.stdin.read(1))

    def interrupt(self, on):
        return False

    def reset(self):
        self._reload()


class Posix:
    """CPython on Linux (Blinka): a line at a time, as the terminal gives it."""

    def __init__(self):
        import os
        import select

        self._os, self._select = os, select
        self.write = self._say

    def _say(self, text):
        sys.stdout.write(text)
        sys.stdout.flush()

    def read(self):
        if not self._select.select([0], [], [], 0)[0]:
            return None
        byte = self._os.read(0, 1)
        return byte[0] if byte else None

    def interrupt(self, on):
        return False

    def reset(self):
        raise SystemExit


def terminal():
    """The one of this Python."""
    name = sys.implementation.name
    if name == "micropython":
        return Polled()
    return Supervised() if name == "circuitpython" else Posix()
