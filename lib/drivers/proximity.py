# SPDX-License-Identifier: MIT
"""The proximity contact: is a plug in, what may its cable carry, is its button pressed?

Type 2 and CCS2 (IEC 61851-1 Annex B): a resistor in the plug codes the cable's current. Type 1 and
CCS1 (SAE J1772): 2.7 kOhm in the inlet, 150 Ohm in the plug, 480 Ohm while its button is pressed.
The contact is pulled up to the converter's reference by a known resistor. Nothing between the
bands is guessed at: it is a fault, and reads as unplugged.
"""

from evcc.compat import const
from evcc.ports import NONE

# up to this many ohm: what it is. Bands of IEC 61851-1 Table B.2; 63 A is 70 A in one phase.
_TYPE2 = const(((75, -1), (150, 63), (330, 32), (1000, 20), (2200, 13)))
# 2.7 kOhm of the inlet in parallel: 142 latched, 407 pressed; +-10 % and a volt of noise
_TYPE1 = const(((60, -1), (230, 1), (650, 2), (1900, -1), (3900, 0)))
_OPEN = const(1 << 20)


class Proximity:
    """`read()` once a tick; then `ohm`, `plugged` (1, 0), `pressed`, `cable_A`, `fault`.

    `kind`: "type1" or "type2"; `pull_up`: ohm. `cable_A` is NONE for type 1, whose cables are
    fixed at the station, and 0 without a plug.
    """

    def __init__(self, adc, kind="type2", pull_up=1000):
        self._read = adc.read_u16
        self._us = kind == "type1"
        self._pull_up = pull_up
        self._seen = NONE
        self.ohm = _OPEN
        self.plugged = 0
        self.cable_A = NONE if self._us else 0
        self.pressed = self.fault = False

    def read(self):
        """Measure once; a new finding counts when it comes twice."""
        raw = self._read() >> 4
        self.ohm = ohm = _OPEN if raw > 4080 else raw * self._pull_up // (4095 - raw)
        found = -1 if self._us else 0  # beyond the bands: of type 2 no plug, of type 1 no resistor
        for most, what in _TYPE1 if self._us else _TYPE2:
            if ohm <= most:
                found = what
                break
        if found == self._seen:
            self.fault = found < 0
            self.plugged = 1 if found > 0 else 0
            if self._us:
                self.pressed = found == 2
            else:
                self.cable_A = found if found > 0 else 0
        self._seen = found
