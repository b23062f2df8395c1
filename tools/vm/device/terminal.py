# SPDX-License-Identifier: MIT
"""The terminal of the device, where standard input is the border: see drivers.terminal."""

import sys


class Terminal:
    def __init__(self, border):
        self._border = border
        self._byte = bytearray(2)

    def read(self):
        self._border.ask(75, b"", self._byte)  # K: is there a byte, which
        return self._byte[1] if self._byte[0] else None

    def write(self, text):
        self._border.ask(84, text.encode())  # T

    def interrupt(self, on):
        self._border.ask(107, b"\1" if on else b"\0")  # k
        return True

    def reset(self):
        sys.exit(4)
