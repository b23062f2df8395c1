# SPDX-License-Identifier: MIT
"""The AC outlet behind the messages: a contactor that follows the pilot (IEC 61851-1 Annex A), the
target power, and the energy meter.

The car's on-board charger makes the power; the station names a target (Dynamic) or a schedule and
watches. No residual current device, no frequency response, no ramp of its own but the plan's.
"""

from collections import deque

from tools.charger.secc.supply import PowerPath

_MEMORY_MS = 2000  # a car may still be at a target that was named so long ago


class IdealOutlet:
    """Contactor and meter of an AC outlet without a plant: it believes the power the car reports.

    `close(on)`: the contactor. `power`: W into the car. `car(watts)`: what the car says.
    """

    power = 0.0
    closed = False

    def close(self, on):
        self.closed = on
        if not on:
            self.power = 0.0

    def car(self, watts):
        self.power = watts if self.closed else 0.0


class AcSupply(PowerPath):
    """What Supply is for DC.

    phase: "off" "ready" (contactor at the pilot's will) "loop" "standby".
    `c_after`: ms from PowerDelivery(Start) to state C, None until it came.
    """

    def __init__(self, config, plan, outlet, pilot):
        super().__init__(config, plan, pilot)
        self.outlet = outlet
        self.c_after = self._asked = None
        self.opened_W = []  # power at each opening of the contactor
        self._targets = deque(maxlen=50)

    def step(self, now):
        self.add_up(now)
        if self.phase not in ("ready", "loop"):
            return
        if self.in_c():
            if self.c_after is None:
                self.c_after = now - self._asked
            self.outlet.close(True)
        else:
            self._open()

    def enter(self, phase, now):
        if self.phase == "off":
            self._asked, self.c_after = now, None
        self.phase = phase
        self.step(now)

    def off(self):
        self.phase = "off"
        self._open()

    def _open(self):
        if self.outlet.closed:
            self.opened_W.append(self.outlet.power)
        self.outlet.close(False)

    def power(self):
        """W at the outlet."""
        return self.outlet.power

    def most(self):
        return self.config.ac_power_W, self.config.ac_discharge_power_W

    def target(self, now):
        """EVSETargetActivePower: the plan within the limits of both sides."""
        watts, c, car = self.plan.at((now - self.started) / 1000), self.config, self.car
        if watts >= 0:
            watts = min(watts, c.ac_power_W, car.power) if car.may_charge else 0.0
        elif self.bpt and car.may_discharge:
            watts = -min(-watts, c.ac_discharge_power_W, car.discharge_power)
        else:
            watts = 0.0
        self._targets.append((now, watts))
        return watts

    def expected(self, now):
        """(lowest, highest) W that the targets of the last two seconds explain."""
        recent = [w for t, w in self._targets if now - t <= _MEMORY_MS] or [0.0]
        return min(0.0, *recent), max(0.0, *recent)
