# SPDX-License-Identifier: MIT
"""The only file that asks which Python runs: const, logging, and dropping code from memory.

Time does not live here: every core gets `now`, a non-wrapping count of milliseconds, from its
caller.
"""

import gc
import sys

try:
    from micropython import const
except ImportError:  # CPython, CircuitPython without the module

    def const(value):
        return value


_SMALL = sys.implementation.name != "cpython"


class Settings:
    """The settings as attributes, without the table that they were checked against."""


def forget(*names):
    """Drop modules (with their submodules) that are not needed for now; a later import is fresh.

    Where code is loaded into RAM this is how a session fits. Does nothing on CPython.
    """
    if not _SMALL:
        return
    for name in list(sys.modules):
        for wanted in names:
            if name == wanted or name.startswith(wanted + "."):
                del sys.modules[name]
                parent, _, child = name.rpartition(".")
                parent = sys.modules.get(parent)
                if parent and hasattr(parent, child):
                    delattr(parent, child)
    gc.collect()


def free():
    """Bytes of heap that are free now, garbage collected; None on a machine that has plenty."""
    if not _SMALL:
        return None
    gc.collect()
    return gc.mem_free()


def collect():
    """Collect garbage now, at a quiet point, so that it need not happen at a busy one."""
    if _SMALL:
        gc.collect()


def parse_mac(text):
    """6 bytes of "02:00:00:0e:0e:01". Raises ValueError; a multicast address is none for us."""
    mac = bytes([int(part, 16) for part in text.split(":")])
    if len(mac) != 6 or mac[0] & 1 or mac == bytes(6):
        raise ValueError("no unicast Ethernet address")
    return mac


_DEBUG = const(10)
_INFO = const(20)
_WARNING = const(30)
_ERROR = const(40)

try:
    from logging import getLogger as get_logger
except ImportError:

    class _Logger:
        """The part of micropython-lib's logging that we use: to `sink(level, name, text)`."""

        level = _INFO
        sink = None

        def __init__(self, name):
            self.name = name

        def log(self, level, text, *args):
            if _Logger.sink is not None and level >= _Logger.level:
                _Logger.sink(level, self.name, text % args if args else text)

        def debug(self, text, *args):
            self.log(_DEBUG, text, *args)

        def info(self, text, *args):
            self.log(_INFO, text, *args)

        def warning(self, text, *args):
            self.log(_WARNING, text, *args)

        def error(self, text, *args):
            self.log(_ERROR, text, *args)

    _loggers = {}

    def get_logger(name):
        if name not in _loggers:
            _loggers[name] = _Logger(name)
        return _loggers[name]
