# SPDX-License-Identifier: MIT
"""Temperature sensors in the inlet: PT1000 (IEC 60751) or NTC, to ground under a fixed resistor.

The converter sees the ratio, so the supply cancels out. The curve becomes a table of readings
every 10 degrees when the sensor is made; a reading is then whole-number interpolation. A reading
off the table is a broken or shorted sensor: `FAULT`, hotter than any limit: charging ends.
"""

from array import array
from math import exp

from evcc.compat import const

FAULT = 9999  # 0.1 degrees Celsius
_FROM = const(-500)  # -50 to 200 degrees Celsius
_STEP = const(100)
_N = const(26)


def pt1000(celsius):
    """Ohm of a PT1000."""
    t = celsius
    ohm = 1000 * (1 + 3.9083e-3 * t - 5.775e-7 * t * t)
    return ohm - 4.183e-9 * (t - 100) * t * t * t if t < 0 else ohm


def ntc(celsius, beta, ohm_25=10000):
    """Ohm of an NTC by its beta."""
    return ohm_25 * exp(beta * (1 / (celsius + 273.15) - 1 / 298.15))


class Thermometer:
    """`adc`: converter input; `curve(celsius) -> ohm`; `series`: ohm from the reference to it."""

    def __init__(self, adc, curve, series):
        self._read = adc.read_u16
        self._table = table = array("H", bytes(2 * _N))
        for i in range(_N):
            ohm = curve((_FROM + i * _STEP) / 10)
            table[i] = round(65535 * ohm / (ohm + series))
        self._flip = 0
        if table[1] < table[0]:  # an NTC: upside down it rises as well
            self._flip = 65535
            for i in range(_N):
                table[i] = 65535 - table[i]
        self._at = 0  # the step of the last reading: the next is near

    def read(self):
        """0.1 degrees Celsius, or FAULT."""
        raw = self._read() ^ self._flip
        table = self._table
        i = self._at
        while raw > table[i + 1]:
            i += 1
            if i == _N - 1:
                return FAULT
        while raw < table[i]:
            if not i:
                return FAULT
            i -= 1
        self._at = i
        a = table[i]
        return _FROM + i * _STEP + (raw - a) * _STEP // (table[i + 1] - a)
