# SPDX-License-Identifier: MIT
"""A MicroPython process with the device in it, and the messages that cross its border.

Every message is counted by its kind, nothing is decoded, and every wait has a limit. See
device/border.py for the messages; who answers them is in bridge.py and frames.py.
"""

import json
import os
import select
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from tools import vm
from tools.vm.build import build, files

NAMES = {
    "X": "SPI transfers",
    "I": "interrupt line",
    "R": "reset line",
    "A": "converter samples",
    "O": "pin outputs",
    "C": "clock",
    "S": "sleep",
    "B": "timer on",
    "W": "computations",
    "K": "terminal in",
    "T": "terminal out",
    "k": "Ctrl-C",
    "m": "marks",  # of the profiler only
    "F": "frames out",
    "G": "frames waiting?",
    "g": "frames in",
    "L": "link up?",
}


class Ended(Exception):
    """The VM process is over; `text` says how, `status` its exit status."""

    def __init__(self, text, status):
        Exception.__init__(self, text)
        self.status = status


def _not_the_cars(folder, names):
    """What of a PKI folder does not belong into the car: other people's keys."""
    return [name for name in names if name.startswith(("secc", "ca_keys", "cps", "ocsp"))]


class Process:
    """A MicroPython process and its two pipes.

    machine: "i386", "armhf" or the path of a program. `pki`: folder that the device gets as its
    "pki". `lines`: hears each line of standard error that is no module, heap, key or summary line;
    `keylog`: each line of the TLS key log. `limit_s`: longest wait for one message. `fresh`:
    without what an earlier run in this folder has stored. `fds`: files that it gets as well.
    """

    def __init__(
        self, settings, port, *, machine="i386", heap="128k", options=(), folder=None, native=True,
        log=None, lines=None, limit_s=60, optimise=3, pki=None, keylog=None, fresh=True,
        entry="main", fds=(),
    ):  # fmt: skip
        self._temporary = None
        if folder is None:
            self._temporary = folder = tempfile.mkdtemp(prefix="uevcc-vm-")
            build(folder, machine, native, optimise)
        self.folder = Path(folder)
        self.counts = Counter()
        self.bytes = Counter()
        self.modules = {}
        self.mounts = ""
        self.heap = 0  # bytes of the live heap at its largest
        self.heap_at = ""
        self.summary = None
        self.tail = []
        self.limit_s = limit_s
        self._lines, self._keylog = lines, keylog
        self._buffer = b""
        self._errors = b""
        if fresh:
            for name in ("store", "log"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
        for name, text in zip(("settings.toml", "bench.toml"), files(settings), strict=True):
            (self.folder / name).write_text(text)
        if pki is not None:
            shutil.rmtree(self.folder / "pki", ignore_errors=True)
            shutil.copytree(pki, self.folder / "pki", ignore=_not_the_cars)
        arguments = [port, *options]
        if keylog is not None:
            arguments.append("keylog")
        if machine in vm.ARCH:
            command = vm.command("-m", machine=machine, heap=heap, log=log)
        else:
            command = [str(machine), "-X", f"heapsize={heap}", "-m"]
        # Relative paths only: the run does not depend on where the repository lies.
        self.process = subprocess.Popen(
            [*command, entry, *arguments],
            cwd=self.folder,
            env={"LC_ALL": "C", "MICROPYPATH": "."},
            pass_fds=fds,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._in = self.process.stdin.fileno()
        self._out = self.process.stdout.fileno()
        self._err = self.process.stderr.fileno()
        os.set_blocking(self._err, False)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)

    # ---- messages ----------------------------------------------------------------------------

    def request(self):
        """(kind, bytes out, length of the answer) of the next message. Raises Ended."""
        while True:
            have = self._buffer
            if len(have) >= 5:
                n = have[1] | have[2] << 8
                kind = chr(have[0])
                if kind not in NAMES:
                    self._end(f"it printed {have[:60]!r} on the border")
                if len(have) >= 5 + n:
                    self._buffer = have[5 + n :]
                    self.counts[kind] += 1
                    self.bytes[kind] += n + (have[3] | have[4] << 8)
                    return kind, have[5 : 5 + n], have[3] | have[4] << 8
            self._fill()

    def answer(self, data):
        try:
            os.write(self._in, data)
        except OSError:
            self._end("it closed the border")

    def _fill(self):
        ready = self._poll.poll(self.limit_s * 1000)
        if not ready:
            self._end(f"no message for {self.limit_s} s")
        for file, _ in ready:
            if file == self._err:
                self.errors()
        if any(file == self._out for file, _ in ready):
            data = os.read(self._out, 65536)
            if not data:
                self._end("it ended")
            self._buffer += data

    def errors(self):
        """Take in what has come on standard error."""
        try:
            data = os.read(self._err, 65536)
        except BlockingIOError:
            return
        if not data:
            try:
                self._poll.unregister(self._err)
            except KeyError:
                pass
            return
        *lines, self._errors = (self._errors + data).split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace"))

    def _line(self, line):
        kind, _, text = line.partition(" ")
        if kind == "=":
            self.summary = json.loads(text)
        elif kind == "M":
            name, _, file = text.partition(" ")
            self.modules[name] = file
        elif kind == "V":
            self.mounts = text
        elif kind == "K":
            if self._keylog:
                self._keylog(text)
        elif kind == "H":
            size, _, self.heap_at = text.partition(" ")
            self.heap = int(size)
        else:
            self.tail = [*self.tail[-30:], line]
            if self._lines:
                self._lines(line)

    def _end(self, text):
        try:
            self.process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for _ in range(20):
            self.errors()
        trace = [line for line in self.tail if not line.startswith("L ")]
        more = ": " + " | ".join(trace[-4:]) if trace else ""
        raise Ended(f"MicroPython: {text}{more}", self.process.returncode)

    def close(self, wait_s=0):
        """End the process, remove its folder. `wait_s`: let it end by itself first."""
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:
                pass
        try:
            self.process.wait(timeout=wait_s or 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None
