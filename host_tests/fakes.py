# SPDX-License-Identifier: MIT
"""Small stand-ins for core tests: a board whose every reading a test sets."""

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
        self.is_locked = False
        self.c = False
        self.watchdogs = 0
        self.log = []

    def cp(self):
        state = "C" if self.c and self.pilot == "B" else self.pilot
        return state, self.duty

    def set_state_c(self, on):
        self.c = on
        self.log.append(("c", on))

    def contactors(self, on):
        self.log.append(("contactors", on, self.amps))
        if not (on and self.dead_contactors):
            self.closed = on or self.welded

    def contactor_feedback(self):
        return self.closed

    def lock(self, on):
        self.log.append(("lock", on))
        if self.lock_works:
            self.is_locked = on

    def locked(self):
        return self.is_locked

    def inlet_voltage(self):
        return self.volts

    def inlet_current(self):
        return self.amps

    def temperatures(self):
        return (self.celsius,)

    def watchdog(self):
        self.watchdogs += 1
