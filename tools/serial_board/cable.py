# SPDX-License-Identifier: MIT
"""The cable between a PC and the board's terminal: two pseudo-terminals and a thread between them.

It can be pulled and put in again (the board does not notice, as one that the car feeds), it can
come out by itself after so many bytes, and it keeps what went across. The port has one name, a
link to the pseudo-terminal of the moment, as udev gives one to a board that comes again. Ctrl-C
bytes that interrupt are handed over one by one: two at the same instant would end MicroPython's
unix build, which a board survives.
"""

import contextlib
import fcntl
import os
import select
import termios
import threading
import time
import tty

_SPACING_S = 0.05
_KEEP = 65536


class Cable:
    """inner: our end of the board's terminal; name: path that the port gets.

    `port`: that path, None when pulled.
    """

    def __init__(self, inner, name):
        self.inner, self.name = inner, name
        self.port = None
        self.sent = b""  # PC to board, the last 64 kB
        self._received = b""
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

    @property
    def received(self):
        """Board to PC, the last 64 kB, also what nobody heard; may be set anew."""
        return self._received

    @received.setter
    def received(self, data):
        with self._lock:  # not while the thread adds to what was there
            self._received = data

    def plug(self):
        """A new port appears; returns its path."""
        with self._lock:
            if self.port is None:
                self._outer, self._far = os.openpty()
                tty.setraw(self._far)
                with contextlib.suppress(FileNotFoundError):
                    os.remove(self.name)
                os.symlink(os.ttyname(self._far), self.name)
                self.port = str(self.name)
                flags = fcntl.fcntl(self._outer, fcntl.F_GETFL)
                fcntl.fcntl(self._outer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
            os.write(self._wake_write, b"\0")
            return self.port

    def pull(self):
        """The port is gone for whoever has it open."""
        with self._lock:
            if self.port is None:
                return
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.name)
            os.close(self._far)
            os.close(self._outer)
            self.port = self._outer = self._far = None
            self.pull_after = None
            os.write(self._wake_write, b"\0")

    def drop(self):
        """The board has lost power: what was on its way, to it or from it, is gone."""
        with self._lock:
            termios.tcflush(self.inner, termios.TCIOFLUSH)
            if self._outer is not None:
                termios.tcflush(self._outer, termios.TCIFLUSH)

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
        self._received = (self._received + data)[-_KEEP:]
        if self._outer is not None:
            _write(self._outer, data)

    def interrupts(self):
        """Would a Ctrl-C interrupt the board's program now?"""
        return bool(termios.tcgetattr(self.inner)[3] & termios.ISIG)

    def _to_board(self):
        try:
            data = os.read(self._outer, 256)
        except OSError:
            return
        if self.pull_after is not None:
            data = data[: self.pull_after]
            self.pull_after -= len(data)
        for i, part in enumerate(data.split(b"\x03")):
            if i:
                spaced = self.interrupts()
                _write(self.inner, b"\x03")
                if spaced:
                    time.sleep(_SPACING_S)
            _write(self.inner, part)
        self.sent = (self.sent + data)[-_KEEP:]
        self.count += len(data)  # last: who waits for it finds the bytes at the board
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
