# SPDX-License-Identifier: MIT
"""What `Parts.card` is where settings ask for an SD card: small, it stays for that.

Called with a clock and a time (see SdSpi) it loads the driver, which its user drops again.
"""


def on_machine(spi, cs, fast):
    """`spi()`: a `machine.SPI` or SoftSPI, maybe a CAN chip's; `cs()`: an output pin, high."""

    def card(now, within):
        from drivers.sd_mount import machine_card

        return machine_card(spi(), cs(), fast, now, within)

    return card


def on_busio(spi, cs):
    """`spi`: a `busio.SPI` of its own; `cs`: a `digitalio` output, high."""

    def card(now, within):
        from drivers.sd_mount import busio_card

        return busio_card(spi, cs, now, within)

    return card
