# SPDX-License-Identifier: MIT
"""The AC power path: the station's contactor, and the on-board charger behind it.

A meter and a judge: how much power passes the contactor, whether it opened under load, whether
power flowed while the pilot said B. The charger's own behaviour is that of the vehicle. Not
modelled: phases one by one, voltage drop, inrush, residual currents.
"""

from tools.emulator.plant import STEP_MS, Violation

UNDER_LOAD = "station's contactor opened under load"  # W
POWER_IN_B = "power while the pilot was B"  # W
CLOSED_IN_B = "station's contactor closed while the pilot was B"  # ms
_LOAD_W = 250.0
_IN_B_MS = 200
_UNITS = {UNDER_LOAD: "W", POWER_IN_B: "W", CLOSED_IN_B: "ms"}


class AcPlant:
    """The outlet that a station drives (`close`, `power`, `car`), and the car's mains (`mains`).

    `charger`: anything with `active_power` in W, set when the car is there.
    """

    VOLTS = 230.0

    def __init__(self, world, pilot):
        self.world, self.pilot = world, pilot
        self.charger = None
        self.closed = False
        self.closings = 0
        self.opened_W = []
        self.into_car_Wh = self.out_of_car_Wh = 0.0
        self.violations = []
        self._in_b = None  # since when contactor closed and pilot B
        self._last = world.now
        world.add(self)

    @property
    def power(self):
        return self.charger.active_power if self.closed and self.charger else 0.0

    def close(self, on):
        if on == self.closed:
            return
        if on:
            self.closings += 1
        else:
            self.opened_W.append(self.power)
            if abs(self.power) > _LOAD_W:
                self._violate(UNDER_LOAD, abs(self.power))
        self.closed = on

    def car(self, watts):
        """What the car says: a meter does not listen."""

    def mains(self):
        """V at the car's AC inlet, None without."""
        return self.VOLTS if self.closed and self.pilot.plugged else None

    def step(self, now):
        energy = self.power * (now - self._last) / 3.6e6
        self._last = now
        if energy > 0:
            self.into_car_Wh += energy
        else:
            self.out_of_car_Wh -= energy
        if self.pilot.state in ("A", "B"):
            if self.charger and abs(self.charger.active_power) > _LOAD_W:
                self._violate(POWER_IN_B, abs(self.charger.active_power))
            if self.closed and self._in_b is None:
                self._in_b = now
            elif self.closed and now - self._in_b == _IN_B_MS:
                self._violate(CLOSED_IN_B, _IN_B_MS)
        if not self.closed:
            self._in_b = None
        return now + STEP_MS

    def _violate(self, kind, value):
        self.violations.append(AcViolation(self.world.now, kind, value))


class AcViolation(Violation):
    UNITS = {**Violation.UNITS, **_UNITS}
