# SPDX-License-Identifier: MIT
"""The control pilot as the car sees it: level, duty cycle, the switch S2 (IEC 61851-1 Annex A).

`level` is a converter input behind a circuit that shifts -15..+15 V into its range and holds the
positive peak (boards/README.md); `duty` is one of pilot_duty.py. States as in Table A.4, limits
in the middle between the levels and 0.3 V of hysteresis; a new one counts when seen twice.

An inlet without a plug has no pilot voltage at all: what the station calls state A is 0 V here, as
is E. The proximity contact tells them apart; without one, 0 V is A. It does not toggle B-C-B and
draws no conclusions: that is safety's.
"""

from drivers.analog import scale
from evcc.compat import const
from evcc.ports import NONE

_LIMITS = const((10500, 7500, 4500, 1500, -6000))  # mV, upper limits of B, C, D, E, F
_HYSTERESIS = const(300)
_A = const(0)
_D = const(3)
_E = const(4)


class Pilot:
    """`read()` once a tick, then `state` (ord), `duty` (per mille or NONE), `level_mV`.

    `s2`: output pin, True shows state C. `zero_mV`, `full_mV`: pilot voltage at the ends of the
    converter's range. `proximity`: None or a Proximity; a released latch reads as unplugged.
    """

    def __init__(self, level, duty, s2, zero_mV=-15000, full_mV=15000, proximity=None):
        self._level = level.read_u16
        self._duty = duty.read
        self._s2 = s2
        self._zero = zero_mV
        self._span = full_mV - zero_mV
        self._proximity = proximity
        self._index = self._new = _A
        self._before = self._last = NONE  # the two duties before
        self.level_mV = 0
        self.state = 65
        self.duty = NONE

    def show_c(self, on):
        self._s2(1 if on else 0)

    def read(self):
        """Measure once: the state, as ord of "A".."F"."""
        mv = self.level_mV = self._zero + scale(self._level(), self._span)
        i = was = self._index
        while i > 0 and mv > _LIMITS[i - 1] + _HYSTERESIS:
            i -= 1
        while i < 5 and mv < _LIMITS[i] - _HYSTERESIS:
            i += 1
        if i != was and i == self._new:
            self._index = was = i
        self._new = i
        if self._proximity is not None:
            self._proximity.read()
        self._measure(was)
        self.state = 65 if was == _E and not self._plugged() or self._pressed() else 65 + was
        return self.state

    def _plugged(self):
        return self._proximity is not None and self._proximity.plugged == 1

    def _pressed(self):
        """The driver is about to pull the plug: for charging that is a pulled plug."""
        return self._proximity is not None and self._proximity.pressed

    def _measure(self, index):
        """Median of three duties. A missing pulse counts at once: safety waits for four."""
        duty = self._duty() if _A < index <= _D else NONE
        if not 0 < duty < 1000:
            self.duty = self._before = self._last = NONE
            return
        a, b = self._before, self._last
        self._before = b
        self._last = duty
        if a == NONE:
            self.duty = duty
        elif a > b:
            self.duty = max(b, min(a, duty))
        else:
            self.duty = max(a, min(b, duty))
