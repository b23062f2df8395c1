# SPDX-License-Identifier: MIT
"""Ways out of the charge loop, on a station of dicts: order by the tables, refusals, stops."""

import pytest
from evcc.iso20 import ac, flow, metering
from evcc.reasons import V2GError

from host_tests.iso20 import scripted, scripted_ac

ROWS = metering.FLOW + ac.FLOW


def followed(names, energy):
    rows = ROWS if energy == "AC" else metering.FLOW
    return [(a, b) for a, b in zip(names, names[1:]) if b not in flow.follows(a, rows).split()]


def notice(name, delay=0):
    return {"NotificationMaxDelay": delay, "EVSENotification": name}


class Notify:
    """`what` in the answers to the loop from the nth on, until the car reacts; `code`: to it."""

    def __init__(self, energy, what, nth=5, code=None, lasting=False, **settings):
        self.run = (scripted_ac if energy == "AC" else scripted).Run(**settings)
        self.loop = energy + "_ChargeLoop"
        self.energy, self.what, self.nth, self.code = energy, what, nth, code
        self.lasting = lasting
        self.settled = False
        station = self.run.station
        station.loops_until_terminate = 40
        station.edit[self.loop] = self._loop
        station.edit["PowerDelivery"] = self._power

    def _loop(self, response):
        n = self.run.station.names().count(self.loop)
        if n >= self.nth and not self.settled and "EVSEStatus" not in response:
            response["EVSEStatus"] = notice(self.what)

    def _power(self, response):
        body = self.run.station.asked[-1][1]
        if body["ChargeProgress"] in (self.what, "Standby"):
            self.settled = not self.lasting
            if self.code:
                response["ResponseCode"] = self.code

    def play(self):
        self.run.run()
        self.names = self.run.station.names()
        assert followed(self.names, self.energy) == []
        assert not self.run.board.c and not self.run.board.closed
        assert self.run.safety.state == "open" and not self.run.safety.forced
        return self

    def progress(self):
        return [b["ChargeProgress"] for n, b in self.run.station.asked if n == "PowerDelivery"]


@pytest.mark.parametrize("energy", ["DC", "AC"])
@pytest.mark.parametrize("mode", ["Scheduled", "Dynamic"])
def test_schedule_renegotiation(energy, mode):
    n = Notify(energy, "ScheduleRenegotiation", control_mode=mode).play()
    assert n.progress() == ["Start", "ScheduleRenegotiation", "Start", "Stop"]
    assert n.names.count("ScheduleExchange") == 2 and n.names.count("DC_CableCheck") <= 1
    bodies = [b for name, b in n.run.station.asked if name == "PowerDelivery"][:3]
    for body in bodies:  # some stations want a profile wherever it is not Stop
        profile = body["EVPowerProfile"]
        assert ("Scheduled_EVPPTControlMode" in profile) == (mode == "Scheduled")
        assert profile["EVPowerProfileEntries"]["EVPowerProfileEntry"]
    if mode == "Scheduled":
        ids = [b["EVPowerProfile"]["Scheduled_EVPPTControlMode"] for b in bodies]
        assert {i["SelectedScheduleTupleID"] for i in ids} == {7}
    assert n.run.session.stop == "STATION_TERMINATE"


@pytest.mark.parametrize("energy", ["DC", "AC"])
def test_schedule_renegotiation_refused_once_although_the_station_goes_on_asking(energy):
    code = "WARNING_ScheduleRenegotiationFailed"
    n = Notify(energy, "ScheduleRenegotiation", code=code, lasting=True).play()
    assert n.progress() == ["Start", "ScheduleRenegotiation", "Stop"]
    assert n.names.count("ScheduleExchange") == 1


def test_go_to_pause_in_a_renegotiation():
    n = Notify("DC", "ScheduleRenegotiation")
    n.run.station.edit["ScheduleExchange"] = lambda r: (
        r.update(GoToPause=True) if n.run.station.names().count("ScheduleExchange") == 2 else None
    )
    n.play()
    assert n.run.session.stop == "STATION_PAUSE"
    assert n.progress() == ["Start", "ScheduleRenegotiation", "Stop"]
    assert n.run.station.asked[-1][1] == {"ChargingSession": "Pause"}


@pytest.mark.parametrize("energy", ["DC", "AC"])
def test_standby_and_exit(energy):
    n = Notify(energy, "ExitStandby", nth=12)
    n.run.session.wish = "Standby"
    opened = []

    def before(name):
        if name == n.loop and n.progress()[-1:] == ["Standby"]:
            opened.append((n.run.board.closed, n.run.board.c))
        n.settled = n.progress()[-1:] != ["Standby"]

    n.run.before = before
    loop = n.run.station
    name = n.loop
    answer = getattr(loop, name)

    def quiet(body):
        """In standby this station's own asserts on the power path do not hold."""
        if n.progress()[-1:] == ["Standby"]:
            if energy == "DC":
                n.run.board.volts *= 0.3
            response = {"Dynamic_%s_CLResControlMode" % energy: {}}
            if energy == "DC":
                response["EVSEPresentVoltage"] = response["EVSEPresentCurrent"] = {
                    "Exponent": 0,
                    "Value": 0,
                }
            return response
        return answer(body)

    setattr(loop, name, quiet)
    n.play()
    assert n.progress() == ["Start", "Standby", "Start", "Stop"]
    assert len(opened) > 3 and set(opened[1:]) == {(False, False)}
    assert (n.names.count("DC_PreCharge") > 3) == (energy == "DC")


@pytest.mark.parametrize("energy", ["DC", "AC"])
def test_standby_refused_then_asked_to_leave_it(energy):
    n = Notify(energy, "ExitStandby", nth=12, code="WARNING_StandbyNotAllowed")
    n.run.session.wish = "Standby"
    n.play()
    assert n.progress() == ["Start", "Standby", "Stop"]


@pytest.mark.parametrize("energy", ["DC", "AC"])
@pytest.mark.parametrize("what", ["MeteringConfirmation", "ExitStandby", "ServiceRenegotiation"])
def test_what_cannot_be_done_is_no_reason_to_end(energy, what):
    n = Notify(energy, what).play()
    assert n.run.session.stop == "STATION_TERMINATE"
    assert n.progress() == ["Start", "Stop"] and n.names.count(n.loop) >= 40


def test_service_renegotiation_goes_back_to_the_choice():
    n = Notify("DC", "ServiceRenegotiation")
    n.run.station.edit["ServiceDiscovery"] = lambda r: r.update(ServiceRenegotiationSupported=True)
    n.run.before = lambda name: setattr(n, "settled", n.names_so_far().count("SessionStop") > 0)
    n.names_so_far = n.run.station.names
    n.play()
    stops = [b["ChargingSession"] for name, b in n.run.station.asked if name == "SessionStop"]
    assert stops == ["ServiceRenegotiation", "Terminate"]
    assert n.names.count("ServiceSelection") == 2 and n.names.count("Authorization") == 1
    assert n.progress() == ["Start", "Stop", "Start", "Stop"]


STEPS = ["ScheduleExchange", "PowerDelivery"]


@pytest.mark.parametrize("energy", ["DC", "AC"])
@pytest.mark.parametrize("at", STEPS)
@pytest.mark.parametrize("error", [False, True])
def test_stop_and_loss_in_a_renegotiation(energy, at, error):
    n = Notify(energy, "ScheduleRenegotiation")
    done = []

    def before(name):
        if name == at and "ScheduleRenegotiation" in n.progress() and not done:
            done.append(1)
            if error:
                raise LookupError
            n.run.session.wish_stop("USER_STOP")

    n.run.before = before
    if not error:
        n.play()
        assert n.run.session.stop == "USER_STOP" and n.names[-1] == "SessionStop"
        return
    story = n.run.session.story

    def throwing():
        inner = story()
        wish = next(inner)
        while True:
            try:
                answer = yield wish
            except GeneratorExit:
                with pytest.raises(V2GError):
                    inner.throw(V2GError("LINK_LOST"))
                raise
            wish = inner.send(answer)

    n.run.session.story = throwing
    with pytest.raises(LookupError):
        n.run.run()
    del n.run.session.story
    import gc

    gc.collect()
    n.run.board.amps = 0.0
    n.run.advance(400)
    assert not n.run.board.c and not n.run.board.closed and n.run.safety.state == "open"
