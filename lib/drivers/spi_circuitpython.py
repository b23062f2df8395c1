# SPDX-License-Identifier: MIT
"""`busio.SPI` of CircuitPython, and of Blinka on Linux boards, as the bus of drivers.

One chip-select period per call; the bus is locked and configured for each, since others may share
it. Chip select is a `digitalio.DigitalInOut` switched to output. There are no interrupt handlers:
drivers poll, `level(pin)` gives the interrupt line as a call.
"""

from evcc.compat import const

_TRIES = const(1000)


class BusioSpi:
    """`exchange(out, into=None)` on a `busio.SPI` and a `digitalio` output; mode 3 by default.

    Raises OSError when somebody else keeps the bus locked.
    """

    def __init__(self, spi, cs, baudrate=8_000_000, polarity=1, phase=1):
        self._spi = spi
        self._cs = cs
        self._settings = baudrate, polarity, phase
        cs.value = True

    def exchange(self, out, into=None):
        """Shift out `out`, then clock `into` full."""
        spi = self._spi
        for _ in range(_TRIES):
            if spi.try_lock():
                break
        else:
            raise OSError("SPI bus is locked by another driver and stays so")
        try:
            baudrate, polarity, phase = self._settings
            spi.configure(baudrate=baudrate, polarity=polarity, phase=phase)
            self._cs.value = False
            spi.write(out)
            if into is not None:
                spi.readinto(into)
        finally:
            self._cs.value = True
            spi.unlock()


def level(pin):
    """`irq() -> bool` of a digitalio input."""
    return lambda: pin.value


def reset_low(pin):
    """A `reset(active)` for a reset line that is active low."""

    def reset(active):
        pin.value = not active

    reset(False)
    return reset
