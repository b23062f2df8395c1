# SPDX-License-Identifier: MIT
"""An emergency in the car: safety acts first and alone, then the station is told, if it is there.

Every kind of emergency at every message, DC, AC, MCS, renegotiation, standby, parking; a station
that is silent, refuses, is gone. The first StopReason stays.
"""

import pytest
from evcc.iso20.flow import FLOW

from host_tests.sim import rig, rig_ac
from host_tests.sim.test_ac import MESSAGES as AC_MESSAGES
from host_tests.sim.test_faults import SAP
from host_tests.sim.test_faults_detours import PLACES, make
from tools.chart.tables import rows
from tools.emulator.plant import Violation

STOP, END = ["PowerDelivery", "SessionStop"], ["SessionStop"]
# what may still be said after each message, by the table; SessionStop itself is under way
LEFT = {
    SAP: [],
    "SessionSetup": [],
    "DC_PreCharge": STOP,
    "PowerDelivery": STOP,
    "DC_ChargeLoop": STOP,
    "AC_ChargeLoop": STOP,
    "SessionStop": [],
}
REASONS = (
    "OVER_TEMPERATURE", "ISOLATION_FAULT", "LIMIT_EXCEEDED", "VEHICLE_FAULT", "NO_INLET_SENSOR",
    "CONTACTOR_FAILED", "WELD_SUSPECTED", "PROTOCOL_STALLED",
)  # fmt: skip
ALWAYS = ("OVER_TEMPERATURE", "WELD_SUSPECTED")
LIMIT_MS = 3 * 1000 + 300


# our station answers FAILED when these come to it in pilot state B
NEED_C = ("DC_CableCheck", "DC_PreCharge", "PowerDelivery")


def Rig(*rows, timer=True, **more):
    """A board whose timer ticks safety: there code may be loaded before contactors are open."""
    return rig.Rig(*rows, timer=timer, **more)


class Emergency:
    """`reason` while the nth `message` of a rig is under way, or after its answer (`between`);
    what was asked, and when, from there on."""

    def __init__(self, rig, message, reason="VEHICLE_FAULT", nth=1, act=None, between=False):
        self.rig = rig
        self.at = self.opened = None
        self.reason = reason
        self.asked = (message, nth)
        self.act = act
        if between:
            rig.world.add(self)
        else:
            rig.at(message, self.happens, nth)

    def happens(self):
        rig = self.rig
        self.at = rig.world.now
        if self.act:
            self.act(rig)
        else:
            rig.controller.safety.fail(self.reason, "a test")

    def step(self, now):
        """Between two messages."""
        exchange, name = self.rig.controller._exchange, self.asked[0]
        counts = self.rig.station.secc.counts if self.rig.station.secc else {}
        if exchange and not exchange._waiting and exchange.state == name:
            if counts.get(name) == self.asked[1]:
                self.happens()
                return None
        return now + 1

    def run(self):
        rig = self.rig
        assert rig.run(), rig.outcome
        assert self.at is not None and rig.outcome["result"] == self.reason, rig.outcome
        return self

    @property
    def said(self):
        """[(ms, request)] that the station got after it, but for the one that was under way."""
        requests = [(e.ms, e.name[:-3]) for e in self.rig.station.log if e.direction == "request"]
        return requests[self.place + 1 :]

    @property
    def place(self):
        """Of the message among all requests."""
        requests = [e.name[:-3] for e in self.rig.station.log if e.direction == "request"]
        return [i for i, name in enumerate(requests) if name == self.asked[0]][self.asked[1] - 1]

    @property
    def names(self):
        return [name for _, name in self.said]

    def refused(self):
        """Did the station refuse the message under way, because it came in pilot state B?"""
        answers = [e for e in self.rig.station.log if e.direction == "response"]
        code = answers[self.place].message["ResponseCode"]
        return code.startswith("FAILED")

    def check(self, names):
        rig = self.rig
        assert self.names == names, (self.names, rig.station.summary())
        assert rig.outcome["forced_openings"] == 0
        assert rig.violations() == []
        if names:
            said = next(e.message for e in rig.station.log if e.name == "SessionStopReq")
            assert said["ChargingSession"] == "Terminate"
            assert said["EVTerminationCode"] == self.reason
            # first safety, then words
            went_b = [t for t, state in rig.pilot.history if state == "B"][-1]
            assert went_b <= self.at + 40 and self.said[0][0] >= went_b
        rig.check_safe()


def at_each(messages):
    return pytest.mark.parametrize("message", messages)


DC_MESSAGES = [SAP, *[row[0] for row in rows(FLOW)]]


@pytest.mark.shows("emergency in the car", "every message of DC", peer="our station")
@pytest.mark.parametrize(
    "reason", [r if r in ALWAYS else pytest.param(r, marks=pytest.mark.slow) for r in REASONS]
)
@at_each(DC_MESSAGES)
def test_dc(message, reason):
    e = Emergency(Rig(), message, reason).run()
    e.check([] if message in NEED_C else LEFT.get(message, END))
    assert e.refused() == (message in NEED_C)


@pytest.mark.parametrize("message, nth, names", [
    ("Authorization", 1, END), ("ScheduleExchange", 1, END), ("DC_CableCheck", 1, END),
    ("DC_CableCheck", 4, END), ("DC_PreCharge", 1, STOP), ("DC_ChargeLoop", 1, STOP),
    ("DC_ChargeLoop", 6, STOP), ("PowerDelivery", 2, END), ("DC_WeldingDetection", 1, END),
])  # fmt: skip
def test_dc_between_two_messages(message, nth, names):
    station = {"schedule_ms": 600, "authorization_ms": 600}
    e = Emergency(Rig(station=station), message, nth=nth, between=True).run()
    e.check(names)
    assert e.rig.station.summary()["violations"] == []


@pytest.mark.parametrize("timer", [False, True], ids=["loop", "timer"])
def test_words_come_when_the_contactors_are_open(timer):
    rig = Rig(timer=timer)
    opened = []

    class Watch:
        def step(self, now):
            if rig.plant.opened_at and not opened:
                opened.append(now)
            return now + 1

    rig.world.add(Watch())
    e = Emergency(rig, "DC_ChargeLoop", nth=5, between=True).run()
    assert len(rig.plant.opened_at) == 1 and abs(rig.plant.opened_at[0]) < 1
    e.check(STOP)
    assert e.at < opened[0] <= e.said[0][0]
    assert e.said[-1][0] - e.at < 1000  # with a station that lets its current go


@pytest.mark.shows("emergency in the car", "every message of AC", peer="our station")
@at_each(AC_MESSAGES)
def test_ac(message):
    e = Emergency(rig_ac.Rig(timer=True), message).run()
    e.check([] if e.refused() else LEFT.get(message, END))
    assert not e.refused() or message == "AC_ChargeLoop"


def test_ac_in_the_loop():
    rig = rig_ac.Rig(timer=True)
    e = Emergency(rig, "AC_ChargeLoop", nth=5, between=True).run()
    e.check(STOP)
    assert rig.station.summary()["violations"] == []


@pytest.mark.shows("emergency in the car", "MCS", peer="our station")
@at_each(["DC_CableCheck", "DC_PreCharge", "DC_ChargeLoop"])
def test_mcs(message):
    most = {"max_voltage_V": 1250, "max_current_A": 3000, "max_power_W": 3750000}
    rig = Rig(
        settings={
            "services": "MCS", "ev_empty_V": 900.0, "ev_full_V": 1000.0, "ev_min_V": 800.0,
            "ev_max_V": 1200.0, "ev_capacity_Wh": 600000.0, "ev_charge_power_W": 3.75e6,
            "ev_charge_current_A": 3000.0,
        },
        station={"services": ["MCS_BPT", "MCS"], "cable_check_V": 1000, **most},
        steps=((0, 300000),),
    )  # fmt: skip
    e = Emergency(rig, message, between=True).run()
    e.check(LEFT.get(message, END))
    assert rig.outcome["service"] == "MCS"


AFTER = {
    "renegotiation": [],  # a schedule would have to come first
    "new schedule": STOP,
    "new start": [],  # refused: it came in pilot state B
    "standby": STOP,
    "loop in standby": STOP,
    "precharge after standby": [],  # the same
    "start after standby": STOP,
    "metering": STOP,
    "stop for another service": [],
    "choice of another service": END,
    "check-in": END,
    "check-out": END,
    "stop for a pause": [],
}


@pytest.mark.parametrize("place", PLACES)
def test_detours(place):
    rig, message, nth = make(place, timer=True)
    e = Emergency(rig, message, nth=nth).run()
    assert e.names == AFTER[place]
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    rig.check_safe()
    if e.names:
        assert rig.station.summary()["termination"][0] == "VEHICLE_FAULT"


def test_welding_detection_is_skipped_after_a_stop_that_was_answered():
    """PowerDelivery(Stop) has been said already: it is not said twice."""
    rig = Rig()
    Emergency(rig, "PowerDelivery", nth=2).run().check(END)
    assert rig.station.secc.counts["PowerDelivery"] == 2
    assert "DC_WeldingDetection" not in rig.station.secc.counts


# ---- as they happen --------------------------------------------------------------------------


def hot(rig):
    rig.board.inlet_C[0] = 95.0


def weak(rig):
    rig.board.isolation = False


def broken(rig):
    rig.device.vehicle.trouble = "crash"


@pytest.mark.parametrize(
    "act, reason",
    [(hot, "OVER_TEMPERATURE"), (weak, "ISOLATION_FAULT"), (broken, "VEHICLE_FAULT")],
)
@pytest.mark.parametrize("timer", [False, True], ids=["loop", "timer"])
def test_in_the_loop_as_it_happens(act, reason, timer):
    rig = Rig(timer=timer)
    Emergency(rig, "DC_ChargeLoop", reason, 4, act, between=True).run()
    # a loop's request may cross the tick; the station is told all the same
    assert [e.name for e in rig.station.log if e.direction == "request"][-2:] == [
        "PowerDeliveryReq", "SessionStopReq",
    ]  # fmt: skip
    assert rig.outcome["forced_openings"] == 0 and rig.violations() == []
    rig.check_safe()


def test_where_the_loop_ticks_an_answer_under_way_goes_unheard():
    """No code is loaded there with closed contactors: nothing is said, and all is safe."""
    e = Emergency(Rig(timer=False), "DC_ChargeLoop", nth=4).run()
    e.check([])
    e = Emergency(Rig(timer=False), "ScheduleExchange").run()
    e.check(END)


def test_a_lock_that_fails_and_a_contactor_that_does():
    rig = Rig()
    rig.board.motor.stuck = True
    assert rig.run() and rig.outcome["result"] == "LOCK_FAILED"
    assert rig.station.log[-1].name == "SessionStopRes"
    rig = Rig()
    rig.plant.contactors.stuck_open = True
    assert rig.run() and rig.outcome["result"] == "CONTACTOR_FAILED"
    assert rig.station.log[-1].name == "SessionStopRes"
    rig.check_safe()


def test_a_forced_opening_is_told_too_and_keeps_its_name():
    rig = Rig([{"do": "ignore_pilot_b", "after_s": 0.5}], station={"loop_timeout_ms": 60000})
    e = Emergency(rig, "DC_ChargeLoop", "VEHICLE_FAULT", 9, broken)
    assert rig.run() and rig.outcome["result"] == "FORCED_OPENING"
    assert rig.outcome["detail"].startswith("VEHICLE_FAULT")
    assert e.names[-2:] == STOP and rig.outcome["forced_openings"] == 1
    assert rig.station.summary()["termination"][0] == "VEHICLE_FAULT"
    rig.check_safe()


# ---- nobody to tell, or not well received ------------------------------------------------------

# faults of the station at the farewell's own messages
HARD = [
    ({"do": "withhold"}, False),
    ({"do": "delay", "ms": 6000}, False),
    ({"do": "code", "code": "FAILED"}, False),
    ({"do": "code", "code": "FAILED_SequenceError"}, False),
    ({"do": "undecodable"}, False),
    ({"do": "session_id"}, False),
    ({"do": "duplicate"}, None),
    ({"do": "close_tcp"}, False),
    ({"do": "reset_tcp"}, False),
    ({"do": "drop_frames", "ms": 60000}, False),
    ({"do": "delay", "ms": 700}, True),
    ({"do": "code", "code": "OK"}, True),
]
NAMES = [" ".join(map(str, row.values())) for row, _ in HARD]


@pytest.mark.parametrize("row, goes_on", HARD, ids=NAMES)
@pytest.mark.parametrize("at, nth", [("PowerDelivery", 2), ("SessionStop", 1)])
def test_a_station_that_takes_it_badly(row, goes_on, at, nth):
    rig = Rig([dict(row, at=at, nth=nth)])
    e = Emergency(rig, "DC_ChargeLoop", nth=3).run()
    if at == "PowerDelivery" and goes_on is not None:
        assert e.names == (STOP if goes_on else ["PowerDelivery"])
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    assert rig.plant.opened_at and abs(rig.plant.opened_at[0]) < 1
    rig.check_safe()


@pytest.mark.parametrize("row", [row for row, _ in HARD[:10]], ids=NAMES[:10])
def test_the_answer_that_was_under_way_decides(row):
    """A FAILED, wrong or missing answer to the last request: nothing more is sent."""
    rig = Rig([dict(row, at="DC_ChargeLoop", nth=5)])
    e = Emergency(rig, "DC_ChargeLoop", nth=5).run()
    if row["do"] != "delay":
        assert e.names == [], e.said
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    rig.check_safe()


def test_a_silent_station_costs_little_time():
    """From the emergency to the end, unlocked: the short deadlines, TCP's end, no more."""
    took = {}
    for nth in (0, 2):
        rows = [{"do": "withhold", "at": "PowerDelivery", "nth": nth}] if nth else []
        rig = Rig(rows)
        e = Emergency(rig, "DC_ChargeLoop", nth=3).run()
        took[nth] = rig.controller.now - e.at
    assert took[2] - took[0] < LIMIT_MS


@pytest.mark.parametrize("how", ["unplugged", "E", "F", "off"])
def test_an_emergency_of_the_station_or_no_plug_is_not_answered(how):
    """A pulled plug, a pilot fault: no word, as before."""
    rig = Rig([] if how == "unplugged" else [{"do": "pilot", "after_s": 1, "to": how}])
    if how == "unplugged":
        rig.at("DC_ChargeLoop", lambda: rig.board.unplug(force=True), 4)
    assert rig.run()
    asked = [e.name for e in rig.station.log if e.direction == "request"]
    assert asked[-1] == "DC_ChargeLoopReq"
    assert rig.outcome["result"] in ("UNPLUGGED", "PILOT_LOST", "FORCED_OPENING")
    assert rig.violations(Violation.UNPLUGGED_LIVE, Violation.VOLTAGE_IN_B) == []
    rig.check_safe()


def test_unplugged_in_the_middle_of_it():
    rig = Rig([{"do": "delay", "ms": 900, "at": "PowerDelivery", "nth": 2}])
    e = Emergency(rig, "DC_ChargeLoop", nth=3)

    class Hand:
        def step(self, now):
            if rig.station.secc and rig.station.secc.counts.get("PowerDelivery") == 2:
                rig.board.unplug(force=True)
                rig.world.remove(self)
            return now + 5

    rig.world.add(Hand())
    e.run()
    assert e.names == ["PowerDelivery"]
    rig.check_safe()


@pytest.mark.parametrize("fault", ["FAILED", "withhold", "undecodable"])
def test_after_the_stations_own_fault_nothing_is_said(fault):
    row = {"do": "code", "code": "FAILED"} if fault == "FAILED" else {"do": fault}
    rig = Rig([dict(row, at="DC_ChargeLoop", nth=4)])
    assert rig.run()
    assert rig.station.secc.counts.get("SessionStop") is None
    assert rig.station.secc.counts["PowerDelivery"] == 1


def test_whatever_breaks_in_it_the_reason_stays(monkeypatch):
    from evcc.iso20 import farewell

    def broken(s, powered):
        raise MemoryError

    monkeypatch.setattr(farewell, "left", broken)
    rig = Rig()
    Emergency(rig, "DC_ChargeLoop", "OVER_TEMPERATURE", 3).run()
    assert rig.controller.state == "unplugged" and rig.outcome["forced_openings"] == 0
    rig.check_safe()


def test_the_next_session_is_a_whole_one():
    rig = Rig()
    Emergency(rig, "DC_ChargeLoop", nth=3).run()
    rig.board.unplug()
    rig.world.run(rig.world.now + 1000)
    rig.board.plug()
    assert rig.world.run_until(lambda: rig.controller.sessions == 2, rig.world.now + 200_000)
    assert rig.controller.result == "STATION_TERMINATE"
