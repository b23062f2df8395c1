# SPDX-License-Identifier: MIT
"""Adafruit's `adafruit_sdcard` 3.3.30 (PyPI, MIT): an independent driver of SD cards over SPI.

`dir` goes on the module path; it also wants a module `micropython` with `const`, and gets its pins
and its SPI from the caller, so nothing else of Blinka is needed.
"""

from .base import Wheel

PEER = Wheel(
    "adafruit-sd",
    "3.3.30",
    "adafruit-sd",
    "adafruit_sdcard.py",
    "driver of SD cards over SPI",
    "adafruit-circuitpython-sd==3.3.30 adafruit-circuitpython-busdevice==5.2.16",
)
