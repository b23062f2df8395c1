# SPDX-License-Identifier: MIT
"""The modem sleeps while nothing is plugged in, and the pilot wakes it.

Held in reset a QCA7000 takes next to nothing; awake it is the largest consumer beside the
contactors. It needs about a second to boot, of the 10 s that ISO 15118-3 gives from plug-in to the
first SLAC message (TP_EV_SLAC_init). The processor itself only idles: its tick goes on.
"""


class Rest:
    """`port`: the modem; `pilot`: Pilot; `after_ms`: unplugged for so long. `asleep`."""

    def __init__(self, port, pilot, after_ms):
        self._port = port
        self._pilot = pilot
        self._after = after_ms
        self._since = None
        self.asleep = False

    def attend(self, now):
        """From the main loop."""
        if self._pilot.state != 65:
            self._since = None
            if self.asleep:
                self.asleep = False
                self._port.wake(now)
        elif self._since is None:
            self._since = now
        elif not self.asleep and now - self._since >= self._after:
            self.asleep = True
            self._port.sleep()
