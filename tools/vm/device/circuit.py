# SPDX-License-Identifier: MIT
"""What CircuitPython lacks is taken away, what it has instead is put there; then main.py runs.

Runs in the VM before anything of ours: no `micropython`, `machine`, `asyncio`, `select`, threads,
ffi; `os` and `sys` with the names that CircuitPython has; `supervisor`, `digitalio`, `busio` and
`time` whose far end is the border. It is MicroPython's virtual machine all the same:
CircuitPython's own differences (its .mpy format, its memory, its USB) are not shown.
"""

import builtins
import sys

from border import Border

GONE = (
    "micropython machine asyncio uasyncio _thread ffi uctypes select vfs termios cryptolib tls "
    "ssl network bluetooth esp rp2 pyb"
).split()
OS = "listdir stat rename remove unlink mkdir rmdir chdir getcwd urandom sep uname sync".split()

_border = Border()
_real_import = builtins.__import__
refused = []  # what somebody wanted and did not get


def _import(name, *more):
    if name.split(".")[0] in GONE:
        refused.append(name)
        raise ImportError("no module named '%s'" % name)
    return _real_import(name, *more)


class Fake:
    """A module, or another object with attributes."""

    def __init__(self, **names):
        for name, value in names.items():
            setattr(self, name, value)


class Sys(Fake):
    def __getattr__(self, name):
        return getattr(sys, name)


class Stdin:
    byte = bytearray(2)
    have = None

    def waiting(self):
        if self.have is None:
            _border.ask(75, b"", self.byte)
            if self.byte[0]:
                self.have = self.byte[1]
        return 0 if self.have is None else 1

    def read(self, n):
        while not self.waiting():
            pass
        text, self.have = chr(self.have), None
        return text


class Stdout:
    def write(self, text):
        _border.ask(84, text.encode())


stdin = Stdin()


class Runtime:
    autoreload = True

    @property
    def serial_bytes_available(self):
        return stdin.waiting()


class DigitalInOut:
    """Pins of the modem by name; a pin is an input until it is told otherwise."""

    def __init__(self, pin):
        self._pin = pin
        self._out = False

    def switch_to_output(self, value=False):
        self._out = True
        self.value = value

    def switch_to_input(self, pull=None):
        self._out = False

    @property
    def value(self):
        if self._out:
            raise AttributeError("an output is not read here")
        return _border.irq()

    @value.setter
    def value(self, level):
        if not self._out:
            raise AttributeError("Cannot set value when direction is input.")
        if self._pin == "RST":
            _border.reset(not level)
        elif self._pin == "CS":
            _bus.select(level)


class SPI:
    """One chip-select period becomes one exchange over the border."""

    def __init__(self, clock=None, MOSI=None, MISO=None):  # noqa: N803
        global _bus
        _bus = self
        self._locked = False
        self._out = None

    def try_lock(self):
        if self._locked:
            return False
        self._locked = True
        return True

    def unlock(self):
        self._locked = False

    def configure(self, baudrate, polarity, phase):
        if (polarity, phase) != (1, 1) or not self._locked:
            raise RuntimeError("SPI mode 3 on a locked bus")

    def select(self, level):
        if level and self._out is not None:
            _border.exchange(self._out)
        self._out = None

    def write(self, data):
        self._out = bytes(data)

    def readinto(self, into):
        _border.exchange(self._out, into)
        self._out = None


def monotonic_ns():
    return _border.clock() * 1000000


def sleep(seconds):
    _border.sleep_until(_border.clock() + int(seconds * 1000))


_bus = None
_os = _real_import("os")
_time = _real_import("time")
small = Fake(**{name: getattr(_os, name) for name in OS if hasattr(_os, name)})
small.uname = small.sync = lambda: None
sys.modules.update(
    {
        "os": small,
        "sys": Sys(
            implementation=Fake(name="circuitpython", version=(9, 2, 0)),
            stdin=stdin,
            stdout=Stdout(),
        ),
        "supervisor": Fake(runtime=Runtime(), reload=lambda: sys.exit(4)),
        "digitalio": Fake(DigitalInOut=DigitalInOut),
        "busio": Fake(SPI=SPI),
        "board": Fake(QCA_CS="CS", QCA_INT="INT", QCA_RST="RST"),
        "time": Fake(monotonic_ns=monotonic_ns, sleep=sleep, time=lambda: 0),
    }
)
for name in GONE:
    sys.modules.pop(name, None)
builtins.__import__ = _import

import main  # noqa: E402, F401
