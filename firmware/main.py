# SPDX-License-Identifier: MIT
"""MicroPython: Ctrl-C off, safe outputs before anything else can fail, then boot and run."""

import os


def deaf():
    """Ctrl-C is a byte from here on: the device decides who gets the REPL."""
    try:
        from micropython import kbd_intr
    except ImportError:  # Linux
        return
    while True:
        try:
            kbd_intr(-1)
            for _ in (0, 0):
                pass  # a Ctrl-C of the moment before is raised by a jump
            return
        except KeyboardInterrupt:
            pass


def asked():
    """Has the device reset the chip to give this prompt? Once, and not after a cut of power."""
    if "uevcc_repl" not in os.listdir():
        return False
    import machine

    os.remove("uevcc_repl")
    return machine.reset_cause() != machine.PWRON_RESET


deaf()
import uevcc_board  # noqa: E402

uevcc_board.safe()

if "uevcc_update" in os.listdir():
    print("uEVCC: an update was cut off, so this is no whole version: flash again")
elif asked():
    print("uEVCC: the REPL that was asked for; nothing runs until start() or a reset (Ctrl-D)")
else:
    from evcc.device import main

    main(uevcc_board)
