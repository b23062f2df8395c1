# SPDX-License-Identifier: MIT
"""Simulated parts for driver tests: from ohms and volts, with tolerance, noise and faults."""

import random

RANGE = 65535


class Adc:
    """A converter input whose reading is `part()` (0..1) of the range, noisy, of `bits`."""

    def __init__(self, part, noise=0.0, bits=12, seed=1):
        self.part, self.noise, self.bits = part, noise, bits
        self.rng = random.Random(seed)
        self.stuck = None
        self.reads = 0

    def read_u16(self):
        self.reads += 1
        if self.stuck is not None:
            return self.stuck
        value = self.part() + self.rng.uniform(-self.noise, self.noise)
        step = (1 << self.bits) - 1
        code = max(0, min(step, round(value * step)))
        return code * RANGE // step


class Pin:
    """A pin to call; keeps what was written in `log`."""

    def __init__(self, level=0):
        self.level, self.log = level, []

    def __call__(self, value=None):
        if value is None:
            return self.level
        self.level = value
        self.log.append(value)


class PilotWire:
    """Station's oscillator behind 1 kOhm, the car's resistors behind a diode (IEC 61851-1 A.2).

    `state` "A".."F" as the resistors and faults make it; `spread` moves generator and resistors.
    """

    OHM = {"B": 2740.0, "C": 1 / (1 / 2740 + 1 / 1300), "D": 1 / (1 / 2740 + 1 / 270)}

    def __init__(self, state="B", duty=5.0, spread=0.0, seed=1):
        self.rng = rng = random.Random(seed)
        self.droop = 0.01
        self.state, self.duty = state, duty
        self.source = 12.0 * (1 + rng.uniform(-spread, spread))
        self.inner = 1000.0 * (1 + rng.uniform(-spread, spread))
        self.factor = 1 + rng.uniform(-spread, spread)
        self.s2 = Pin()

    def volts(self):
        """Positive peak at the car."""
        if self.state in "BCD":
            state = "C" if self.state == "B" and self.s2.level else self.state
            ohm = self.OHM[state] * self.factor
            return 0.7 + (self.source - 0.7) * ohm / (self.inner + ohm)
        return {"A": 0.0, "open": 12.0, "E": 0.0, "F": -12.0}[self.state]

    def part(self):
        """Behind the peak hold, which has fallen by up to 1 % since the last pulse."""
        return (self.volts() + 15) / 30 * (1 - self.droop * self.rng.random())
