# SPDX-License-Identifier: MIT
"""The cable between a PC and the board's terminal: two pseudo-terminals and a thread between them.

It can be pulled and put in again (the board does not notice, as one that the car feeds), it can
come out by itself after so many bytes, and it keeps what went across. Ctrl-C bytes are handed over
one by one: two at the same instant would end MicroPython's unix build, which a board survives.
"""

import fcntl
import os
import select
import threading
import time
import tty

_SPACING_S = 0.05
_KEEP = 65536


class Cable:
    """inner: our end of the board's terminal. `port`: path of the other end, None when pulled."""

    def __init__(self, inner):
        self.inner = inner
        self.port = None
        self.sent = b""  # PC to board, the last 64 kB
        self.received = b""  # board to PC, also what nobody heard
        self.count = 0  # bytes to the board so far
        self.pull_after = None  # bytes to the board until the cable comes out
        self._outer = None
        self._far = None
        self._lock = threading.RLock()
        self._wake_read, self._wake_write = os.pipe()
        self._open = True
        os.set_blocking(inner, False)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def plug(self):
        """A new port appears; returns its path."""
        with self._lock:
            if self.port is None:
                self._outer, self._far = os.openpty()
                tty.setraw(self._far)
                self.port = os.ttyname(self._far)
                flags = fcntl.fcntl(self._outer, fcntl.F_GETFL)
                fcntl.fcntl(self._outer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
            os.write(self._wake_write, b"\0")
            return self.port

    def pull(self):
        """The port is gone for whoever has it open."""
        with self._lock:
            if self.port is None:
                return
            os.close(self._far)
            os.close(self._outer)
            self.port = self._outer = self._far = None
            self.pull_after = None
            os.write(self._wake_write, b"\0")

    def close(self):
        self._open = False
        os.write(self._wake_write, b"\0")
        self._thread.join(5)
        self.pull()
        for number in (self.inner, self._wake_read, self._wake_write):
            os.close(number)

    def _carry(self):
        while self._open:
            with self._lock:
                outer = self._outer
            files = [self.inner, self._wake_read] + ([outer] if outer is not None else [])
            try:
                ready, _, _ = select.select(files, [], [], 1)
            except (OSError, ValueError):
                continue
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            with self._lock:
                if self.inner in ready:
                    self._to_pc()
                if outer is not None and outer is self._outer and outer in ready:
                    self._to_board()

    def _to_pc(self):
        try:
            data = os.read(self.inner, 4096)
        except OSError:
            time.sleep(_SPACING_S)  # nobody has the board's end open
            return
        self.received = (self.received + data)[-_KEEP:]
        if self._outer is not None:
            _write(self._outer, data)

    def _to_board(self):
        try:
            data = os.read(self._outer, 256)
        except OSError:
            return
        if self.pull_after is not None:
            data = data[: self.pull_after]
            self.pull_after -= len(data)
        self.count += len(data)
        self.sent = (self.sent + data)[-_KEEP:]
        for i, part in enumerate(data.split(b"\x03")):
            if i:
                _write(self.inner, b"\x03")
                time.sleep(_SPACING_S)
            _write(self.inner, part)
        if self.pull_after == 0:
            self.pull()


def _write(number, data, seconds=2):
    """All of it, or what goes in that time: a buffer that nobody empties loses the rest."""
    ends = time.monotonic() + seconds
    while data and time.monotonic() < ends:
        try:
            data = data[os.write(number, data) :]
        except BlockingIOError:
            select.select([], [number], [], 0.05)
        except OSError:
            return
