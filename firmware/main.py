# SPDX-License-Identifier: MIT
"""MicroPython: safe outputs before anything else can fail, then boot and run."""

import os

import uevcc_board

uevcc_board.safe()

if "uevcc_update" in os.listdir():
    print("uEVCC: an update was cut off, so this is no whole version: flash again")
else:
    from evcc.device import main

    main(uevcc_board)
