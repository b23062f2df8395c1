# SPDX-License-Identifier: MIT
"""The way to a board: mpremote's own transport, entered with care, and words for what goes wrong.

A board that is not at rest does not open its raw REPL (evcc.console says why on the same line);
what it says is what a person is told. One whose watchdog a plug has armed, and that cannot stop
it, resets its chip first and then gives the REPL: it is waited for. Only mpremote's library is
used for the bytes: raw REPL, raw paste, files, hashes.
"""

import ast
import errno
import os
import time
from pathlib import Path

from . import FlashError

_ENTER_S = 4
_BACK_S = 6  # for a chip that resets itself
_RESETS = b"resetting, then the REPL is yours"
# At the prompt of a device whose loop has ended. Only its refusal counts: broken code is flashed.
_GATE = "import sys\nif 'evcc.device' in sys.modules:\n from evcc.repl import gate\n gate()"
_GO_ON = b"import evcc.device; evcc.device.current and evcc.device.go(evcc.device.current)\r"
_REPL = b"raw REPL; CTRL-B to exit\r\n"


def find(port):
    """The serial port to use. Raises FlashError when there is none, or more than one."""
    if port:
        return port
    from serial.tools import list_ports

    found = [one for one in sorted(list_ports.comports()) if one.vid is not None]
    if not found:
        raise FlashError(
            "no board found on USB: plug it in, or name its port with PORT=... "
            "(a board without MicroPython needs that first: see its page under boards/)"
        )
    if len(found) > 1:
        names = "\n".join(f"  PORT={one.device}  {one.description}" for one in found)
        raise FlashError(f"several serial ports, which one is the board?\n{names}")
    return found[0].device


def check_port(port):
    """In words, why this port will not open."""
    if not os.path.exists(port):
        raise FlashError(f"{port}: no such port; is the board plugged in?")
    import serial

    try:
        serial.Serial(port, exclusive=True).close()
    except OSError as error:
        if error.errno == errno.EACCES:
            raise FlashError(
                f"{port}: not allowed to open it; on Debian: usermod -a -G dialout $USER"
            ) from None
        if error.errno in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
            raise FlashError(
                f"{port}: another program has it open; leave its REPL or terminal first"
            ) from None
        raise FlashError(f"{port}: {error}") from None


class Gone(FlashError):
    """The connection was lost in the middle: cable, power, a watchdog that cannot be stopped."""


class Link:
    """An open port with the board in its raw REPL.

    reset: after a soft reset, so that boot.py ran and main.py did not; without it the device that
    ran lies still in memory, and `close` lets it go on (one that had to reset its chip: anew).
    `implementation`: name, version, build, machine, arch (of native code, or None).
    Raises FlashError; a port that goes away later raises Gone.
    """

    def __init__(self, port, reset=True):
        self.port, self.reset = port, reset
        self._heard, self._anew = b"", False
        try:
            self._open()
        except Gone:
            # Nothing was done yet. Its port may be the chip's own, which has reset itself.
            if not back(port, _BACK_S):
                raise
            self._anew = True
            self._open()
        self.implementation = self._implementation()

    def _open(self):
        from mpremote.transport import TransportError
        from mpremote.transport_serial import SerialTransport

        check_port(self.port)
        try:
            self.transport = SerialTransport(self.port, timeout=5)
        except TransportError as error:
            raise FlashError(f"{self.port}: {error}") from None
        try:
            self._enter()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        if self.transport is None:
            return
        transport, self.transport = self.transport, None
        try:
            if transport.in_raw_repl:
                transport.exit_raw_repl()
                if not self.reset:
                    transport.serial.write(b"\x04" if self._anew else _GO_ON)
                transport.serial.flush()
        except OSError:
            pass
        try:
            transport.close()
        except OSError:
            pass

    # ---- getting in -------------------------------------------------------------------------

    def _enter(self):
        """Ctrl-C, Ctrl-A, Ctrl-D, as mpremote does; what the board answers instead is told."""
        try:
            for _ in range(2):
                self._write(b"\r\x03")
                got = self._read(0.2)
                if _RESETS in got:
                    self._anew = True
                    if not got.endswith(b">>> "):
                        self._read(_BACK_S, lambda data: data.endswith(b">>> "))
                self._write(b"\r\x01")
                got = self._read(_ENTER_S, lambda data: data.endswith(_REPL) or _refused(data))
                if got.endswith(_REPL) or _refused(got):
                    break
            if not got.endswith(_REPL):
                raise FlashError(self.port + ": " + refusal(self._heard))
            self.transport.in_raw_repl = True
            if self.reset:
                self._gate()
                self._read(1, lambda data: data.endswith(b">"))
                self._write(b"\x04")
                got = self._read(10, lambda data: data.endswith(_REPL))
                if not got.endswith(_REPL):
                    raise FlashError(f"{self.port}: no soft reset: {_text(got) or 'no answer'}")
        except OSError as error:
            raise self.gone(error) from None

    def _gate(self):
        """Nobody is asked who is at the prompt; but a plug may have come since."""
        from mpremote.transport import TransportError, TransportExecError

        try:
            self.transport.exec(_GATE)
        except TransportExecError as error:
            last = error.error_output.strip().splitlines()[-1:]
            if last and last[0].startswith("RuntimeError"):
                text = last[0].partition(": ")[2]
                raise FlashError(f"{self.port}: refused: {text}") from None
        except TransportError as error:
            raise self.gone(error) from None

    def _write(self, data):
        self.transport.serial.write(data)

    def _read(self, seconds, enough=lambda data: False):
        serial, data = self.transport.serial, b""
        ends = time.monotonic() + seconds
        try:
            while time.monotonic() < ends and not enough(data):
                if serial.in_waiting:
                    data += serial.read(1)
                else:
                    time.sleep(0.005)
        finally:
            self._heard += data
        return data

    def _implementation(self):
        name, version, build, machine, mpy, root = self.eval(
            "(sys.implementation.name, tuple(sys.implementation.version), "
            "getattr(sys.implementation, '_build', ''), "
            "getattr(sys.implementation, '_machine', ''), "
            "getattr(sys.implementation, '_mpy', 0), os.getcwd())",
            "import sys, os",
        )
        from .image import NUMBERS

        number = mpy >> 10 & 31
        self.root = root if root.endswith("/") else root + "/"
        return {
            "name": name,
            "version": tuple(part for part in version if isinstance(part, int)),
            "build": build,
            "machine": machine,
            "arch": NUMBERS[number] if number < len(NUMBERS) else f"number {number}",
        }

    # ---- what is done there -----------------------------------------------------------------

    def exec(self, code):
        """Run code there; its output as text. Raises FlashError, and the board's OSError."""
        from mpremote.transport import (
            TransportError,
            TransportExecError,
            _convert_filesystem_error,
        )

        try:
            return self.transport.exec(code).decode()
        except TransportExecError as error:
            found = _convert_filesystem_error(error, code[:60])
            if isinstance(found, OSError):
                raise found from None
            last = error.error_output.strip().splitlines()[-1:]
            raise FlashError(f"{self.port}: the board says {' '.join(last)}") from None
        except (TransportError, OSError, TypeError, IndexError, ValueError) as error:
            raise self.gone(error) from None
        except Exception as error:  # struct.error: half an answer
            raise self.gone(error) from None

    def eval(self, expression, before=""):
        return ast.literal_eval(self.exec(f"{before}\nprint(repr({expression}))").strip())

    def put(self, path, data, progress=lambda n: None):
        """Write a file whole or not at all: under another name, then renamed."""
        new = path + ".new"
        self.exec(f"f=open({new!r},'wb')\nw=f.write")
        for at in range(0, len(data), 512):
            part = bytes(data[at : at + 512])
            self.exec(f"w({part!r})")
            progress(len(part))
        self.exec("f.close()")
        # FAT does not replace a file by renaming
        self.exec(
            f"import os\ntry:\n os.rename({new!r},{path!r})\n"
            f"except OSError:\n os.remove({path!r})\n os.rename({new!r},{path!r})"
        )

    def gone(self, error):
        return Gone(f"{self.port}: the connection is lost ({error or 'no answer'})")

    def start(self, seconds=2):
        """Soft reset with main.py; what it says in that time."""
        try:
            self.transport.exit_raw_repl()
            self._read(0.5, lambda data: data.endswith(b">>> "))
            self._write(b"\x04")
            return _text(self._read(seconds))
        except OSError as error:
            raise self.gone(error) from None


def _text(data):
    return " ".join(data.decode(errors="replace").replace("\x04", "").split())


def _refused(heard):
    """Has the device said no, and is at its prompt again?"""
    return b"refused" in heard and heard.endswith(b"uEVCC> ")


def refusal(heard):
    """Why the raw REPL did not open, from what the board said."""
    lines = [line.strip() for line in heard.decode(errors="replace").splitlines()]
    told = [line for line in lines if "refused" in line or "plugged in" in line]
    if told:
        return "the device says: " + told[-1].lstrip("> ")
    if b"Adafruit CircuitPython" in heard:
        return "this is CircuitPython: give the path of its drive, PORT=/media/.../CIRCUITPY"
    if not heard.strip():
        return (
            "nothing answers: no MicroPython on it, or the wrong port; with service_mode = false "
            "in its settings the device stays silent too"
        )
    lines = [line for line in lines if line]
    return f"no raw REPL, so this is no MicroPython that waits for us; it says: {lines[-1][:80]!r}"


def is_drive(port):
    return bool(port) and Path(port).is_dir()


def back(port, seconds):
    """Does the port appear (again) within that time?"""
    ends = time.monotonic() + seconds
    time.sleep(min(1, seconds))
    while not os.path.exists(port):
        if time.monotonic() > ends:
            return False
        time.sleep(0.1)
    return True
