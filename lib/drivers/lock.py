# SPDX-License-Identifier: MIT
"""Motor of the connector lock at an H-bridge: runs for a time or to its end switch, tries again.

A command only says what is wanted; `step` drives. The motor never runs longer than `travel_ms`:
lock motors are made for short pulses and burn when stalled. Both inputs low is the bridge's idle;
it is held for one step before the direction changes. Nothing moves before the first command.
"""

from evcc.compat import const
from evcc.ports import NONE

_OVERRUN_MS = const(40)  # on, after the end switch has closed: into the stop
_PAUSE_MS = const(500)  # of a stalled motor before the next attempt
_TRIES = const(3)
_WRAP = const(0x3FFFFFFF)

_REST = const(0)  # one by one: a tuple of them would not be folded
_RUN = const(1)
_PAUSE = const(2)
_BRAKE = const(3)


class Lock:
    """`a` high drives to locked, `b` to unlocked; `switch`: None or the end switch's pin.

    `locked_level`: the switch's level when locked. `read()`: 1, 0, or NONE without a switch.
    `stalled`: the last attempts have not reached the switch; a new command tries again.
    """

    def __init__(self, a, b, switch=None, locked_level=0, travel_ms=600):
        self._a, self._b = a, b
        self._switch = switch
        self._level = locked_level
        self._travel = travel_ms
        self._want = NONE
        self._phase = _REST
        self._done = True  # without a switch: this command has had its pulse
        self._since = self._tries = 0
        self._arrived = False
        self.stalled = False

    def set(self, on):
        """Lock (True) or unlock; asking again for the same is nothing new."""
        want = 1 if on else 0
        if want != self._want:
            self._want = want
            self._done = False
            self._tries = 0
            self.stalled = False
            if self._phase == _RUN:
                self._stop(_BRAKE)

    def read(self):
        if self._switch is None:
            return NONE
        return 1 if self._switch() == self._level else 0

    def step(self, now):
        """Drive the motor; `now` in ms may wrap at 2**30. At most every 50 ms, from the tick."""
        if self._want == NONE:
            return
        phase = self._phase
        there = self.read() == self._want
        if phase == _RUN:
            ran = (now - self._since) & _WRAP
            if there and not self._arrived:
                self._arrived = True
                # what is left of the time becomes the overrun
                if ran < self._travel - _OVERRUN_MS:
                    self._since = (now - self._travel + _OVERRUN_MS) & _WRAP
            elif ran >= self._travel:
                self._stop(_REST if there or self._switch is None else _PAUSE)
                self._since = now
        elif phase == _BRAKE:
            self._phase = _REST
        elif phase == _PAUSE:
            if (now - self._since) & _WRAP >= _PAUSE_MS:
                self._phase = _REST
        elif not self.stalled and (not self._done if self._switch is None else not there):
            if self._tries >= _TRIES:
                self.stalled = True
                return
            self._tries += 1
            self._done = True
            self._phase = _RUN
            self._arrived = False
            self._since = now
            (self._a if self._want else self._b)(1)
        elif there:
            self._tries = 0

    def _stop(self, phase):
        self._a(0)
        self._b(0)
        self._phase = phase
