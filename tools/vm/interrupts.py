# SPDX-License-Identifier: MIT
"""A timer's interrupt of the device in MicroPython: a signal, and pipes of its own for the tick.

The tick runs in the middle of whatever the VM does, so its samples and pins cross beside the
border's messages.
"""

import os
import select
import signal
import struct

from tools.vm.process import Ended


class Interrupts:
    """The timer of a `VmDevice`: every 20 ms a signal, and what the tick in it asks and drives."""

    EVERY_MS = 20

    def __init__(self, device):
        self.device = device
        self.ticks = 0
        self._to_read, self._out = os.pipe()  # what the tick reads
        self._in, self._to_write = os.pipe()
        self.fds = self._to_read, self._to_write
        self.option = "timer=%d,%d" % self.fds
        self._poll = select.poll()
        self._poll.register(self._in, select.POLLIN)

    def started(self):
        for fd in self.fds:
            os.close(fd)

    def close(self):
        for fd in (self._in, self._out):
            os.close(fd)

    def step(self, now):
        device = self.device
        if device.ended is not None or device._frozen:
            return None
        try:
            device.process.process.send_signal(signal.SIGUSR1)
            self.serve(now)
        except (Ended, OSError) as end:
            device.ended = str(end)
            return None
        return now + self.EVERY_MS

    def serve(self, now, wait=True):
        """Answer the tick until it is done; without `wait`: what is there, from outside a tick."""
        device = self.device
        while self._poll.poll(device.process.limit_s * 1000 if wait else 0):
            head = os.read(self._in, 5)
            if len(head) < 5:
                break
            kind = chr(head[0])
            out = os.read(self._in, head[1])
            if kind == "A":
                os.write(self._out, device._sample())
            elif kind == "C":
                os.write(self._out, struct.pack("<i", device.board.ticks()))
            elif kind == "O":
                device._drive(out[0], out[1] != 0)
            else:
                self.ticks += 1
                return
        if wait:
            device.process._end("the tick did not end")
