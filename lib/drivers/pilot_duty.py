# SPDX-License-Identifier: MIT
"""Three ways to measure the pilot's duty cycle behind a comparator: per mille, or NONE.

`PulseTime` waits for one pulse with `machine.time_pulse_us`; `AverageDuty` reads the comparator's
average from a converter, for boards that cannot time pulses; `PulseInDuty` takes the pulses that
CircuitPython's `pulseio` has recorded. RP2040 and RP2350 have a better one: pilot_pio.py. The
pilot's frequency is 1 kHz (IEC 61851-1 Table A.2).
"""

from evcc.compat import const
from evcc.ports import NONE

_WAIT_US = const(1100)


class PulseTime:
    """One pulse of `pin`, timed: blocks for 1 to 2 ms, allocates nothing.

    It trusts the frequency. Above 97 % the gap may be missed; that is no valid duty anyhow.
    """

    def __init__(self, pin, time_pulse_us):
        self._pin = pin
        self._time = time_pulse_us

    def read(self):
        pin = self._pin
        if pin() and self._time(pin, 1, _WAIT_US) < 0:  # the rest of a pulse is of no use
            return NONE  # steady high
        high = self._time(pin, 1, _WAIT_US)
        return high if high > 0 else NONE


class AverageDuty:
    """`adc` reads the comparator's output through a low pass of about 10 ms.

    `full`: reading of a comparator that is always high. Slow: 50 ms after a change it is right.
    """

    def __init__(self, adc, full=65535):
        self._read = adc.read_u16
        self._full = full

    def read(self):
        duty = (self._read() >> 2) * 1000 // (self._full >> 2)
        return duty if 15 <= duty <= 985 else NONE


class PulseInDuty:
    """`pulses`: a `pulseio.PulseIn(pin, maxlen=128, idle_state=False)`: the first is a high one.

    Read at least every 60 ms: when the record has run over nobody knows which one is high.
    """

    def __init__(self, pulses):
        self._pulses = pulses

    def read(self):
        pulses = self._pulses
        pulses.pause()
        n = len(pulses)
        duty = NONE
        if 4 <= n < pulses.maxlen:  # the first pair is cut by the start
            high, low = pulses[2], pulses[3]
            if 950 <= high + low <= 1050:
                duty = high * 1000 // (high + low)
        pulses.clear()
        pulses.resume()
        return duty
