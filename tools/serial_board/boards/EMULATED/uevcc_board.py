# SPDX-License-Identifier: MIT
"""The board that `tools.serial_board` emulates: modem, pins and clock behind its border.

It differs from `tools/vm/device/uevcc_board.py` in its terminal, which is the real standard input.
Without a world behind it (no border) it cannot be built, and says so.
"""

try:
    from border import Board, Border

    border = Border()
except ImportError:
    border = None

NAME = "EMULATED"
PINS = {}


def safe():
    """S2, contactors: as after power-on."""
    if border:
        for pin in (0, 1):
            border.drive(pin, False)


class Parts:
    """See the boards' page."""

    can = led = timer = reset_cause = None

    def __init__(self):
        from os import urandom

        from drivers.qca7000 import Qca7000
        from drivers.terminal import terminal

        self.clock = border.clock
        self.port = Qca7000(border, irq=border.irq, reset=border.reset)
        self.board = Board(border)
        self.terminal = terminal()
        self.urandom = urandom
        self.unix = 1767225600 + border.clock() // 1000

    def idle(self, ms):
        border.sleep_until(border.clock() + ms)


def build(settings):
    if border is None:
        raise OSError("no hardware behind this board: start it with a world")
    return Parts()
