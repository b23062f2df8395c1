# SPDX-License-Identifier: MIT
"""The two watchdogs: pulses that keep outputs enabled, and the chip's own, armed while plugged in.

The pulse output changes its level with each feed and keeps a retriggerable monostable up, without
which neither S2 nor a coil has supply: what stops ticking lets go of everything, whatever level
its pins have. The chip's watchdog then restarts the software. It is armed by a plug, so a board on
the desk can be flashed in peace; where a port cannot stop it again it is fed until the next reset
(`sticky`), which the device therefore takes before it gives a person the REPL.
"""


class Watchdog:
    """`pulse`: output pin; `make(timeout_ms)`: arms the chip's, returns something with `feed()`.

    `make` may be None, `timeout_ms` 0: pulses alone. `stop()`: None, or disarms. `mark(on)`: None,
    or keeps over a reset that it was armed: for chips that cannot tell a bite from a wanted reset.
    """

    def __init__(self, pulse, make=None, timeout_ms=0, stop=None, mark=None):
        self._pulse = pulse
        self._make = make if timeout_ms else None
        self._ms = timeout_ms
        self._stop = stop
        self._mark = mark
        self._level = 0
        self._dog = None
        self.armed = False
        self.sticky = stop is None

    def feed(self):
        """From the tick alone."""
        self._level ^= 1
        self._pulse(self._level)
        if self._dog is not None:
            self._dog.feed()

    def attend(self, plugged):
        """From the main loop: arm or disarm, which a timer interrupt must not."""
        if self._make is None or plugged == self.armed:
            return
        if plugged:
            self.armed = True
            if self._mark is not None:
                self._mark(True)
            if self._dog is None:
                self._dog = self._make(self._ms)
        elif self._stop is not None:
            self._dog = None
            self._stop()
            self.armed = False
            if self._mark is not None:
                self._mark(False)

    def disarm(self):
        """Before a reset, or a person's REPL. False where only a reset stops it."""
        self.attend(False)
        return not self.armed
