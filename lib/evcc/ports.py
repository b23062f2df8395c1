# SPDX-License-Identifier: MIT
"""The ports of a board: what safety measures and switches, as integers and without garbage.

A board is any object with these methods. The first six are called from safety's tick, which may be
a hard timer interrupt: they allocate nothing, raise nothing, wait for nothing.

    sample(raw)        fill `raw`, an array("i") of N numbers, by the indices below
    set_state_c(on)    S2 of the pilot: True shows state C, False B
    contactors(on)     coils of both DC contactors
    lock(on)           the connector lock's motor: True locks; a command, not a level to be held
    watchdog()         feed the watchdog, pulse the monostable that enables S2 and the coils
    ticks()            ms as a small int, wraps at 2**30; only a board with a timer needs it
    clock()            ms that never wrap, for loops; never called from the tick
    disarm()           stop the chip's watchdog, False where only a reset does; may be missing

Levels after a reset, before any call: pilot B, contactors open, lock not driven. `board.raw` is
set by safety: its array, as the last tick filled it. Who else wants to see a measured value (a
simulated vehicle, a LED) reads it there; `sample` itself belongs to the tick alone.
"""

from array import array

NONE = -0x20000000  # there is no such sensor; a small int on every MicroPython

CP = 0  # ord of the pilot's state, "A".."F" (IEC 61851-1 Table A.4)
DUTY = 1  # per mille; NONE without an oscillator
INLET_mV = 2  # on the station's side of the contactors
INLET_mA = 3  # + into the battery
FEEDBACK = 4  # contactors: 1 closed (one of them is enough), 0 open
LOCKED = 5  # 1, 0
HOTTEST_dC = 6  # hottest contact of the inlet, 0.1 degrees Celsius
ISOLATION = 7  # isolation monitor in the car: 1 good, 0 fault
N = 8


def new():
    """An array for `sample`: pilot A, nothing else known."""
    return array("i", (65, NONE, NONE, NONE, NONE, NONE, NONE, NONE))
