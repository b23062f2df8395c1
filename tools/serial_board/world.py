# SPDX-License-Identifier: MIT
"""The serial board as a part of the emulated world: modem, pins and clock behind its firmware.

    rig = rig_with(board)                # world, power line, station, car as in the demo
    rig.board.plug()
    done = run_with(rig, [sys.executable, "-m", "mpremote", "connect", board.port, "ls"])

While firmware runs, simulated time stands still between its messages, as with `tools.vm.bridge`.
While it only waits for a person (REPL prompt), time goes on at the pace of the wall clock, and
nobody answers for the device: modem, station, monostables and the chip's watchdog see that.
"""

import os
import select
import struct
import subprocess
import time
from collections import Counter

from tools.vm.bridge import NAMES, Ended, VmDevice

from . import SerialBoard

_IDLE_MS = 10
_LOOKS = 20  # at the clock in one millisecond: code that waits by looking lets time pass


class Link:
    """The border of whatever process the board runs at the moment; `bridge.Process`' messages.

    `restarted`: a new process has begun since it was last set to False.
    """

    def __init__(self, board):
        self.board = board
        self.counts = Counter()
        self.bytes = Counter()
        self.summary = None
        self.heap = 0
        self.restarted = False
        self._generation = None
        self._buffer = b""

    def request(self, timeout):
        """(kind, bytes out, length of the answer), None when time is over. Raises Ended."""
        ends = time.monotonic() + timeout
        while True:
            if (found := self._take()) is not None:
                if found[0] != "y":
                    return found
                self.answer(found[1])  # a mark, after a message that a Ctrl-C cut short
                continue
            border = self.board.border()
            if border is None:
                self._end("it is over")
            if border[0] != self._generation:
                self._generation, self._buffer = border[0], b""
                self.restarted = True
            left = ends - time.monotonic()
            if left <= 0:
                return None
            try:
                if not select.select([border[1]], [], [], min(left, 0.2))[0]:
                    continue
                # a reset closes these files, and the next process may get the same numbers
                with self.board.same(border) as same:
                    if not same:
                        continue
                    data = os.read(border[1], 65536)
            except (OSError, ValueError):  # closed meanwhile
                continue
            if not data:
                time.sleep(0.002)
            self._buffer += data

    def _take(self):
        have = self._buffer
        if len(have) < 5:
            return None
        n = have[1] | have[2] << 8
        if len(have) < 5 + n:
            return None
        kind = chr(have[0])
        if kind not in "Qyw" and kind not in NAMES:
            self._end(f"it printed {have[:60]!r} on the border")
        self._buffer = have[5 + n :]
        self.counts[kind] += 1
        return kind, have[5 : 5 + n], have[3] | have[4] << 8

    def answer(self, data):
        border = self.board.border()
        if border and border[0] == self._generation:
            try:
                with self.board.same(border) as same:
                    if same:
                        os.write(border[2], data)
            except OSError:
                pass  # it is being reset

    def errors(self):
        pass

    def _end(self, text):
        tail = self.board.errors.decode(errors="replace").strip().splitlines()[-4:]
        raise Ended("serial board: " + " | ".join([text, *tail]), None)

    def close(self):
        self.board.close()


class Dog:
    """The chip's watchdog, `machine.WDT` of the serial board: it bites `ms` after the last feed.

    `ms`: None while it is not armed. Bites are counted by `board.resets`.
    """

    def __init__(self, world, serial, board):
        self.world, self.serial, self.board = world, serial, board
        self.ms = self._at = None
        world.add(self)

    def feed(self, ms):
        """Armed or fed; 0 stops it."""
        self.ms = ms or None
        self._at = self.world.now + ms
        self.world.wake(self)

    def step(self, now):
        if self.ms is None:
            return None
        if now < self._at:
            return self._at
        self.board.resets += 1
        self.serial.bite()
        self.reset()
        return None

    def reset(self):
        """The chip starts from nothing: not armed, its outputs fall."""
        self.ms = None
        self.board.fall()


class SerialDevice(VmDevice):
    """`serial`: a SerialBoard made `with_border`; modem and board: of the emulator.

    patience_s: so long, by the wall clock, time waits for a message of firmware that runs.
    `at_prompt`: it waits for a person. `on_message` as with VmDevice. `dog`: the chip's watchdog.
    """

    def __init__(self, world, serial, modem, board, on_message=None, patience_s=10):
        self.world, self.modem, self.board = world, modem, board
        self.serial = serial
        self.on_message = on_message
        self.patience_s = patience_s
        self.ended = None
        self.at_prompt = False
        self.timer = None  # safety is ticked by the controller's loop
        self.dog = Dog(world, serial, board)
        board.WATCHDOG_MS = 1 << 60  # the emulator's own: the chip has one
        self._asleep = False
        self._index = self._busy_until = 0
        self._looks, self._held = 0, None
        self._prepare()
        self.process = Link(serial)

    def step(self, now):
        if self.ended is not None:
            return None
        self._looks = 0
        try:
            if self._asleep:
                self._asleep = False
                self.process.answer(struct.pack("<I", now))
            return self._serve(now)
        except _Idle as idle:
            return now + idle.ms
        except Ended as end:
            self.ended = str(end)
            return None

    def _request(self):
        process = self.process
        while True:
            found, self._held = self._held, None
            if found is not None:
                return found
            idle = self.at_prompt
            found = process.request(_IDLE_MS / 1000 if idle else self.patience_s)
            if process.restarted:
                process.restarted = self.at_prompt = False
                if self.serial.starts[-1] != "soft":
                    self.dog.reset()
            if found is None:
                if not idle:
                    process._end("no message for %d s" % self.patience_s)
                raise _Idle(_IDLE_MS)
            self.at_prompt = found[0] == "Q"
            if self.at_prompt:
                continue
            if found[0] == "w":
                self.dog.feed(struct.unpack("<H", found[1])[0])
                continue
            self._looks += found[0] == "C"
            if self._looks > _LOOKS:
                self._held = found
                raise _Idle(1)
            return found


class _Idle(Exception):
    """Nothing more of the device for now; time may go on by `ms`."""

    def __init__(self, ms):
        Exception.__init__(self)
        self.ms = ms


def rig_with(serial, **more):
    """The demo's world with the board as its device. more: of tools.demo.rig.Rig."""
    from tools.demo.rig import Rig

    class SerialRig(Rig):
        def _device(self):
            self.vm_name = "MicroPython behind a serial port"
            return SerialDevice(self.world, serial, self.modem, self.board)

        def close(self):
            pass  # who made the board closes it

    assert isinstance(serial, SerialBoard) and serial.with_border
    return SerialRig(**more)


def run_with(rig, command, timeout=60, cwd=None):
    """Run a program while the world goes on; the CompletedProcess (text), TimeoutExpired."""
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, cwd=cwd,
    )  # fmt: skip
    try:
        while_runs(rig, process, timeout)
        out, _ = process.communicate(timeout=5)
        return subprocess.CompletedProcess(command, process.returncode, out, "")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def while_runs(rig, process, timeout=60):
    """Let the world go on until process.poll() is not None. Raises TimeoutExpired."""
    ends = time.monotonic() + timeout
    world = rig.world
    while process.poll() is None:
        if time.monotonic() > ends:
            raise subprocess.TimeoutExpired("serial board", timeout)
        world.run(world.now + _IDLE_MS)
