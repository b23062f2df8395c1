# SPDX-License-Identifier: MIT
"""The terminal of a MicroPython board without waiting, see terminal.py."""

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
