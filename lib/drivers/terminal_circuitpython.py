# SPDX-License-Identifier: MIT
"""The terminal of a CircuitPython board without waiting, see terminal.py."""

import sys


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
