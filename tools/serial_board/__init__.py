# SPDX-License-Identifier: MIT
"""A board behind a serial port, without a board: MicroPython with flash, terminal and resets.

    with SerialBoard(folder) as board:
        subprocess.run(["mpremote", "connect", board.port, "fs", "ls"])

`board.port` is a pseudo-terminal that mpremote, or a person, opens. The root file system is a
littlefs in `folder`/flash.bin, which stays as flash does; killing the process is a cut of power.
A soft reset is a fresh process, and the emulated hardware keeps its levels meanwhile; after any
other start they have fallen. With a world (`tools.serial_board.world`) the firmware has a modem,
pins, a clock and a watchdog. See README.md for limits.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
from pathlib import Path

from tools import vm

from .cable import Cable

DEVICE = Path(__file__).with_name("device")
_BORDER = Path(vm.__file__).with_name("device") / "border.py"
BLOCK = 4096
OWN_KB = 16  # of the heap, for the loop that stands for a port's C code
_SOFT, _SOFT_RAW, _HARD = 201, 202, 203
_USB_S = 0.3


class BoardError(Exception):
    """The emulated board could not be started, or has died; the text says how."""


class SerialBoard:
    """One board: power, reset, cable.

    folder: where flash.bin and rom.bin lie (None: a temporary one). flash_kB, rom_kB: their sizes
    (rom 0: a board without ROM partition). heap_kB: of the firmware. with_border: files for an
    emulated hardware exist (`border()`); without them `import border` fails on the board.
    plugged: is the cable there from the start? usb: the port is the chip's own, and gone for a
    moment when the chip resets. sticky: its watchdog cannot be stopped, as an ESP32's or STM32's.
    """

    def __init__(
        self, folder=None, *, flash_kB=1024, rom_kB=0, heap_kB=256, with_border=False,
        plugged=True, usb=False, sticky=False,
    ):  # fmt: skip
        if text := vm.missing("i386"):
            raise BoardError(text)
        self._temporary = None
        if folder is None:
            self._temporary = folder = tempfile.mkdtemp(prefix="uevcc-board-")
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.flash_kB, self.rom_kB, self.heap_kB = flash_kB, rom_kB, heap_kB
        self.with_border = with_border
        self.usb, self.sticky = usb, sticky
        for name, size in (("flash.bin", flash_kB), ("rom.bin", rom_kB)):
            file = self.folder / name
            if size and not file.exists():
                file.write_bytes(b"\xff" * (size * 1024))
        self._code = self.folder / "code"
        self._build()
        # why each process was started: "power", "soft", "reset", "watchdog"
        self.starts = []
        self.on_start = None  # called with that word, in the supervisor's thread
        self.errors = b""  # what the process wrote to standard error
        self._lock = threading.Condition()
        self._process = None
        self._border = None
        self._power = self._bitten = False
        self._thread = None
        self._inner, self._terminal = os.openpty()
        tty.setraw(self._terminal)  # no echo before MicroPython has it
        self.cable = Cable(self._inner, self.folder / "port")
        if plugged:
            self.cable.plug()
        self.power_on()

    @property
    def port(self):
        """Path of the serial port, None while the cable is out."""
        return self.cable.port

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    # ---- power ------------------------------------------------------------------------------

    def power_on(self):
        """Start from nothing, unless it runs."""
        with self._lock:
            if self._power:
                return
            self._power = True
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()
        with self._lock:
            self._lock.wait_for(lambda: self._process or not self._power, 10)

    def power_off(self):
        """Cut the power at this very instant: nothing of the process is left."""
        with self._lock:
            self._power = False
            process = self._process
        if process:
            process.kill()
        if self._thread:
            self._thread.join(10)
        termios.tcflush(self._terminal, termios.TCIOFLUSH)
        self.cable.drop()

    def bite(self):
        """Its watchdog resets the chip, at this very instant."""
        with self._lock:
            self._bitten = True
            if self._process:
                self._process.kill()

    def close(self):
        self.power_off()
        self.cable.close()
        os.close(self._terminal)
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    @property
    def powered(self):
        """False after power_off, and when the process has died by itself."""
        return self._power

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    # ---- border -----------------------------------------------------------------------------

    def border(self, timeout=10):
        """(generation, file to read, file to write) of the process that runs; None without one."""
        with self._lock:
            if not self._lock.wait_for(lambda: self._border or not self._power, timeout):
                return None
            return self._border

    @contextlib.contextmanager
    def same(self, border):
        """While in it the files of `border` stay open; False if they are no longer."""
        with self._lock:
            yield self._border is border

    # ---- inside -----------------------------------------------------------------------------

    def _build(self):
        self._code.mkdir(exist_ok=True)
        sources = sorted(DEVICE.glob("*.py"))
        if self.with_border:
            sources.append(_BORDER)
        for source in sources:
            target = self._code / source.with_suffix(".mpy").name
            vm._cross(source, target, source.stem, None, 3)

    def _supervise(self):
        why, mode = "power", "friendly"
        while self._power:
            status = self._run(why, mode)
            if not self._power:
                break
            if self._bitten or status == _HARD:
                why, mode = "watchdog" if self._bitten else "reset", "friendly"
                self._bitten = False
                if self.usb and self.cable.port:
                    self.cable.pull()
                    time.sleep(_USB_S)
                    self.cable.plug()
            elif status in (_SOFT, _SOFT_RAW):
                why, mode = "soft", "raw" if status == _SOFT_RAW else "friendly"
            else:
                self.errors += b"\nended with status %d" % status
                with self._lock:
                    self._power = False
                break
        with self._lock:
            self._process = self._border = None
            self._lock.notify_all()

    def _run(self, why, mode):
        """One process, from its start to its end; its exit status."""
        numbers, ours, theirs = (-1, -1), (), ()
        if self.with_border:
            into, to_device = os.pipe()
            from_device, out = os.pipe()
            numbers, ours, theirs = (into, out), (from_device, to_device), (into, out)
        arguments = [
            self.folder / "flash.bin", self.flash_kB * 1024 // BLOCK,
            self.folder / "rom.bin" if self.rom_kB else "-", self.rom_kB * 1024, *numbers, mode,
            why, "sticky" if self.sticky else "stoppable",
        ]  # fmt: skip
        command = vm.command(
            "-m", machine="i386", heap=f"{self.heap_kB + OWN_KB}k",
            arguments=("serial_boot", *arguments),
        )  # fmt: skip
        # The process before may have left Ctrl-C on: it would end the new one, which has no
        # handler for it yet.
        tty.setraw(self._terminal, termios.TCSANOW)
        self.starts.append(why)  # before it can say a word
        process = subprocess.Popen(
            command,
            cwd=self._code,
            env={"LC_ALL": "C", "MICROPYPATH": "."},
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=subprocess.PIPE,
            pass_fds=theirs,
            start_new_session=True,
            # the terminal's Ctrl-C goes to the process whose terminal it is
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 1),
        )
        for number in theirs:
            os.close(number)
        with self._lock:
            self._process = process
            self._border = (len(self.starts), *ours) if ours else None
            self._lock.notify_all()
            if not self._power or self._bitten:  # while it was being started
                process.kill()
        if self.on_start:
            self.on_start(why)
        try:
            self.errors = (self.errors + process.stderr.read())[-4000:]
            status = process.wait()
        finally:
            process.stderr.close()
            with self._lock:
                self._border = None
            self._closing(ours)
        return status

    def _closing(self, numbers):
        """The files of the border; the world may be reading one of them."""
        for number in numbers:
            os.close(number)


def mpremote(port, *words, timeout=60):
    """Real mpremote on `port`; the CompletedProcess (text). Words as on its command line."""
    return subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def wait(predicate, seconds=10, step=0.01):
    """Ask until it is true, by the wall clock; returns whether it became so."""
    ends = time.monotonic() + seconds
    while not (done := predicate()) and time.monotonic() < ends:
        time.sleep(step)
    return done
