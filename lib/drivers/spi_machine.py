# SPDX-License-Identifier: MIT
"""`machine.SPI` of MicroPython as the bus of drivers: one chip-select period per call.

The SPI object comes configured: `SPI(0, baudrate=8_000_000, polarity=1, phase=1)`. Chip select is
an output pin, low while active; it stays low from the first to the last byte, as the QCA7000's
burst mode wants. Pins are called, as `machine.Pin` allows: `pin()` reads, `pin(value)` sets.
"""


class MachineSpi:
    """`exchange(out, into=None)` on one `machine.SPI` and one `machine.Pin`."""

    def __init__(self, spi, cs):
        self._write = spi.write
        self._readinto = spi.readinto
        self._cs = cs
        cs(1)

    def exchange(self, out, into=None):
        """Shift out `out`, then clock `into` full. Errors of the port's SPI go through."""
        cs = self._cs
        cs(0)
        try:
            self._write(out)
            if into is not None:
                self._readinto(into)
        finally:
            cs(1)


def reset_low(pin):
    """A `reset(active)` for a reset line that is active low."""

    def reset(active):
        pin(not active)

    reset(False)
    return reset
