# SPDX-License-Identifier: MIT
"""Contactors of the DC inlet with their mirror contacts: one or two coils, one or two contacts.

The coil drivers have a pull-down and a common enable that falls when pulses stop (watchdog.py,
boards/README.md). Mirror contacts (IEC 60947-4-1 Annex F) cannot be closed while a main contact
is welded: wired as normally closed contacts to ground with a pull-up, closed contactors, a weld
and a broken wire all read high. When to switch is safety's decision.
"""

from evcc.ports import NONE


class Contactors:
    """`coils`, `feedback`: tuples of pins; `closed_level`: level of a closed contactor's contact.

    `read()`: 1 closed, 0 open, NONE without contacts. Contacts that disagree: while commanded open
    one closed contactor is enough for 1, while commanded closed one open contactor is for 0.
    """

    def __init__(self, coils, feedback=(), closed_level=1):
        self._coils = coils
        self._feedback = feedback
        self._closed = closed_level
        self._on = 0
        self.disagree = False

    def set(self, on):
        self._on = level = 1 if on else 0
        for coil in self._coils:
            coil(level)

    def read(self):
        pins = self._feedback
        if not pins:
            return NONE
        closed = 0
        for pin in pins:
            if pin() == self._closed:
                closed += 1
        self.disagree = 0 < closed < len(pins)
        if self._on:
            return 1 if closed == len(pins) else 0
        return 1 if closed else 0
