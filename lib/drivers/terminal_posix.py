# SPDX-License-Identifier: MIT
"""The terminal of a Linux board (Blinka) without waiting, see terminal.py."""

import os
import select
import sys


class Posix:
    """CPython on Linux (Blinka): a line at a time, as the terminal gives it."""

    def write(self, text):
        sys.stdout.write(text)
        sys.stdout.flush()

    def read(self):
        if not select.select([0], [], [], 0)[0]:
            return None
        byte = os.read(0, 1)
        return byte[0] if byte else None

    def interrupt(self, on):
        return False

    def reset(self):
        raise SystemExit
