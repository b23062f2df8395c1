# SPDX-License-Identifier: MIT
"""The device part in a MicroPython process as a part of the emulated world.

`VmDevice` hands SPI transfers to the emulated modem, samples and pins to the emulated board, and
lets the VM run until it sleeps; simulated time stands still meanwhile. Its parts: build.py (code
and settings), process.py (the process, its messages), interrupts.py (a timer). frames.py serves
raw frames at the wall clock instead.
"""

import signal
import struct

from evcc import ports

from tools.vm.build import build, files, settings_text  # noqa: F401  for who takes all from here
from tools.vm.interrupts import Interrupts
from tools.vm.process import NAMES, Ended, Process  # noqa: F401

_PEAK_MV = {65: 12000, 66: 9000, 67: 6000, 68: 3000, 69: 0, 70: -12000}  # pilot state's


class Typist:
    """Who sits at the device's terminal: `typed` (bytes) is read by it, `shown` is what it wrote.

    `ctrl_c`: whether Ctrl-C would interrupt; such a byte is then not read but noted in `broken`.
    """

    def __init__(self):
        self.typed, self.shown = bytearray(), ""
        self.ctrl_c, self.broken = True, 0

    def message(self, kind, out):
        if kind == "K":
            while self.ctrl_c and self.typed[:1] == b"\3":
                del self.typed[0]
                self.broken += 1
            return bytes((1, self.typed.pop(0))) if self.typed else bytes(2)
        if kind == "T":
            self.shown += out.decode()
        else:
            self.ctrl_c = out != b"\0"
        return None


class VmDevice:
    """The device in MicroPython as a part of the world.

    modem: SPI slave (`exchange`, `irq`, `reset`); board: ports; both of the emulator. machine:
    "i386", "armhf" or a path. options: of device/main.py. `on_message(kind, index, out, into)`:
    called after each message, for instruments. `timer`: safety is ticked by a timer's interrupt,
    in the middle of whatever the VM does, and no longer by its loop.

    `finished`: a session has ended; `outcome()`: its summary; `counts`: messages by kind.
    """

    def __init__(
        self, world, modem, board, params, *, machine="i386", heap="128k", pack_speed=1, unix=None,
        options=(), on_message=None, timer=False, **more,
    ):  # fmt: skip
        self.world, self.modem, self.board = world, modem, board
        self.on_message = on_message
        self.terminal = Typist()
        self.ended = None  # text, when the process is over
        self._asleep = False
        self._index = 0
        self._prepare()
        options = [f"seed={world.seed}", f"speed={pack_speed}", "idle=100000000", *options]
        if unix is not None:
            options.append(f"unix={unix}")
        self.timer = Interrupts(self) if timer else None
        self._busy_until = 0
        self._frozen = False
        if timer:
            options.append(self.timer.option)
            more["fds"] = self.timer.fds
        self.process = Process(
            settings_text(params), "spi", machine=machine, heap=heap, options=options, **more
        )
        if timer:
            self.timer.started()

    def _prepare(self):
        self._raw = ports.new()

    def _request(self):
        """The device's next message."""
        return self.process.request()

    @property
    def counts(self):
        return self.process.counts

    @property
    def finished(self):
        return self.process.summary is not None or self.ended is not None

    @property
    def computing(self):
        """Is the VM busy with a computation that lasts in the world's time as well?"""
        return self.world.now < self._busy_until

    def outcome(self):
        """Summary of the session; raises Ended when the process died before it had one."""
        if self.process.summary is None:
            raise Ended(self.ended or "MicroPython: no session has ended", None)
        return self.process.summary

    def step(self, now):
        """Let the VM run until it sleeps; returns until when."""
        if self.ended is not None:
            return None
        if now < self._busy_until:
            return self._busy_until
        if self._frozen:
            return None
        try:
            if self._asleep:
                self._asleep = False
                self.process.answer(struct.pack("<I", now))
            return self._serve(now)
        except Ended as end:
            self.ended = str(end)
            return None

    def kill(self):
        """The process is gone, in the middle of whatever it did."""
        self.process.process.kill()
        self.process.process.wait()

    def freeze(self):
        """The process stops (SIGSTOP), in the middle of whatever it did, and stays."""
        self._frozen = True
        self.process.process.send_signal(signal.SIGSTOP)

    def close(self):
        if self._frozen:
            self.kill()
        self.process.close()
        if self.timer:
            self.timer.close()

    def _serve(self, now):
        process, modem = self.process, self.modem
        while True:
            kind, out, n = self._request()
            into = None
            if kind == "X":
                into = bytearray(n) if n else None
                modem.exchange(out, into)
            elif kind == "I":
                into = b"\1" if modem.irq() else b"\0"
            elif kind == "R":
                modem.reset(out != b"\0")
            elif kind == "A":
                into = self._sample()
            elif kind == "O":
                self._drive(out[0], out[1] != 0)
            elif kind == "C":
                into = struct.pack("<I", now)
            elif kind == "m":
                pass
            elif kind in "KTk":
                into = self.terminal.message(kind, out)
            elif kind == "S":
                self._asleep = True
                process.errors()
            elif kind == "B" and self.timer:
                self.world.add(self.timer, now + self.timer.EVERY_MS)
            elif kind == "W" and self.timer:
                # its last tick comes before this
                self._busy_until = now + struct.unpack("<I", out)[0] + self.timer.EVERY_MS
            else:
                process._end(f"message {kind!r} has no place on this border")
            if self.timer:
                self.timer.serve(now, wait=False)
            if into:
                process.answer(into)
            if self.on_message:
                self.on_message(kind, self._index, out, into)
            self._index += 1
            if now < self._busy_until:
                return self._busy_until
            if self._asleep:
                return max(struct.unpack("<I", out)[0], now + 1)

    def _sample(self):
        """What the board's converters and inputs give: as in ports, but the pilot's peak in mV."""
        raw = self._raw
        self.board.sample(raw)
        raw[ports.CP] = _PEAK_MV[raw[ports.CP]]
        return raw.tobytes()

    def _drive(self, pin, level):
        board = self.board
        if pin == 3:
            board.watchdog()
        else:
            (board.set_state_c, board.contactors, board.lock)[pin](level)
