# SPDX-License-Identifier: MIT
"""A vehicle on a virtual CAN bus of python-can, with the example's battery at its other end."""

import itertools
from pathlib import Path

import can
from drivers.can_python import PythonCan
from evcc.params import Params
from evcc.vehicle_can import CanVehicle

from tools import ROOT
from tools.can import dbc
from tools.can.battery import Battery

EXAMPLE = Path(ROOT) / "tools" / "can" / "example.txt"
DATABASE = dbc.read(EXAMPLE.with_suffix(".dbc"))
_channels = itertools.count()
GOOD = {
    "ChargeVoltageLimit": 450.0,
    "ChargeCurrentLimit": 100.0,
    "DischargeCurrentLimit": 40.0,
    "DischargeVoltageLimit": 300.0,
    "ChargePowerLimit": 50.0,  # kW
    "DischargePowerLimit": 10.0,
    "SOC": 50.0,
    "Capacity": 60.0,
    "Fault": 0,
    "PackVoltage": 370.0,
    "PackCurrent": 0.0,
    "Temperature": 25,
}


class CanBus:
    """Both ends of one bus. `values`: what the battery sends; `alive` counts by itself."""

    def __init__(self):
        channel = f"uevcc-{next(_channels)}"
        self.car = can.Bus(channel, interface="virtual")
        self.far = can.Bus(channel, interface="virtual")
        self.values = dict(GOOD)
        self.standstill = False
        self._alive = 0
        self.battery = Battery(DATABASE, self.far, self._now)
        self.port = PythonCan(self.car)

    def _now(self):
        if not self.standstill:
            self._alive = self._alive + 1 & 15
        return {**self.values, "Alive": self._alive}

    def vehicle(self, board=None, lines=None, **settings):
        params = Params()
        for name, value in settings.items():
            params.set(name, value)
        lines = EXAMPLE.read_text().split("\n") if lines is None else lines
        return CanVehicle(self.port, board, params, lines, "example.txt")

    def run(self, vehicle, begin, end, step=10):
        for now in range(begin, end, step):
            self.battery.step(now)
            vehicle.update(now)
        return vehicle.fault()

    def close(self):
        self.car.shutdown()
        self.far.shutdown()
