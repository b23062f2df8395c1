# SPDX-License-Identifier: MIT
"""The on-board charger of a vehicle on CAN, as AC sessions want it (sim_charger.SimCharger).

Its limits and powers are signals `ac_..` that come; `ac_target_power` goes. Without
`ac_active_power` on the bus nothing tells its power: then it is never asked for any.
"""


class CanCharger:
    """`vehicle`: a CanVehicle. Powers in W at the AC inlet, positive charges."""

    min_discharge_power = 0.0

    def __init__(self, vehicle):
        self._vehicle = vehicle
        self.phases = vehicle.params.ev_ac_phases
        self.target = 0.0

    def _signal(self, name):
        v = self._vehicle
        if v.fault() or v.value("ac_active_power", None) is None:
            return 0.0
        return v.value(name, 0.0)

    @property
    def charge_power(self):
        return min(self._signal("ac_charge_power"), self._vehicle.limits().charge_power)

    @property
    def min_charge_power(self):
        return self._signal("ac_min_charge_power")

    @property
    def discharge_power(self):
        v = self._vehicle
        return min(
            self._signal("ac_discharge_power"),
            v.params.ev_ac_discharge_power_W,
            v.limits().discharge_power,
        )

    @property
    def active_power(self):
        return self._vehicle.value("ac_active_power", 0.0)

    @property
    def reactive_power(self):
        return self._vehicle.value("ac_reactive_power", 0.0)

    def set(self, watts):
        self.target = watts
