# SPDX-License-Identifier: MIT
"""The emulated board: what a board's folder supplies, with everything behind the border.

`more`: what main.py was told (see there); without it a board with a modem on SPI, the system's
random numbers and no clock.
"""

import sys

from border import Board, Border

NAME = "emulated"
PINS = {}
ROOT = ""  # the folder that the VM runs in
border = Border()
more = {"port": "spi"}


def safe():
    """S2, contactors and lock: as after power-on."""
    for pin in (0, 1):
        border.drive(pin, False)


class Parts:
    """See the boards' page."""

    can = led = timer = reset_cause = None

    def __init__(self, settings):
        self.clock = border.clock
        self.slac = more["port"] == "spi"
        if self.slac:
            self.port = _modem()
            self.board = Board(border)
            if "timer" in more:
                import interrupt

                self.board = interrupt.Board(border, more["timer"])
                self.timer = self.board.start
        else:
            from evcc.bench_board import BenchBoard
            from frames import FramePort

            self.port = FramePort(border)
            self.board = BenchBoard(border.clock)
        small = sys.implementation.name == "circuitpython"  # with a supervisor
        if Border.files is None and not small:  # standard input and output are the border
            self.terminal = None
            if "terminal" in more:
                from terminal import Terminal

                self.terminal = Terminal(border)
        self.speed = float(more.get("speed", 1))
        unix = more.get("unix")
        self.unix = None if unix is None else int(unix) + border.clock() // 1000
        if "reset" in more:
            self.reset_cause = more["reset"]
        if "seed" in more:
            from aids import seeded

            self.urandom = seeded(more["seed"].encode())
        else:
            from os import urandom

            self.urandom = urandom

    def idle(self, ms):
        border.sleep_until(border.clock() + ms)


def _modem():
    """The driver on its bus: of MicroPython, or on the API of CircuitPython."""
    from drivers.qca7000 import Qca7000

    if sys.implementation.name != "circuitpython":
        return Qca7000(border, irq=border.irq, reset=border.reset)
    from circuit_modem import modem

    return modem()


def build(settings):
    return Parts(settings)
