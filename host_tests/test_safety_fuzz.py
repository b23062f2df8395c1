# SPDX-License-Identifier: MIT
"""Safety against any sequence of readings and requests: what must never happen never does.

The judge stands at the board's pins and keeps its own books; it reads nothing of safety but the
count of forced openings and the fault that it reports.
"""

import pytest
from evcc.params import Params
from evcc.reasons import V2GError
from evcc.safety import Safety
from evcc.safety_ac import AcPower
from evcc.sim_vehicle import SimVehicle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tests.fakes import FakeBoard

TICK_MS = 20


class Judge(FakeBoard):
    """A board that fails the test when an output moves as it must not."""

    def __init__(self):
        super().__init__()
        self.safety = None
        self.coils = False
        self.commanded_lock = None
        self.under_current = 0
        self.fed = 0

    def contactors(self, on):
        if on and not self.coils:
            assert self.c and self.pilot in "BCD", "closed without state C"
            assert not self.safety.trip and not self.safety.fault, "closed after a fault"
            pack = self.safety.vehicle.measured().pack_voltage
            assert self.volts is not None and abs(self.volts - pack) < 25, "closed onto a step"
            assert not self.safety.ac
        if self.coils and not on and (self.amps is None or abs(self.amps) >= 1):
            self.under_current += 1
        self.coils = on
        super().contactors(on)

    def set_state_c(self, on):
        if on and not self.c:
            assert not self.safety.trip and not self.safety.fault, "state C after a fault"
        super().set_state_c(on)

    def lock(self, on):
        if not on:
            assert not self.coils and self.closed is not True, "unlocked while closed"
            assert not self.c and self.pilot not in "CD", "unlocked in state C"
            if self.volts is None:
                assert self.pilot in "AB"
            else:
                assert self.volts < 60, "unlocked live"
        self.commanded_lock = on
        super().lock(on)

    def watchdog(self):
        self.fed += 1


class Run:
    def __init__(self):
        self.board = Judge()
        self.params = Params()
        for name, value in (("ev_discharge_power_W", 9e3), ("ev_discharge_current_A", 30.0)):
            self.params.set(name, value)
        self.vehicle = SimVehicle(self.board, self.params)
        self.board.safety = Safety.__new__(Safety)
        self.board.safety.trip = self.board.safety.fault = None
        self.safety = Safety(self.board, self.vehicle, self.params)
        self.board.safety = self.safety
        self.beaten = True
        self.now = self.heard = self.silent = self.wrong = self.bad_pilot = self.faulty = 0
        self.tick(3)

    def tick(self, n, polled=True):
        for _ in range(n):
            self.now += TICK_MS
            if self.beaten:
                self.beaten, self.heard = False, self.now
            board, safety = self.board, self.safety
            open_before = safety.state == "open"
            fed = board.fed
            safety.tick(self.now)
            self.silent = self.now - self.heard
            if polled:
                safety.poll()
                self.beaten = True
            self.judge(open_before, board.fed - fed)

    def judge(self, open_before, fed):
        board, safety = self.board, self.safety
        assert safety.forced_openings == board.under_current
        # the watchdog starves only when the protocol has been silent for a minute
        assert fed == (self.silent < 60_000)
        fault = safety.trip or safety.fault
        self.faulty = self.faulty + TICK_MS if fault else 0
        if self.faulty > TICK_MS:
            assert not board.c, "state C after a fault"
        if self.faulty > 2000 + 3 * TICK_MS:
            assert not board.coils, "closed after a fault"
        # what stays wrong for 100 ms ends it
        live = board.coils and board.c
        limits = self.params
        amps, volts = board.amps, board.volts
        wrong = live and (
            volts is None
            or volts > limits.ev_max_V * 1.02 + 1
            or (amps is not None and amps > limits.ev_charge_current_A * 1.05 + 3)
            or (amps is not None and -amps > limits.ev_discharge_current_A * 1.05 + 3)
            or board.celsius > limits.inlet_max_C + 1
            or (board.isolation is False and not open_before)
        )
        self.wrong = self.wrong + TICK_MS if wrong else 0
        bad = board.c and not open_before and (board.pilot in "AEF" or board.duty is None)
        self.bad_pilot = self.bad_pilot + TICK_MS if bad else 0
        assert self.wrong <= 100 and self.bad_pilot <= 120, "no reaction"
        assert not (self.silent > 4100 and board.c), "nobody lives and state C"

    def request(self, name):
        try:
            if name == "ac":
                AcPower(self.safety, self.vehicle.charger())
            elif name == "suspect":
                self.safety.suspect_weld()
            elif name == "toggle":
                self.safety.toggle(2)
            else:
                getattr(self.safety, name)()
        except V2GError:
            pass

    def begin(self, state):
        if state == "open":
            return
        self.safety.lock()
        if state == "ac":
            self.request("ac")
            self.tick(8)
        else:
            self.safety.ready()
            self.tick(2)
            self.board.volts = self.vehicle.measured().pack_voltage
            self.tick(2)
            if state == "closed":
                self.safety.close()
                self.tick(3)
        assert self.safety.state == state


READINGS = {
    "pilot": "ABBBCDEF",
    "duty": (None, 5, 5, 5, 50),
    "volts": (None, 0.0, 59.0, 61.0, 350.0, 370.0, 371.0, 390.0, 430.0, 700.0),
    "amps": (None, 0.0, 0.4, -0.9, 5.0, 100.0, 400.0, -20.0, -80.0),
    "celsius": (25.0, 80.0, 95.0),
    "isolation": (None, True, False),
    "welded": (False, True),
    "dead_contactors": (False, True),
    "lock_works": (True, False),
}
REQUESTS = (
    "ready", "close", "release", "lock", "unlock", "reset", "ac", "suspect", "toggle", "ready",
    "close",
)  # fmt: skip
STEPS = st.one_of(
    st.sampled_from(sorted(READINGS)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(READINGS[name]))
    ),
    st.tuples(st.just("ask"), st.sampled_from(REQUESTS)),
    st.tuples(st.just("tick"), st.sampled_from((1, 1, 2, 5, 10, 110))),
    st.tuples(st.just("silent"), st.sampled_from((1, 5, 210))),
    st.tuples(st.just("trouble"), st.sampled_from((None, "crash"))),
    st.tuples(st.just("charger"), st.sampled_from((0.0, 3000.0, 30000.0, -9000.0))),
)


def play(state, steps):
    run = Run()
    run.begin(state)
    for name, value in steps:
        if name == "ask":
            run.request(value)
        elif name == "tick":
            run.tick(value)
        elif name == "silent":
            run.tick(value, False)
        elif name == "trouble":
            run.vehicle.trouble = value
        elif name == "charger":
            charger = run.vehicle.charger()
            charger.active_power = value
            charger.step = lambda seconds: 0.0
        else:
            setattr(run.board, name, value)
            run.tick(1)
    # whatever it was: told to release and left alone it comes to rest
    run.safety.release()
    run.board.amps, run.vehicle.trouble = 0.0, None
    if run.vehicle._charger:
        run.vehicle._charger.active_power = 0.0
    run.tick(130)
    assert not run.board.c and not run.board.coils
    assert run.safety.state == ("stuck" if run.board.closed else "open") or run.board.welded


STATES = ("open", "ready", "closed", "ac")


@pytest.mark.parametrize("state", STATES)
def test_nothing_that_must_not_be(state):
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, max_size=25))
    def any_sequence(steps):
        play(state, steps)

    any_sequence()


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
def test_nothing_that_must_not_be_for_long(state):
    @settings(max_examples=1200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, max_size=40))
    def any_sequence(steps):
        play(state, steps)

    any_sequence()


def test_a_minute_of_silence_starves_the_watchdog():
    run = Run()
    run.begin("closed")
    run.tick(3010, False)
    fed = run.board.fed
    run.tick(10, False)
    assert run.board.fed == fed and not run.board.coils and not run.board.c
    run.tick(2)
    assert run.board.fed == fed + 1  # the next sign of life feeds again
