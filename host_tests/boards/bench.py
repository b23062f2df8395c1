# SPDX-License-Identifier: MIT
"""One board of boards/ on the fake of its API: safe(), build(), and the controller on it."""

import sys

from drivers import assemble_circuitpython, assemble_machine
from evcc.params import Params

from host_tests.boards import fake_circuitpython, fake_machine
from host_tests.boards.wiring import Wiring
from tools.boards import load


class Bench:
    """`monkeypatch` of pytest puts the fakes in place; `settings`: over the defaults."""

    def __init__(self, monkeypatch, name, noise=0.0, bitten=False, wiring=None, **settings):
        self.board = load(name)
        self.wiring = wiring or Wiring(self.board.module.PINS, noise)
        self.world = self.wiring.world
        if self.board.about["api"] == "machine":
            cause = fake_machine.WDT_RESET if bitten else fake_machine.PWRON_RESET
            self.modules = fake_machine.modules(self.board, self.wiring, cause)
            monkeypatch.setattr(assemble_machine, "time", fake_machine.fake_time(self.wiring))
        else:
            self.modules = fake_circuitpython.modules(self.board, self.wiring, bitten)
            time = fake_circuitpython.fake_time(self.wiring)
            monkeypatch.setattr(assemble_circuitpython, "time", time)
        for key, module in self.modules.items():
            monkeypatch.setitem(sys.modules, key, module)
        self.params = Params()
        for key, value in settings.items():
            self.params.set(key, value)
        self.parts = None

    def start(self):
        self.board.module.safe()
        self.parts = self.board.module.build(self.params)
        return self.parts

    def controller(self):
        """What firmware's main.py does, with a simulated vehicle."""
        from evcc.controller import Controller
        from evcc.sim_vehicle import SimVehicle

        parts = self.parts or self.start()
        vehicle = SimVehicle(parts.board, self.params)
        return Controller(
            parts.port,
            parts.board,
            vehicle,
            self.params,
            self.world.urandom_for("device"),
            reset=parts.reset_cause,
            timer=parts.timer,
        )
