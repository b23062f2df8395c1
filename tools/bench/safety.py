# SPDX-License-Identifier: MIT
"""Safety: instructions of one tick, the board's own sampling taken off; size of its modules.

The tick has to fit into a timer interrupt every 20 ms beside all else: the goal is 2 % of the time
of an RP2350 at 150 MHz, which needs about one cycle for an instruction of this kind.
"""

import tempfile

from tools.vm import build_mpy, instructions

MODULES = ("evcc/__init__.py", "evcc/compat.py", "evcc/ports.py", "evcc/reasons.py")
SAFETY = ("evcc/safety.py", "evcc/safety_tick.py")
MORE = ("evcc/safety_ac.py", "evcc/vehicle.py")
_GOAL = "<= 60000"

_SETUP = """
from evcc import ports
from evcc.safety import Safety
from evcc.vehicle import Limits, Measured
from array import array
class Board:
    see = array("i", (66, 50, 0, 0, 0, 0, 250, 1))
    def sample(self, raw):
        raw[0], raw[1], raw[2], raw[3], raw[4], raw[5], raw[6], raw[7] = self.see
    def set_state_c(self, on):
        self.see[0] = 67 if on else 66
    def contactors(self, on):
        self.see[4] = 1 if on else 0
    def lock(self, on):
        self.see[5] = 1 if on else 0
    def watchdog(self):
        pass
class Vehicle:
    lim, m = Limits(), Measured()
    def limits(self): return self.lim
    def measured(self): return self.m
    def notify(self, event): pass
    def fault(self): return None
class P:
    inlet_max_C, precharge_tolerance_V = 90.0, 20.0
Vehicle.lim.charge_current, Vehicle.lim.max_voltage = 100.0, 450.0
Vehicle.m.pack_voltage, Vehicle.m.current = 400.0, 0.0
board, raw = Board(), ports.new()
s = Safety(board, Vehicle(), P)
now = 0
def run(n):
    global now
    for _ in range(n):
        now += 20
        s.tick(now)
        s.poll()
run(3)
"""
_CLOSED = """
s.lock(); run(3); s.ready(); run(2); board.see[2] = 400_000; run(2); s.close(); run(5)
assert s.state == "closed"
board.see[3] = 90_000
"""
_UNLOCK = "s.unlock(); board.see[2] = 70_000; board.see[5] = 1"


def rows():
    with tempfile.TemporaryDirectory() as folder:
        build_mpy(MODULES + MORE, folder)
        size = sum(map(len, build_mpy(SAFETY, folder).values()))
        yield dict(name="safety and its tick .mpy", value=size, unit="B", goal=None)
        border = instructions(_SETUP, "board.sample(raw)", path=[folder])
        for name, setup in (
            ("tick, contactors open", _UNLOCK),
            ("tick, contactors closed", _CLOSED),
            ("tick, contactors closed and a limit passed", _CLOSED + "board.see[3] = 900_000"),
        ):
            count = instructions(_SETUP + setup, "s.tick(now)", path=[folder])
            yield dict(name=name, value=count - border, unit="instructions", goal=_GOAL)
        count = instructions(_SETUP + _CLOSED, "s.poll()", path=[folder])
        yield dict(
            name="poll, contactors closed", value=count, unit="instructions", goal=None,
        )  # fmt: skip
