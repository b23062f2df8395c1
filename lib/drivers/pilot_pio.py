# SPDX-License-Identifier: MIT
"""The pilot's duty cycle by a PIO state machine of RP2040 and RP2350: exact, without waiting.

The state machine counts microseconds of high and low in every second period, and puts both into
one word of its queue. A read takes what is there: nothing waits, nothing is allocated, and no
interrupt disturbs the count.
"""

from evcc.compat import const
from evcc.ports import NONE

_LEAST_US = const(950)  # of a period: 1 kHz, IEC 61851-1 Table A.2
_MOST_US = const(1050)


def _program():
    import rp2

    # The names are PIO instructions, known only while asm_pio runs this function.
    @rp2.asm_pio(in_shiftdir=rp2.PIO.SHIFT_LEFT)
    def measure():
        wrap_target()
        wait(0, pin, 0)
        wait(1, pin, 0)
        mov(x, invert(null))
        mov(y, invert(null))
        label("high")  # two instructions a turn, at 2 MHz: x counts down microseconds
        jmp(x_dec, "still")
        label("still")
        jmp(pin, "high")
        label("low")
        jmp(pin, "end")
        jmp(y_dec, "low")
        label("end")
        mov(x, invert(x))
        mov(y, invert(y))
        in_(x, 16)
        in_(y, 16)
        push(noblock)
        wrap()

    return measure


class PioDuty:
    """`pin`: machine.Pin of the comparator; `number`: of the state machine."""

    def __init__(self, pin, number=0):
        from rp2 import StateMachine

        machine = StateMachine(number, _program(), freq=2_000_000, in_base=pin, jmp_pin=pin)
        machine.active(1)
        self._waiting = machine.rx_fifo
        self._get = machine.get

    def read(self):
        """Per mille; NONE without a pulse since the last read, or when it was no 1 kHz."""
        word = 0
        while self._waiting():
            word = self._get()
        high = word >> 16 & 0xFFFF
        period = high + (word & 0xFFFF)
        return high * 1000 // period if _LEAST_US <= period <= _MOST_US else NONE
