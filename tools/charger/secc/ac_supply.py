# SPDX-License-Identifier: MIT
"""The AC outlet behind the messages: a contactor that follows the pilot (IEC 61851-1 Annex A), the
target power, and the energy meter.

The car's on-board charger makes the power; the station names a target (Dynamic) or a schedule and
watches. No residual current device, no frequency response, no ramp of its own but the plan's.
"""

from collections import deque

from tools.charger.secc.supply import CarLimits

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


class AcSupply:
    """What Supply is for DC.

    phase: "off" "ready" (contactor at the pilot's will) "loop" "standby".
    `c_after`: ms from PowerDelivery(Start) to state C, None until it came.
    """

    def __init__(self, config, plan, outlet, pilot):
        self.config, self.plan, self.outlet, self.pilot = config, plan, outlet, pilot
        self.bpt = self.dynamic = False
        self.car = CarLimits()
        self.phase = "off"
        self.started = self.c_after = None
        self.ignore_pilot = False
        self.excess_A = self.excess_V = 1.0  # faults of DC
        self.charged_Wh = self.discharged_Wh = 0.0
        self.opened_W = []  # power at each opening of the contactor
        self._targets = deque(maxlen=50)
        self._asked = self._now = None

    def step(self, now):
        seconds = 0.0 if self._now is None else (now - self._now) / 1000
        self._now = now
        energy = self.outlet.power * seconds / 3600
        if energy > 0:
            self.charged_Wh += energy
        else:
            self.discharged_Wh -= energy
        if self.phase not in ("ready", "loop"):
            return
        if self.in_c():
            if self.c_after is None:
                self.c_after = now - self._asked
            self.outlet.close(True)
        else:
            self._open()

    def in_c(self):
        """May the contactor be closed? A pilot that is not known counts as C."""
        return self.ignore_pilot or self.pilot() in ("C", "D", None)

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

    def window(self, now):
        """(most W of charging, most W of discharging) that the plan leaves now and in a second."""
        t = 0.0 if self.started is None else (now - self.started) / 1000
        a, b = self.plan.at(t), self.plan.at(t + 1)
        charge = min(max(a, b, 0.0), self.config.ac_power_W)
        discharge = min(max(-a, -b, 0.0), self.config.ac_discharge_power_W)
        return charge, discharge if self.bpt else 0.0

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
