# SPDX-License-Identifier: MIT
"""How a device leaves its loop: to a person's REPL or to a reset, with no watchdog behind it.

Loaded when the loop has ended, contactors open and outputs safe. A watchdog that a plug has armed
would bite in the middle of a boot, or of what the person does, and be told as a fault. Where only
a reset stops it, the chip is reset, and main.py gives the prompt that was asked for.
"""

_MARK = "uevcc_repl"  # for main.py
_WAIT = "a plug has armed a watchdog that only a reset stops: resetting, then the REPL is yours"


def leave(d):
    """`d`: the Device, whose `left` says what somebody wanted."""
    disarm = getattr(d.parts.board, "disarm", None)
    if disarm is None or disarm():
        if d.left == "reset":
            d.terminal.reset()
        return
    if d.left == "repl":
        with open(d.root + _MARK, "w"):
            pass
        if d.terminal:
            d.terminal.write("\r\n" + _WAIT + "\r\n")
        d.parts.idle(100)  # until it is out
    d.parts.restart()
