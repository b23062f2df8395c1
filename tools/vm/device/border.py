# SPDX-License-Identifier: MIT
"""The border of the device part in MicroPython: SPI, pins, samples and a clock, over two pipes.

Runs in the VM. Each message to the outside, on standard output, is `kind, n, m` (1 byte, two
little-endian 16-bit numbers) and n bytes; the answer, on standard input, is m bytes. What crosses
is what would be on wires: bytes of an SPI transfer, the level of a pin, the number a converter
gives, the milliseconds of a clock. Nothing is decoded outside. Text goes to standard error.
The second half, raw frames instead of SPI, is for a PC with a network interface.
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


class Terminal:
    """The terminal of the device, where standard input is the border: see drivers.terminal."""

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


class FramePort:
    """Frame port whose frames cross the border: for a network interface instead of a modem."""

    def __init__(self, border):
        self._border = border
        self._rx = bytearray(1520)
        self._view = memoryview(self._rx)
        self._two = bytearray(2)
        self.ready = False
        self.restarts = 0
        self.counters = {"received": 0, "sent": 0, "send_refused": 0}

    def poll(self, now):
        self._border.ask(76, b"", self._two)  # L: up, times it came up
        self.ready = self._two[0] != 0
        self.restarts = self._two[1]

    def next_poll(self, now):
        return now + 50

    def receive(self):
        self._border.ask(71, b"", self._two)  # G: length of the next frame
        n = self._two[0] | self._two[1] << 8
        if not n:
            return None
        frame = self._view[:n]
        self._border.ask(103, b"", frame)  # g: the frame
        self.counters["received"] += 1
        return frame

    def send(self, frame):
        one = memoryview(self._two)[:1]
        self._border.ask(70, frame, one)  # F
        good = one[0] != 0
        self.counters["sent" if good else "send_refused"] += 1
        return good
