# SPDX-License-Identifier: MIT
"""From a pin table to the parts of a board, on MicroPython's `machine`.

A board's own file says which pins, which SPI, how its converters are made; everything else is here
and the same for all of them. Pins that a table does not have are parts that the board does not
have. Inputs have no internal pull: on an RP2350 (erratum E9) a pull-down does not hold, and a wire
must not float before the software runs.
"""

import os
import time

from drivers.qca7000 import Qca7000
from drivers.spi_machine import MachineSpi, reset_low
from evcc.compat import const, forget

_TICK_MS = const(20)
_EPOCH_2000 = const(946684800)
_2024 = const(1704067200)


class Parts:
    """What main.py wires together: see boards/README.md for the attributes."""

    def __init__(self, pins, timer_id):
        self.pins = pins
        self.can = self.card = None
        self.urandom = os.urandom
        self._timer_id = timer_id
        self._timer = None
        self._callback = None

    def timer(self, callback):
        """Call `callback(timer)` every 20 ms, from a hard interrupt where the port can. None: no
        more."""
        from machine import Timer

        if self._timer is not None:
            self._timer.deinit()
            self._timer = None
        if callback is None:
            return None
        self._callback = callback  # a bound method stays one object
        how = {"mode": Timer.PERIODIC, "period": _TICK_MS, "callback": callback}
        self._timer = Timer(self._timer_id)
        try:
            self._timer.init(hard=True, **how)
        except TypeError:  # this port calls back between two bytecodes, which is late at times
            self._timer.init(**how)
        return self._timer

    def idle(self, ms):
        """Let `ms` pass, or less when the modem has something: 1 ms at least."""
        irq = self.port.irq
        start = time.ticks_ms()
        while True:
            time.sleep_ms(1)
            if irq() or time.ticks_diff(time.ticks_ms(), start) >= ms:
                return

    def led(self, on):
        self._led(1 if on else 0)

    def restart(self):
        """Reset the chip."""
        import machine

        machine.reset()


def assemble(settings, pins, spi, adc, timer_id=-1, reset=None, wdt_stop=None, wdt_mark=None,
             duty=None, can_spi=None, card_spi=None, card_Hz=8_000_000):  # fmt: skip
    """The parts of a board.

    `pins`: its table; `spi`: machine.SPI of the modem, 8 MHz mode 3; `adc(pin)`: a machine.ADC.
    `reset`: the port's reset_cause() after a bite of the watchdog; `wdt_stop()`, `wdt_mark(on)`:
    see Watchdog. `duty(pin)`: better than PulseTime. `can_spi()`: a machine.SPI in mode 0 for a
    CAN chip; without one a table with CAN_TX has `machine.CAN`. `card_spi()`: SPI of an SD card,
    in mode 0, `card_Hz` its clock; without one it shares that of the CAN chip.
    """
    import machine
    from drivers.assemble import board_of, can_of
    from machine import Pin

    parts = Parts(pins, timer_id)

    def out(name, level=0):
        return Pin(pins[name], Pin.OUT, value=level)

    def into(name):
        return Pin(pins[name], Pin.IN)

    clock = _clock(time.ticks_ms, time.ticks_diff)
    parts.clock = clock
    parts.unix = _unix()
    parts.port = Qca7000(
        MachineSpi(spi, out("QCA_CS", 1)), into("QCA_INT"), reset_low(out("QCA_RST", 1))
    )
    parts._led = out("LED")
    parts.reset_cause = None
    if reset is not None and machine.reset_cause() == reset:
        parts.reset_cause = "watchdog"
    if duty is None:
        from drivers.pilot_duty import PulseTime

        def duty(pin):
            return PulseTime(pin, machine.time_pulse_us)

    def make(timeout):
        return machine.WDT(timeout=timeout)

    parts.board = board_of(
        settings, pins, out, into, adc, duty(into("CP_DUTY")), time.ticks_ms, clock,
        (make, wdt_stop, wdt_mark), parts.port,
    )  # fmt: skip
    parts.clock = parts.board.clock

    def bus():
        return MachineSpi(can_spi(), out("CAN_CS", 1))

    def own():
        from drivers.can_machine import MachineCan

        return MachineCan(machine.CAN(1, settings.can_bitrate))

    parts.can = can_of(settings, can_spi and bus, own if "CAN_TX" in pins else None)

    if settings.sd_card != "none" and "SD_CS" in pins:
        try:
            from drivers.sd_open import on_machine

            parts.card = on_machine(card_spi or can_spi, lambda: out("SD_CS", 1), card_Hz)
        except ImportError:
            pass  # not in this image, which the device says
    board_of = can_of = None
    forget("drivers.assemble")
    return parts


def _clock(ticks, diff):
    """ms that never wrap, counted from now; to be called at least once in six days."""
    last = ticks()
    total = 0

    def clock():
        nonlocal last, total
        now = ticks()
        total += diff(now, last)
        last = now
        return total

    return clock


def _unix():
    """Unix time now, None when the real-time clock was not set."""
    seconds = int(time.time())
    if time.gmtime(0)[0] == 2000:
        seconds += _EPOCH_2000
    return seconds if seconds > _2024 else None
