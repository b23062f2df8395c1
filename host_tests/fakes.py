# SPDX-License-Identifier: MIT
"""Small stand-ins for core tests: a board whose every reading a test sets."""

from evcc import ports

# settings that let the car give power back, as far as its limits go
GIVES_BACK = {
    "ev_discharge_power_W": 11000.0,
    "ev_discharge_current_A": 40.0,
    "market_profile": "* * DC_BPT - 11000; * * MCS_BPT - 11000; * * AC_BPT - 11000",
}


class FakeBoard:
    """Board ports with plain attributes; `log` lists what was switched, in order."""

    def __init__(self):
        self.pilot = "B"
        self.duty = 5
        self.volts = 0.0
        self.amps = 0.0
        self.celsius = 25.0
        self.closed = False
        self.welded = False
        self.dead_contactors = False
        self.lock_works = True
        self.isolation = None
        self.raw = None
        self.is_locked = False
        self.c = False
        self.watchdogs = 0
        self.log = []

    def sample(self, raw):
        raw[ports.CP] = ord("C" if self.c and self.pilot == "B" else self.pilot)
        raw[ports.DUTY] = self._int(self.duty, 10)
        raw[ports.INLET_mV] = self._int(self.volts, 1000)
        raw[ports.INLET_mA] = self._int(self.amps, 1000)
        raw[ports.FEEDBACK] = self._int(self.closed, 1)
        raw[ports.LOCKED] = self._int(self.is_locked, 1)
        raw[ports.HOTTEST_dC] = self._int(self.celsius, 10)
        raw[ports.ISOLATION] = self._int(self.isolation, 1)

    @staticmethod
    def _int(value, factor):
        return ports.NONE if value is None else round(value * factor)

    def set_state_c(self, on):
        self.c = on
        self.log.append(("c", on))

    def contactors(self, on):
        self.log.append(("contactors", on, self.amps))
        if not (on and self.dead_contactors):
            self.closed = on or self.welded

    def lock(self, on):
        self.log.append(("lock", on))
        if self.lock_works:
            self.is_locked = on

    def watchdog(self):
        self.watchdogs += 1


class FakeStore:
    """Store of files in a dict."""

    def __init__(self):
        self.files = {}

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        self.files[name] = bytes(data)
        return True

    def remove(self, name):
        return self.files.pop(name, None) is not None
