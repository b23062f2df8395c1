# SPDX-License-Identifier: MIT
"""The power output of the station as its controller sees it: one interface, one ideal model.

In emulation the plant (outlet, cable, the car's pack) implements `Output`; on a bench without
power electronics `IdealOutput` does, following what it is told. Isolation, output contactors and
the physics of a converter (IEC 61851-23) are the plant's business and not modelled here.
"""


class Output:
    """What the SECC drives. Volts at the outlet; amperes, positive = into the car.

    `enable(on)`: True: output contactors closed, converter regulating. False: current to zero at
        once and the outlet discharged (below 60 V within a second).
    `target(voltage, current, now)`: the operating point. current >= 0: a source of at most
        `current` that never exceeds `voltage`. current < 0: a sink of at most -current that never
        pulls the outlet below `voltage`. Called at every change, and at least every 100 ms while
        enabled; now in ms.
    `car(voltage)`: what the car says about its own voltage. A real plant ignores it.
    `step(now)`: let time pass; the attributes below are then of `now`.
    `voltage`, `current`: measured values.
    """

    voltage = 0.0
    current = 0.0
    on = False

    def enable(self, on):
        self.on = on

    def target(self, voltage, current, now):
        raise NotImplementedError

    def car(self, voltage):
        pass

    def step(self, now):
        raise NotImplementedError


class IdealOutput(Output):
    """An output that does as told, within slew rates; a car is assumed to be behind it.

    It knows no car: it believes the voltage that the car reports (limited by the target), so that
    a bench session shows plausible figures.
    """

    def __init__(self, volt_s=10000.0, ampere_s=500.0):
        self.volt_s = volt_s
        self.ampere_s = ampere_s
        self._voltage = 0.0  # targets
        self._current = 0.0
        self._car = 0.0
        self._now = None

    def enable(self, on):
        self.on = on
        if not on:
            self._voltage = self._current = self.current = self._car = 0.0

    def target(self, voltage, current, now):
        if self.on:
            self._voltage, self._current = voltage, current

    def car(self, voltage):
        self._car = voltage

    def step(self, now):
        seconds = 0.0 if self._now is None else (now - self._now) / 1000
        self._now = now
        goal = self._voltage
        if self._car > 0:
            goal = max(goal, self._car) if self._current < 0 else min(goal, self._car)
        self.voltage = _toward(self.voltage, goal, self.volt_s * seconds)
        self.current = _toward(self.current, self._current, self.ampere_s * seconds)


def _toward(value, goal, most):
    return min(goal, value + most) if goal > value else max(goal, value - most)
