# SPDX-License-Identifier: MIT
"""The border of the device part in MicroPython: SPI, pins, samples and a clock, over two pipes.

Runs in the VM. Each message to the outside, on standard output, is `kind, n, m` (1 byte, two
little-endian 16-bit numbers) and n bytes; the answer, on standard input, is m bytes. What crosses
is what would be on wires: bytes of an SPI transfer, the level of a pin, the number a converter
gives, the milliseconds of a clock. Nothing is decoded outside. Text goes to standard error.
Raw frames instead of SPI (frames.py) are for a PC with a network interface.
"""

import struct
import sys

# output pins, the wiring of the emulated board
_S2, _CONTACTORS, _LOCK, _WATCHDOG = 0, 1, 2, 3


class Border:
    """The two pipes. `ask(kind, out, into)`: send `out`, fill `into`.

    `files`: two open files where the pipes are others than standard input and output.
    """

    files = None

    def __init__(self):
        read, write = self.files or (sys.stdin.buffer, sys.stdout.buffer)
        self._read = read.readinto
        self._write = write.write
        # a message is one write: instruments count instructions at each
        self._tx = bytearray(1700)
        self._view = memoryview(self._tx)
        self._word = bytearray(4)

    def ask(self, kind, out, into=None):
        n = len(out)
        struct.pack_into(
            "<BHH", self._tx, 0, kind, n, len(into) * (4 if kind == 65 else 1) if into else 0
        )
        self._tx[5 : 5 + n] = out
        self._write(self._view[: 5 + n])
        if into:
            if not self._read(into):
                sys.exit(3)  # nobody is outside any more

    # SPI of the modem, its interrupt and its reset line

    def exchange(self, out, into=None):
        """One chip-select period."""
        self.ask(88, out, into)  # X

    def irq(self):
        self.ask(73, b"", memoryview(self._word)[:1])  # I
        return self._word[0] != 0

    def reset(self, active):
        self.ask(82, b"\1" if active else b"\0")  # R

    # pins, clock

    def drive(self, pin, level):
        self.ask(79, bytes((pin, 1 if level else 0)))  # O

    def clock(self):
        """ms since power-on of the world outside."""
        self.ask(67, b"", self._word)  # C
        return struct.unpack("<I", self._word)[0]

    def sleep_until(self, ms):
        """Let time pass to `ms`, or less if the modem interrupts; returns the time."""
        self.ask(83, struct.pack("<I", ms), self._word)  # S
        return struct.unpack("<I", self._word)[0]


class Board:
    """Safety's ports over converters and pins."""

    # pilot's positive peak in mV -> state, IEC 61851-1 Table A.4, middle between the levels
    _STATES = ((10500, 65), (7500, 66), (4500, 67), (1500, 68), (-6000, 69))

    def __init__(self, border):
        self._border = border
        self.clock = border.clock
        self.drive = border.drive

    def sample(self, raw):
        """All converters and inputs at once, in the order of ports; the pilot as peak in mV."""
        self._border.ask(65, b"", raw)  # A
        self.state(raw)

    def state(self, raw):
        """The pilot's state for its peak."""
        for limit, state in self._STATES:
            if raw[0] > limit:
                raw[0] = state
                return
        raw[0] = 70

    def set_state_c(self, on):
        self.drive(_S2, on)

    def contactors(self, on):
        self.drive(_CONTACTORS, on)

    def lock(self, on):
        self.drive(_LOCK, on)

    def watchdog(self):
        self.drive(_WATCHDOG, True)
