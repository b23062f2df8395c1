# SPDX-License-Identifier: MIT
"""Voltage and current at the DC inlet, from isolated amplifiers on converter inputs.

Both are straight lines through a zero that is not the end of the range: an amplifier without its
supply, or a broken wire, then reads like no voltage that there is, and counts as no sensor at all
(NONE: safety does not close without inlet voltage). Scale and zero are settings, per mille of the
converter's range and whole V or A; calibrate with a known voltage.
"""

from evcc.compat import const
from evcc.ports import NONE

_SHORT = const(16220)  # 99 % of 14 bits


class Voltage:
    """`zero`: per mille of the range at 0 V; `full_V`: at the range's end. `read()`: mV or NONE.

    With a `zero` of 0 a broken wire cannot be told from 0 V: not for a car.
    """

    def __init__(self, adc, zero, full_V):
        self._read = adc.read_u16
        self._zero = zero * 16383 // 1000
        self._open = self._zero * 3 // 4
        self._full = full_V * 10

    def read(self):
        raw = self._read() >> 2
        if raw < self._open:
            return NONE
        zero = self._zero
        if raw <= zero:
            return 0
        return (raw - zero) * self._full // (16383 - zero) * 100


class Current:
    """`zero`: per mille at 0 A; `full_A`: at the range's end, + into the battery. mA or NONE."""

    def __init__(self, adc, zero, full_A):
        self._read = adc.read_u16
        self._zero = zero * 16383 // 1000
        self._full = full_A * 10

    def read(self):
        raw = self._read() >> 2
        if not 163 < raw < _SHORT:
            return NONE
        zero = self._zero
        return (raw - zero) * self._full // (16383 - zero) * 100
