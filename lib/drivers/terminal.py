# SPDX-License-Identifier: MIT
"""The terminal of a board (USB or UART), read without waiting: MicroPython, CircuitPython, Linux.

`read()` gives one byte or None, `write(text)`, `interrupt(on)` switches Ctrl-C: False where the
port has no such switch (CircuitPython; there KeyboardInterrupt arrives and the loop takes it).
`reset()` starts the interpreter anew. No line editing: see evcc.console. One file for each Python.
"""

import sys


def terminal():
    """The one of this Python."""
    name = sys.implementation.name
    if name == "micropython":
        from drivers.terminal_micropython import Polled as Terminal
    elif name == "circuitpython":
        from drivers.terminal_circuitpython import Supervised as Terminal
    else:
        from drivers.terminal_posix import Posix as Terminal
    return Terminal()
