# SPDX-License-Identifier: MIT
"""The drivers of one board behind safety's ports (evcc.ports): the same object on every Python.

It only puts readings into an array and hands commands on. A part that is None is not there: its
reading is NONE, a command for it does nothing.
"""

from array import array

from evcc.ports import (
    CP,
    DUTY,
    FEEDBACK,
    ISOLATION,
    LOCKED,
    NONE,
    HOTTEST_dC,
    INLET_mA,
    INLET_mV,
)


class Board:
    """`ticks()`: ms that wrap at 2**30; `time()`: ms that do not; the rest are drivers or None.

    `temperatures`: one or two Thermometers. `cable_A` is what the plug's coding allows (A), NONE
    where nothing tells.
    """

    def __init__(
        self, ticks, time, pilot, contactors, watchdog,
        lock=None, volts=None, amps=None, temperatures=(), isolation=None, proximity=None,
    ):  # fmt: skip
        self.ticks = ticks
        self._time = time
        self.pilot = pilot
        self._contactors = contactors
        self._watchdog = watchdog
        self._lock = lock
        self._volts = volts
        self._amps = amps
        self._temperatures = temperatures
        self._celsius = array("i", [t.read() for t in temperatures])
        self._turn = 0
        self._isolation = isolation
        self._proximity = proximity
        self.rest = None  # a Rest
        self.raw = None  # safety's array
        # Same objects every time: a bound method would be made anew by each access.
        self.set_state_c = pilot.show_c
        self.contactors = contactors.set
        self.watchdog = watchdog.feed

    def sample(self, raw):
        """All inputs into `raw`, and the lock's motor one step on."""
        raw[CP] = self.pilot.read()
        raw[DUTY] = self.pilot.duty
        raw[INLET_mV] = NONE if self._volts is None else self._volts.read()
        raw[INLET_mA] = NONE if self._amps is None else self._amps.read()
        raw[FEEDBACK] = self._contactors.read()
        if self._temperatures:
            raw[HOTTEST_dC] = self._hottest()
        else:
            raw[HOTTEST_dC] = NONE
        raw[ISOLATION] = NONE if self._isolation is None else self._isolation.read()
        if self._lock is None:
            raw[LOCKED] = NONE
        else:
            raw[LOCKED] = self._lock.read()
            self._lock.step(self.ticks())

    def _hottest(self):
        """One sensor a tick, in turn: contacts warm up in seconds."""
        celsius = self._celsius
        n = self._turn
        celsius[n] = self._temperatures[n].read()
        self._turn = n + 1 if n + 1 < len(celsius) else 0
        return max(celsius[0], celsius[-1])

    def lock(self, on):
        if self._lock is not None:
            self._lock.set(on)

    def clock(self):
        """ms that never wrap, for loops; on the way what an interrupt must not do is done."""
        self._watchdog.attend(self.pilot.state != 65)
        now = self._time()
        if self.rest is not None:
            self.rest.attend(now)
        return now

    def disarm(self):
        """Stop the chip's watchdog; False where a plug has armed one that only a reset stops."""
        return self._watchdog.disarm()

    @property
    def cable_A(self):
        return NONE if self._proximity is None else self._proximity.cable_A
