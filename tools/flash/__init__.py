# SPDX-License-Identifier: MIT
"""Firmware onto a board: compile, copy what changed, verify, say the version on both sides.

    python -m tools.flash RPI_PICO2 [--port /dev/ttyACM0]

`image` makes the files of a board, `link` talks to it through mpremote, `deploy` decides what to
do in which order, `circuitpy` copies to a drive instead. See README.md for what an interruption
leaves behind and what a flash never touches.
"""


class FlashError(Exception):
    """It cannot be done; the text says what, where, and what to do about it."""
