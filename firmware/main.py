# SPDX-License-Identifier: MIT
"""MicroPython: safe outputs before anything else can fail, then boot and run."""

import os

import uevcc_board

uevcc_board.safe()


def asked():
    """Has the device reset the chip to give this prompt? Once, and not after a cut of power."""
    if "uevcc_repl" not in os.listdir():
        return False
    import machine

    os.remove("uevcc_repl")
    return machine.reset_cause() != machine.PWRON_RESET


if "uevcc_update" in os.listdir():
    print("uEVCC: an update was cut off, so this is no whole version: flash again")
elif asked():
    print("uEVCC: the REPL that was asked for; nothing runs until start() or a reset (Ctrl-D)")
else:
    from evcc.device import main

    main(uevcc_board)
