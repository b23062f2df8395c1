# SPDX-License-Identifier: MIT
"""The DC supply behind the messages: phases of the output, the operating point within the limits
of both sides and of the plan, the pilot, and the energy meter.

In Dynamic mode the plan is the operating point, in Scheduled mode the car's target is, within the
plan. Pilot supervision after IEC 61851-1: no voltage but in state C or D. Isolation is not
measured: its check raises the voltage for a time.
"""

from tools.charger.power import setpoint
from tools.charger.secc.values import number

_FLAG_A = 1.0  # "voltage limit achieved" needs at least this much current
_CHECK_A = 0.1  # current limit while the cable is checked
LIVE = ("cable", "precharge", "ready", "loop")


class CarLimits:
    """What the car allows, as floats and magnitudes: discovery first, then each loop request."""

    power = current = max_voltage = min_voltage = 0.0
    discharge_power = discharge_current = 0.0
    may_charge = may_discharge = True

    def update(self, block, blame):
        """Take over what a request's block names; blame(kind, text) for nonsense."""
        for name, field in (
            ("power", "EVMaximumChargePower"),
            ("current", "EVMaximumChargeCurrent"),
            ("max_voltage", "EVMaximumVoltage"),
            ("min_voltage", "EVMinimumVoltage"),
            ("discharge_power", "EVMaximumDischargePower"),
            ("discharge_current", "EVMaximumDischargeCurrent"),
        ):
            value = number(block.get(field))
            if value is None:
                continue
            if value < 0:
                blame("sign", f"{field} {value:g}: limits are magnitudes")
            setattr(self, name, abs(value))
        for field in [f for f in block if f.startswith("EVMinimum")]:
            least, most = number(block[field]), number(block.get("EVMaximum" + field[9:]))
            if field.endswith(("Power", "Current")) and most is not None:
                if abs(least) > abs(most):
                    blame("limits", f"{field} {least:g} above EVMaximum {most:g}")


class PowerPath:
    """What DC's supply and AC's outlet share: the pilot, the plan, the energy meter.

    plan: PowerPlan; pilot() -> "A".."F" or None. `bpt` and `dynamic` come with the service
    selected. `ignore_pilot` is for faults, and so are the excesses, which AC has no use for. A
    kind of it has `power()`, W at the outlet, and `most()`, (W, W) that the station can give and
    take.
    """

    def __init__(self, config, plan, pilot):
        self.config, self.plan, self.pilot = config, plan, pilot
        self.bpt = self.dynamic = False
        self.car = CarLimits()
        self.phase = "off"
        self.started = None  # time of the first loop request
        self.ignore_pilot = False
        self.excess_A = self.excess_V = 1.0
        self.charged_Wh = self.discharged_Wh = 0.0
        self._now = None

    def add_up(self, now):
        """The meter: power as it is now, since the last time."""
        seconds = 0.0 if self._now is None else (now - self._now) / 1000
        self._now = now
        energy = self.power() * seconds / 3600
        if energy > 0:
            self.charged_Wh += energy
        else:
            self.discharged_Wh -= energy

    def in_c(self):
        """May there be power? A pilot that is not known counts as C."""
        return self.ignore_pilot or self.pilot() in ("C", "D", None)

    def window(self, now):
        """(most W of charging, most W of discharging) that the plan leaves now and in a second."""
        t = 0.0 if self.started is None else (now - self.started) / 1000
        a, b = self.plan.at(t), self.plan.at(t + 1)
        most = self.most()
        charge = min(max(a, b, 0.0), most[0])
        return charge, min(max(-a, -b, 0.0), most[1]) if self.bpt else 0.0


class Supply(PowerPath):
    """phase: "off" "cable" "precharge" "ready" (precharged, current 0) "loop" "standby".

    output: Output.
    """

    def __init__(self, config, plan, output, pilot):
        super().__init__(config, plan, pilot)
        self.output = output
        self.precharge_V = None
        self.cause = None  # limit that cuts the current: power, current, voltage
        self.wish_A = self.wish_V = 0.0  # targets of the car in Scheduled mode

    def step(self, now):
        """Let time pass: energy, and the output's operating point."""
        self.output.step(now)
        self.add_up(now)
        if self.phase in LIVE:
            if not self.in_c():
                self.off()
            self.regulate(now)

    def enter(self, phase, now):
        """Voltage on, for cable, precharge, ready, loop."""
        if self.phase != phase:
            self.phase = phase
            self.output.enable(True)
        self.regulate(now)

    def off(self):
        self.phase = "off"
        self.output.enable(False)

    def power(self):
        """W at the outlet."""
        return self.output.voltage * self.output.current

    def most(self):
        return self.config.max_power_W, self.config.max_discharge_power_W

    def regulate(self, now):
        out, c, car = self.output, self.config, self.car
        if self.phase == "cable":
            out.target(min(c.cable_check_V, c.max_voltage_V, car.max_voltage), _CHECK_A, now)
        elif self.phase == "precharge":
            out.target(self.precharge_V, c.precharge_A, now)
        elif self.phase == "ready":
            out.target(self.precharge_V, 0.0, now)
        elif self.phase == "loop":
            amperes, ceiling = self._operating_point(now)
            volts = ceiling if amperes >= 0 else max(c.min_voltage_V, car.min_voltage)
            out.target(volts * self.excess_V, amperes * self.excess_A, now)
            if self.cause is None and amperes > _FLAG_A and out.voltage >= ceiling - 1:
                self.cause = "voltage"

    def _operating_point(self, now):
        """(signed amperes, voltage ceiling)."""
        c, car, voltage = self.config, self.car, self.output.voltage
        ceiling = min(c.max_voltage_V, car.max_voltage)
        charge, discharge = c.max_current_A, self.bpt * c.max_discharge_current_A
        self.cause = None
        if not self.dynamic:
            power = self.window(now)
            watts = self.wish_A * voltage
            limits = ((charge, power[0]), (discharge, power[1]))
            amperes, self.cause = setpoint(watts, voltage, *limits)
            return amperes, min(ceiling, self.wish_V)
        watts = self.plan.at((now - self.started) / 1000)
        idle = not car.may_charge
        if watts < 0:
            idle = not (self.bpt and car.may_discharge and voltage > car.min_voltage)
        if idle:
            return 0.0, ceiling
        limits = (
            (min(charge, car.current), min(c.max_power_W, car.power)),
            (
                min(discharge, car.discharge_current),
                min(c.max_discharge_power_W, car.discharge_power),
            ),
        )
        amperes, self.cause = setpoint(watts, voltage, *limits)
        return amperes, ceiling
