# SPDX-License-Identifier: MIT
"""The port of a CAN bus: classic frames of up to 8 bytes, polled. Drivers: lib/drivers/can_*.py.

    receive(data) -> identifier or None    fills `data`, a bytearray of 8; bytes after the frame: 0
    length                                 bytes of the frame received last
    send(identifier, data) -> bool         False: no room or no bus; try again later
    poll(now)                              look after errors; call it at least every 100 ms
    listen(identifiers)                    take these only, where hardware can; None: all
    ready                                  False: no controller answers, or the bus is off
    counters                               dict of numbers

An identifier of 29 bits carries the flag EXTENDED. Remote frames are dropped.
"""

from evcc.compat import const

EXTENDED = const(0x20000000)  # fits a small int of 32-bit MicroPython, with 29 bits below
MASK = const(0x1FFFFFFF)


def text(identifier):
    """ "0x351", or "0x18FF50E5x" where the identifier has 29 bits."""
    return "0x%X%s" % (identifier & MASK, "x" if identifier & EXTENDED else "")
