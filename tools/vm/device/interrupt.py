# SPDX-License-Identifier: MIT
"""The timer interrupt of the emulated board: a signal, taken between any two machine instructions.

The signal's handler is a Python function with heap and scheduler locked, as MicroPython calls a
hard interrupt's; it runs in the middle of whatever the VM does, a computation, a garbage
collection, a wait. It has two pipes of its own, whose messages are those of border.py, made
beforehand. It proves nothing about a chip's interrupt controller or flash waits.
"""

from array import array

import border

_SIGUSR1 = 10


class Board(border.Board):
    """Safety's ports for a tick in an interrupt. `fds`: "5,6", numbers of the two pipes."""

    def __init__(self, outside, fds):
        self.clock = outside.clock
        self._outside = outside
        read, write = [int(fd) for fd in fds.split(",")]
        self._read = open("/dev/fd/%d" % read, "rb").readinto
        self._write = open("/dev/fd/%d" % write, "wb").write
        self._now = array("i", (0,))
        self._ask_sample = b"A\0\0\x20\0"
        self._ask_time = b"C\0\0\4\0"
        self._done = b"D\0\0\0\0"
        # O, pin, level
        self._levels = [[b"O\2\0\0\0" + bytes((pin, on)) for on in (0, 1)] for pin in range(4)]
        self.ticked = 0

    def sample(self, raw):
        self._write(self._ask_sample)
        self._read(raw)
        self.state(raw)

    def ticks(self):
        self._write(self._ask_time)
        self._read(self._now)
        return self._now[0]

    def drive(self, pin, on):
        self._write(self._levels[pin][1 if on else 0])

    def start(self, callback):
        """Call `callback` every 20 ms from now on; None: no more."""
        import ffi

        if callback is None:
            ffi.open("libc.so.6").func("p", "signal", "ii")(_SIGUSR1, 1)  # SIG_IGN
            return

        def handler(number):
            callback()
            self.ticked = self.ticked + 1 & 0xFFFFFF
            self._write(self._done)

        # kept: the collector must not take what the C library calls
        self._keep = ffi.callback("v", handler, "i", lock=True)
        self._libc = ffi.open("libc.so.6")
        self._libc.func("p", "signal", "iC")(_SIGUSR1, self._keep)
        self._outside.ask(66, b"")  # B: begin


def compute(outside, board, ms):
    """Do nothing but compute for `ms` of the world's time; returns how much was done."""
    outside.ask(87, ms.to_bytes(4, "little"))  # W: work
    end = board.ticked + ms // 20
    x, p, n = 3, (1 << 521) - 1, 0
    while board.ticked < end:
        x = x * x % p
        n += 1
    return n
