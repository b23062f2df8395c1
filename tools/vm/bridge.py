# SPDX-License-Identifier: MIT
"""The device part in a MicroPython process, served from outside over its border.

`VmDevice` is a part of the emulated world: it hands SPI transfers to the emulated modem, samples
and pins to the emulated board, and lets the VM run until it sleeps; simulated time stands still
meanwhile. `run_frames` serves raw frames at the wall clock instead. Every message is counted by
its kind, nothing is decoded, and every wait has a limit. See device/border.py for the messages.
"""

import json
import os
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from evcc import params_board, params_ems, ports
from evcc.params import BENCH, TABLE

from tools import vm

DEVICE = Path(__file__).with_name("device")
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
_PEAK_MV = {65: 12000, 66: 9000, 67: 6000, 68: 3000, 69: 0, 70: -12000}  # pilot state's
_MODULES = ("evcc", "drivers")


class Ended(Exception):
    """The VM process is over; `text` says how, `status` its exit status."""

    def __init__(self, text, status):
        Exception.__init__(self, text)
        self.status = status


def settings_text(params, but=()):
    """A settings file: all that differs from the defaults, except the names in `but`."""
    lines = []
    for row in TABLE + params_board.TABLE + params_ems.TABLE:
        name, default = row[0], row[1]
        value = getattr(params, name, default)
        if value != default and name not in but:
            if isinstance(value, bool):
                text = "true" if value else "false"
            else:
                text = f'"{value}"' if isinstance(value, str) else repr(value)
            lines.append(f"{name} = {text}\n")
    return "".join(lines)


def files(text):
    """(settings.toml, bench.toml) of a settings text, as the device wants them: each in its file,
    ended; without other words the vehicle is simulated and there is no log.
    """
    bench = tuple(f"{name} = " for name, _ in BENCH)
    lines = text.splitlines(keepends=True)
    if not any(line.startswith("vehicle = ") for line in lines):
        lines.append('vehicle = "sim"\n')
    if not any(line.startswith("log_kB = ") for line in lines):
        lines.append("log_kB = 0\n")
    kept = "".join(line for line in lines if not line.startswith(bench))
    return kept + "# end\n", "".join(li for li in lines if li.startswith(bench)) + "# end\n"


def _not_the_cars(folder, names):
    """What of a PKI folder does not belong into the car: other people's keys."""
    return [name for name in names if name.startswith(("secc", "ca_keys", "cps", "ocsp"))]


def build(folder, machine="i386", native=True, optimise=3):
    """Compile all device code and the device's border into `folder`; {module: .mpy bytes}.

    A program of the user's own (a path for machine) gets no native code: its machine is unknown.
    """
    arch = vm.ARCH.get(machine) if native else None
    made = vm.build_mpy(_MODULES, folder, arch, optimise)
    for source in sorted(DEVICE.glob("*.py")):
        target = Path(folder) / source.with_suffix(".mpy").name
        vm._cross(source, target, source.stem, None, optimise)
    return made


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


def run_frames(
    link, params, *, machine, heap=None, loops=None, limit_s=300, lines=None, trace=None, log=20
):
    """One session with the device in MicroPython on a raw link, by the wall clock.

    link: frame port with `fileno()`; with TLS the device gets a copy of the folder pki_dir. heap:
    192k, with TLS 256k. trace: object with `frame(out, frame, now)`. Returns the
    summary, with "messages" by kind. Raises Ended or tools.vm.VMError.
    """
    begin = time.monotonic()
    start_unix = int(time.time())

    def clock():
        return int((time.monotonic() - begin) * 1000)

    options = [f"unix={start_unix}", f"log={log}"]
    if loops:
        options.append(f"loops={loops}")
    pki = params.pki_dir if params.sdp_tls and Path(params.pki_dir).is_dir() else None
    heap = heap or ("256k" if pki else "192k")
    process = Process(
        settings_text(params, ("pki_dir",)), "frames", machine=machine,
        heap=heap, options=options, lines=lines, limit_s=30, pki=pki,
    )  # fmt: skip
    frame = b""
    try:
        while process.summary is None:
            kind, out, _ = process.request()
            if kind == "C":
                process.answer(struct.pack("<I", clock()))
            elif kind == "S":
                process.errors()
                wait = struct.unpack("<I", out)[0] - clock()
                if wait > 0:
                    select.select([link.fileno()], [], [], wait / 1000)
                if clock() > limit_s * 1000:
                    raise Ended(f"no end of the session after {limit_s} s", None)
                process.answer(struct.pack("<I", clock()))
            elif kind == "L":
                link.poll(clock())
                process.answer(bytes((bool(link.ready), link.restarts & 255)))
            elif kind == "G":
                got = link.receive()
                frame = b"" if got is None else bytes(got)
                if trace and frame:
                    trace.frame(False, frame, clock())
                process.answer(struct.pack("<H", len(frame)))
            elif kind == "g":
                process.answer(frame)
            elif kind == "F":
                if trace:
                    trace.frame(True, out, clock())
                process.answer(b"\1" if link.send(out) else b"\0")
            elif kind == "O":
                pass  # the safe levels at boot: there are no pins
            else:
                process._end(f"message {kind!r} has no place on this border")
        return dict(process.summary, messages={NAMES[k]: n for k, n in process.counts.items()})
    finally:
        process.close()
