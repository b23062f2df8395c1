# SPDX-License-Identifier: MIT
"""The emulated board's modem on the API of CircuitPython (see circuit.py); loaded there alone."""

import board
import busio
from digitalio import DigitalInOut
from drivers.qca7000 import Qca7000
from drivers.spi_circuitpython import BusioSpi, level, reset_low


def modem():
    """The driver on its bus."""
    spi = busio.SPI()
    cs, reset = DigitalInOut(board.QCA_CS), DigitalInOut(board.QCA_RST)
    cs.switch_to_output(True)
    reset.switch_to_output(True)
    return Qca7000(
        BusioSpi(spi, cs), irq=level(DigitalInOut(board.QCA_INT)), reset=reset_low(reset)
    )
