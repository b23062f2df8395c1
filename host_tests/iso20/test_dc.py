# SPDX-License-Identifier: MIT
"""The DC story against a station of dicts: order, contactors, stops at every message."""

import pytest
from evcc.iso20 import flow
from evcc.iso20.units import number
from evcc.reasons import V2GError

from host_tests.fakes import GIVES_BACK
from host_tests.iso20.scripted import Run
from tools.chart.tables import rows


def followed_table(names):
    return all(after in flow.follows(before).split() for before, after in zip(names, names[1:]))


def openings(board):
    closed, found = False, []
    for entry in board.log:
        if entry[0] == "contactors":
            if closed and not entry[1]:
                found.append(abs(entry[2]))
            closed = entry[1]
    return found


def check_safe(run):
    assert not run.board.closed and not run.board.c
    assert all(amps < 1 for amps in openings(run.board)) and not run.safety.forced


@pytest.mark.parametrize("mode", ["Dynamic", "Scheduled"])
@pytest.mark.parametrize("services", ["DC_BPT,DC", "DC"])
@pytest.mark.parametrize("needs", [1, 2])
def test_whole_session(mode, services, needs):
    run = Run(control_mode=mode, services=services, mobility_needs_mode=needs)
    run.station.loops_until_terminate = 20
    run.run()
    names = run.station.names()
    assert followed_table(names), names
    assert names[-1] == "SessionStop" and "DC_WeldingDetection" in names
    assert names.count("PowerDelivery") == 2
    chosen = run.session.selected
    assert chosen.name == services.split(",")[0] and chosen.control_mode == mode
    if mode == "Dynamic":
        assert chosen.mobility_needs_mode == needs
    assert run.session.stop == "STATION_TERMINATE"
    assert run.session.loops >= 20 and run.session.charged > 0
    assert len(openings(run.board)) == 1
    check_safe(run)


def test_loop_rhythm_is_200_ms():
    run = Run()
    run.station.loops_until_terminate = 20
    run.run()
    at = [t for name, t in run.sent_at if name == "DC_ChargeLoop"]
    assert {b - a for a, b in zip(at, at[1:])} == {200}


def test_scheduled_current_stays_in_plan_station_and_car():
    """20 kW of the plan at about 370 V, although car and station could do more."""
    run = Run(control_mode="Scheduled")
    run.station.loops_until_terminate = 10
    run.run()
    asked = [
        number(b["BPT_Scheduled_DC_CLReqControlMode"]["EVTargetCurrent"])
        for n, b in run.station.asked
        if n == "DC_ChargeLoop"
    ]
    pack = run.vehicle.measured().pack_voltage
    assert asked[-1] == 0  # the ramp to the end
    # the request dict is one and the same for the whole loop, so look at what flowed
    assert openings(run.board) and run.session.evse["max_current"] == 125
    profile = next(b for n, b in run.station.asked if n == "PowerDelivery")["EVPowerProfile"]
    assert profile["Scheduled_EVPPTControlMode"]["SelectedScheduleTupleID"] == 7
    assert number(profile["EVPowerProfileEntries"]["EVPowerProfileEntry"][0]["Power"]) == 20000
    assert run.session.charged * 3600 / (9 * 0.2) / 400 == pytest.approx(20000 / pack, rel=0.05)


def test_scheduled_current_is_cut_below_the_limit_of_the_station():
    run = Run(services="DC", control_mode="Scheduled", ev_charge_current_A=200.0)
    run.station.loops_until_terminate = 5
    seen = []

    def weak(response):
        mode = response["DC_CPDResEnergyTransferMode"]
        mode["EVSEMaximumChargeCurrent"] = {"Value": 3547, "Exponent": -2}

    run.station.edit["DC_ChargeParameterDiscovery"] = weak
    run.station.edit["DC_ChargeLoop"] = lambda response: seen.append(run.board.amps)
    run.run()
    assert 35 < max(seen) <= 35.47  # what was asked for flows in this world


NAMES = [row[0] for row in rows(flow.FLOW)]


@pytest.mark.parametrize("name", NAMES)
def test_user_stop_at_every_message_takes_the_shortest_path(name):
    run = Run()
    run.station.loops_until_terminate = 5
    done = []

    def before(asked):
        if asked == name and not done:
            done.append(len(run.station.asked))
            run.session.wish_stop("USER_STOP")

    run.before = before
    run.run()
    names = run.station.names()
    assert followed_table(names) and names[-1] == "SessionStop"
    after = names[done[0] + 1 :]
    energised = name in ("DC_PreCharge", "PowerDelivery", "DC_ChargeLoop", "DC_WeldingDetection")
    if name == "SessionSetup":
        assert after == ["AuthorizationSetup", "SessionStop"]
    elif name == "DC_PreCharge":  # nothing closed yet: nothing to look for welds
        assert after == ["PowerDelivery", "SessionStop"]
    elif energised:
        assert "DC_WeldingDetection" in names
        assert after.count("DC_ChargeLoop") <= 2
    elif name != "SessionStop":
        assert after == ["SessionStop"]
    check_safe(run)


@pytest.mark.parametrize("name", NAMES)
def test_error_thrown_at_every_message_releases(name):
    """A lost link or FAILED answer: pilot B at once, contactors without current, no message."""
    run = Run()
    run.station.loops_until_terminate = 5

    def before(asked):
        if asked == name:
            raise LookupError  # stands for the driver's throw

    run.before = before
    story = run.session.story
    thrown = []

    def throwing():
        inner = story()
        wish = next(inner)
        while True:
            try:
                answer = yield wish
            except GeneratorExit:
                with pytest.raises(V2GError):
                    inner.throw(V2GError("LINK_LOST"))
                thrown.append(len(run.station.asked))
                raise
            wish = inner.send(answer)

    run.session.story = throwing
    with pytest.raises(LookupError):
        run.run()
    del run.session.story
    import gc

    gc.collect()
    assert thrown == [len(run.station.asked)]
    assert not run.board.c
    run.board.amps = 0.0
    run.advance(200)
    check_safe(run)
    assert run.safety.state == "open"


def test_warning_authorization_asks_again():
    run = Run()
    answers = ["WARNING_EIMAuthorizationFailure", "WARNING_EIMAuthorizationFailure", "OK"]
    run.station.edit["Authorization"] = lambda r: r.update(ResponseCode=answers.pop(0))
    run.station.loops_until_terminate = 3
    run.run()
    assert run.station.names().count("Authorization") == 3


def test_ongoing_is_repeated():
    run = Run()
    for name in ("Authorization", "ScheduleExchange", "DC_CableCheck"):
        states = ["Ongoing", "Ongoing", "Finished"]
        run.station.edit[name] = lambda r, s=states: r.update(EVSEProcessing=s.pop(0))
    run.station.loops_until_terminate = 3
    run.run()
    assert run.station.names().count("DC_CableCheck") == 3
    assert followed_table(run.station.names())


@pytest.mark.parametrize(
    "low, high, ends", [(150, 300, True), (400, 1000, True), (150, 1000, False)]
)
def test_station_limits_that_do_not_fit(low, high, ends):
    run = Run()
    run.station.loops_until_terminate = 3

    def edit(response):
        mode = response["BPT_DC_CPDResEnergyTransferMode"]
        mode["EVSEMinimumVoltage"]["Value"] = low
        mode["EVSEMinimumVoltage"]["Exponent"] = 0
        mode["EVSEMaximumVoltage"]["Value"] = high
        mode["EVSEMaximumVoltage"]["Exponent"] = 0

    run.station.edit["DC_ChargeParameterDiscovery"] = edit
    run.run()
    stop = run.station.asked[-1][1]
    assert (run.session.stop == "INCOMPATIBLE_LIMITS") == ends
    if ends:
        assert run.station.names()[-2:] == ["DC_ChargeParameterDiscovery", "SessionStop"]
        assert stop["EVTerminationCode"] == "INCOMPATIBLE_LIMITS"


def test_no_usable_service():
    run = Run(services="DC")
    run.station.edit["ServiceDiscovery"] = lambda r: {
        "ResponseCode": "OK",
        "EnergyTransferServiceList": {"Service": [{"ServiceID": 1, "FreeService": False}]},
    }
    run.run()
    assert run.session.stop == "NO_SERVICE" and run.station.names()[-1] == "SessionStop"


def test_precharge_waits_for_the_inlet_and_says_finished_once():
    run = Run()
    run.station.loops_until_terminate = 3
    said = []
    run.before = lambda name: None
    answer = run.station.answer

    def record(name, body):
        if name == "DC_PreCharge":
            said.append(body["EVProcessing"])
        return answer(name, body)

    run.station.answer = record
    run.run()
    assert said[-1] == "Finished" and said.count("Finished") == 1 and len(said) > 2


def test_lock_that_never_locks():
    run = Run()
    run.board.lock_works = False
    with pytest.raises(V2GError) as error:
        run.run()
    assert error.value.reason == "LOCK_FAILED"
    assert "DC_CableCheck" not in run.station.names()


def test_weld_is_suspected_when_the_inlet_stays_hot():
    run = Run()
    run.station.loops_until_terminate = 3
    run.station.DC_WeldingDetection = lambda body: {
        "EVSEPresentVoltage": {"Exponent": 0, "Value": 0}  # the station's word is not enough
    }
    run.run()
    assert run.station.names().count("DC_WeldingDetection") == run.params.welding_rounds
    assert run.safety.fault[0] == "WELD_SUSPECTED"
    run.safety.unlock()
    run.advance(1000)
    assert run.board.is_locked


@pytest.mark.parametrize("mode", ["Dynamic", "Scheduled"])
def test_a_warm_inlet_asks_for_less_and_a_hot_one_for_nothing(mode):
    """inlet_max_C is 90: all up to 70, nothing from 85 on; what is asked for is never more."""
    run = Run(control_mode=mode, **GIVES_BACK)
    run.station.loops_until_terminate = 40
    asked = []
    heat = {10: 70.0, 15: 77.5, 20: 85.0, 25: 89.0, 30: 25.0}

    def before(name):
        if name == "DC_ChargeLoop":
            run.board.celsius = heat.get(run.session.loops, run.board.celsius)
            _, body = run.station.asked[-1]
            if "DisplayParameters" in body:
                mode = next(body[key] for key in body if key.endswith("CLReqControlMode"))
                asked.append((run.session.loops, {k: number(v) for k, v in mode.items()
                                                  if isinstance(v, dict)}))  # fmt: skip

    run.before = before
    run.run()
    assert run.session.stop == "STATION_TERMINATE" and run.safety.fault is None
    for loop, mode in asked:
        share = 0.5 if 17 < loop < 20 else 0.0 if 22 < loop < 30 else 1.0
        if loop in (18, 19, 24, 29, 13, 36):
            for name in ("EVMaximumChargePower", "EVMaximumChargeCurrent"):
                full = 60000 if name.endswith("Power") else 200
                assert mode[name] == pytest.approx(share * full, abs=1), (loop, mode)
            assert mode["EVMaximumDischargePower"] == pytest.approx(share * 11000, abs=1)
            if "EVTargetCurrent" in mode:
                assert mode["EVTargetCurrent"] <= share * 200
    assert len(asked) > 30
