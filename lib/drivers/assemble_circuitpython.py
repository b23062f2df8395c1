# SPDX-License-Identifier: MIT
"""From a pin table to the parts of a board, on CircuitPython's API: CircuitPython and Blinka.

There are no interrupts: the modem is polled and safety is ticked by the controller's own loop
(`timer` is None). Pins are attributes of the module `board`, named by the table; SPI, pulse
measurement and converters come from the board's own file: Linux has no `analogio`, no `pulseio`.
"""

import os
import time

from drivers.assemble import board_of, can_of
from drivers.qca7000 import Qca7000
from drivers.spi_circuitpython import BusioSpi, reset_low
from evcc.compat import const

_2024 = const(1704067200)
_WRAP = const(0x3FFFFFFF)


class PinCall:
    """A `digitalio.DigitalInOut` that is called: `pin()` reads, `pin(value)` sets."""

    def __init__(self, pin):
        self._pin = pin

    def __call__(self, value=None):
        if value is None:
            return 1 if self._pin.value else 0
        self._pin.value = bool(value)
        return None


class AnalogInput:
    """An `analogio.AnalogIn` as a converter input."""

    def __init__(self, pin):
        self._pin = pin

    def read_u16(self):
        return self._pin.value


class Parts:
    """What main.py wires together: see boards/README.md for the attributes."""

    timer = card = None

    def __init__(self, pins):
        self.pins = pins
        self.urandom = os.urandom

    def idle(self, ms):
        """Let `ms` pass, or less when the modem has something: 1 ms at least."""
        irq = self.port.irq
        end = time.monotonic_ns() + ms * 1000000
        while True:
            time.sleep(0.001)
            if irq() or time.monotonic_ns() >= end:
                return

    def led(self, on):
        self._led(1 if on else 0)

    def restart(self):
        """Reset the chip; on Linux end the program."""
        try:
            from microcontroller import reset
        except ImportError:
            raise SystemExit from None
        reset()


def assemble(settings, module, pins, outputs, spi, adc, duty, reset_cause=None, wdt=None,
             wdt_stop=None, can=None, card_spi=None):  # fmt: skip
    """The parts of a board.

    `module`: `board`; `outputs`: what `safe()` has taken, by name; `spi`: busio.SPI of the modem;
    `adc(pin)`, `duty`: a converter input by the table's entry, what measures the pilot's duty.
    `wdt(timeout_ms)`: arms a watchdog; `wdt_stop()` stops it. `can()`: the board's own CAN.
    `card_spi()`: a busio.SPI of its own for an SD card.
    """
    from digitalio import DigitalInOut

    parts = Parts(pins)

    def out(name, level=0):
        return PinCall(outputs[name])

    def into(name):
        pin = DigitalInOut(getattr(module, pins[name]))
        pin.switch_to_input()
        return PinCall(pin)

    start = time.monotonic_ns()

    def clock():
        return (time.monotonic_ns() - start) // 1000000

    parts.port = Qca7000(
        BusioSpi(spi, outputs["QCA_CS"]), into("QCA_INT"), reset_low(outputs["QCA_RST"])
    )
    parts._led = out("LED")
    parts.reset_cause = reset_cause
    seconds = int(time.time())
    parts.unix = seconds if seconds > _2024 else None
    parts.board = board_of(
        settings, pins, out, into, adc, duty, lambda: clock() & _WRAP, clock,
        (wdt, wdt_stop, None), parts.port,
    )  # fmt: skip
    parts.can = can_of(settings, None, can)
    if settings.sd_card != "none" and "SD_CS" in pins:
        cs = DigitalInOut(getattr(module, pins["SD_CS"]))
        cs.switch_to_output(True)
        try:
            from drivers.sd_open import on_busio

            parts.card = on_busio(card_spi(), cs)
        except ImportError:
            pass  # not in this image, which the device says
    parts.clock = parts.board.clock
    return parts
