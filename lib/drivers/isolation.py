# SPDX-License-Identifier: MIT
"""The line of the car's isolation monitor: one input, good or fault (IEC 61557-8 devices).

Wire it so that a broken wire is a fault: driven high when good, with a pull-down. A fault counts
when seen twice, good only after 200 ms without a fault.
"""

from evcc.compat import const

_GOOD_TICKS = const(10)
_BAD_TICKS = const(2)


class IsolationLine:
    """`read()` once a tick: 1 good, 0 fault. Begins with fault."""

    def __init__(self, pin, good_level=1):
        self._pin = pin
        self._level = good_level
        self._state = self._same = 0

    def read(self):
        good = 1 if self._pin() == self._level else 0
        if good == self._state:
            self._same = 0
        else:
            self._same += 1
            if self._same >= (_GOOD_TICKS if good else _BAD_TICKS):
                self._state = good
                self._same = 0
        return self._state
