# SPDX-License-Identifier: MIT
"""On-board charger of the simulated vehicle: follows a target power by a ramp, feeds the pack.

It is also what a real one has to offer (`vehicle.Vehicle.charger`). Losses are one efficiency;
reactive power is none. Without voltage at the AC inlet it is off at once, unless told to form a
grid (V2L): then it is the source and feeds whatever load there is.
"""

from evcc.compat import const

_RAMP_W_S = const(20000.0)
_EFFICIENCY = const(0.93)
_SINGLE_W = const(1380.0)  # 6 A of one phase: below it a charger does not run


class SimCharger:
    """`vehicle`: a SimVehicle. Powers in W at the AC inlet, summed over `phases` (1 or 3):

    `charge_power`, `min_charge_power`, `discharge_power`, `min_discharge_power`: limits for now,
    magnitudes; no discharge_power: it only charges. `active_power` (positive charges),
    `reactive_power`: measured. `set(watts)` asks for a power, within those limits. `form(on)`: be
    the source of an island or stop at once; `load`, W, is what hangs on it. Overloaded it stops.
    `unbalanced`: can load its three phases each on its own; then there are `set_phases([W, W, W])`
    and `phase_power`, the same three as measured.
    """

    reactive_power = 0.0

    def __init__(self, vehicle):
        p = vehicle.params
        self._vehicle = vehicle
        self.phases = p.ev_ac_phases
        self.min_charge_power = min(_SINGLE_W * self.phases, p.ev_ac_charge_power_W)
        self.min_discharge_power = 0.0
        self.active_power = 0.0
        self.target = 0.0
        self.unbalanced = p.ev_ac_unbalanced and self.phases == 3
        self._parts = None
        self.forming = False
        self.load = 0.0

    @property
    def charge_power(self):
        v = self._vehicle
        return min(v.params.ev_ac_charge_power_W, v.limits().charge_power)

    @property
    def discharge_power(self):
        v = self._vehicle
        return min(v.params.ev_ac_discharge_power_W, v.limits().discharge_power)

    def set(self, watts):
        self.target = watts
        self._parts = None

    def set_phases(self, watts):
        """Each phase by itself, at most a third of the power; the sum is the target."""
        up, down = self.charge_power / 3, self.discharge_power / 3
        self._parts = [max(-down, min(up, w)) for w in watts]
        self.target = sum(self._parts)

    @property
    def phase_power(self):
        """W of L1, L2, L3."""
        watts, parts = self.active_power, self._parts
        if not parts or not self.target:
            return [watts / 3] * 3
        return [watts * part / self.target for part in parts]

    def form(self, on):
        self.forming = on

    def step(self, seconds):
        """Let `seconds` pass; returns the current into the pack, A."""
        v = self._vehicle
        mains = getattr(v.board, "mains", None)
        if self.forming:
            if self.load > self.discharge_power:
                self.forming = False
            self.active_power = -self.load if self.forming else 0.0
        elif mains and not mains():
            self.active_power = 0.0
        else:
            most = _RAMP_W_S * seconds
            goal = min(max(self.target, -self.discharge_power), self.charge_power)
            self.active_power += min(max(goal - self.active_power, -most), most)
        watts = self.active_power
        watts = watts * _EFFICIENCY if watts > 0 else watts / _EFFICIENCY
        return watts / v.pack.voltage()
