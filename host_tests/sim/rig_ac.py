# SPDX-License-Identifier: MIT
"""The emulated world for AC: an outlet with contactor and meter, a car with a charger."""

from host_tests.sim import rig
from tools.emulator.ac_plant import AcPlant


class Rig(rig.Rig):
    """See the other rig; `service`: "AC" or "AC_BPT"; `mode`, `needs`: of the car."""

    def __init__(
        self, service="AC_BPT", mode="Dynamic", needs=1, settings=None, station=None, **more
    ):
        car = {
            "protocols": "iso20_dc,iso20_ac",
            "services": service,
            "control_mode": mode,
            "mobility_needs_mode": needs,
            "ev_ac_discharge_power_W": 11000.0,
            **(settings or {}),
        }
        station = {"services": ["DC", "AC_BPT", "AC"], **(station or {})}
        super().__init__(settings=car, station=station, **more)
        self.ac.charger = self.device.vehicle.charger()

    def _station(self, plan):
        made = super()._station(plan)
        self.ac = made.outlet = AcPlant(self.world, self.pilot)
        self.board.mains = self.ac.mains
        return made

    def check_safe(self):
        super().check_safe()
        assert not self.ac.closed and self.ac.charger.active_power == 0
        assert self.plant.contactors.operations == 0  # the DC contactors rested
