# SPDX-License-Identifier: MIT
"""May the battery give back now? SOC floor, temperature, and a budget of cycles.

One full equivalent cycle is the battery's capacity given back once. The budget of a day counts by
the calendar where the time is known, else in any 24 h from the first use on; it survives power-off
where a store is given.
"""

from evcc.compat import const

_DAY_S = const(86400)
_BACK = const(1.0)  # % above the floor before giving back begins again
_WARMER = const(2.0)  # K inside the window, likewise
_FILE = const("ems")


class Permit:
    """`why`: None while giving back is allowed, else the reason, for a person."""

    def __init__(self, params, store=None):
        self._params = params
        self._store = store
        self.why = None
        self.session = 0.0  # Wh given back since plug-in
        self.day = 0.0  # Wh given back today
        self._day = None
        if store:
            data = store.read(_FILE)
            try:
                day, energy = data.decode().split()
                self._day, self.day = int(day), float(energy)
            except (AttributeError, ValueError, UnicodeError):  # nothing there, or not ours
                pass

    def plugged(self):
        """A new session."""
        self.session = 0.0

    def save(self):
        if self._store and self._day is not None:
            self._store.write(_FILE, b"%d %.0f" % (self._day, self.day))

    def count(self, energy, seconds):
        """`energy` Wh were given back; `seconds`: Unix time, or of any clock."""
        day = seconds // _DAY_S
        if day != self._day:
            self._day, self.day = day, 0.0
        self.session += energy
        self.day += energy

    def judge(self, soc, floor, celsius, capacity):
        """`floor`: % that is held back. `celsius`: None where the BMS alone knows: it limits."""
        p, was = self._params, self.why
        self.why = None
        if soc <= (floor + _BACK if was == "SOC" else floor):
            self.why = "SOC"
        elif celsius is not None:
            inside = _WARMER if was == "temperature" else 0.0
            if not p.ems_min_C + inside <= celsius <= p.ems_max_C - inside:
                self.why = "temperature"
        if self.why is None:
            if self.session >= p.ems_session_cycles * capacity:
                self.why = "cycles of this session"
            elif self.day >= p.ems_day_cycles * capacity:
                self.why = "cycles of this day"
        return self.why
