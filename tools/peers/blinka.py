# SPDX-License-Identifier: MIT
"""Adafruit's Blinka (CircuitPython's API on Linux), their PIO assembler, and a PIO emulator."""

from .base import Venv

PEER = Venv(
    "blinka",
    "10.0.0",
    "blinka",
    "complete",
    "CircuitPython's API on Linux; PIO assembler, PIO emulator",
    [
        "Adafruit-Blinka==10.0.0",
        "adafruit-circuitpython-pioasm==1.3.8",
        "rp2040-pio-emulator==0.88.0",
    ],
)
