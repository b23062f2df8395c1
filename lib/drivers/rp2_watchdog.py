# SPDX-License-Identifier: MIT
"""Watchdog of RP2040 and RP2350: stopped again, and a bite told from a wanted reset.

`machine.WDT` has no stop, and `machine.reset()` uses the watchdog, so that `reset_cause()` says
WDT_RESET after either. The registers help: the enable bit can be cleared (as pico-sdk's
`watchdog_disable` does), and scratch register 0 survives a reset: it holds a mark while armed.
"""

from evcc.compat import const

_ENABLE = const(1 << 30)  # of CTRL
_CLEAR = const(0x3000)  # alias of a register that clears the bits written
_SCRATCH0 = const(0x0C)
_MARK = const(0x0E5CC)


class _Registers:
    def __init__(self, base):
        self._base = base

    def stop(self):
        from machine import mem32

        mem32[self._base + _CLEAR] = _ENABLE

    def mark(self, on):
        from machine import mem32

        mem32[self._base + _SCRATCH0] = _MARK if on else 0

    def bitten(self):
        """Did this start follow a bite? Answers once: the mark is taken away."""
        import machine

        marked = machine.mem32[self._base + _SCRATCH0] == _MARK
        self.mark(False)
        return marked and machine.reset_cause() == machine.WDT_RESET


RP2040 = _Registers(0x40058000)
RP2350 = _Registers(0x400D8000)
