# SPDX-License-Identifier: MIT
"""The AC story against a station of dicts: order, pilot, power within limits, stops anywhere."""

import gc

import pytest
from evcc import exi, v2gtp
from evcc.iso20 import ac, flow
from evcc.iso20.units import number
from evcc.reasons import V2GError

from host_tests.iso20.scripted_ac import Run
from tools.chart.tables import rows

NAMES = [row[0] for row in rows(flow.FLOW) if not row[0].startswith("DC_")]
NAMES[-2:-2] = ["AC_ChargeParameterDiscovery", "AC_ChargeLoop"]


def followed_table(names):
    return all(b in flow.follows(a, ac.FLOW).split() for a, b in zip(names, names[1:]))


def check_safe(run):
    """Pilot B, charger off, and the DC contactors were never commanded."""
    assert not run.board.c and run.safety.state == "open"
    assert run.charger.active_power == 0 and run.charger.target == 0
    assert not [entry for entry in run.board.log if entry[0] == "contactors" and entry[1]]
    assert len([entry for entry in run.board.log if entry[0] == "contactors"]) == 1  # at the start


@pytest.mark.parametrize("mode", ["Dynamic", "Scheduled"])
@pytest.mark.parametrize("services", ["AC_BPT,AC", "AC"])
@pytest.mark.parametrize("needs", [1, 2])
def test_whole_session(mode, services, needs):
    run = Run(control_mode=mode, services=services, mobility_needs_mode=needs)
    run.station.loops_until_terminate = 20
    run.run()
    names = run.station.names()
    assert followed_table(names), names
    assert names[-1] == "SessionStop" and names.count("PowerDelivery") == 2
    assert not [name for name in names if name.startswith("DC_")]
    chosen = run.session.selected
    assert chosen.name == services.split(",")[0] and chosen.control_mode == mode
    if mode == "Dynamic":
        assert chosen.mobility_needs_mode == needs
    assert run.session.stop == "STATION_TERMINATE"
    assert run.session.loops >= 20 and run.session.charged > 0
    check_safe(run)


def test_pilot_is_b_before_the_request_and_c_within_250_ms():
    run = Run()
    run.station.loops_until_terminate = 3
    seen = []
    advance = run.advance

    def slow(ms):
        if run.station.names()[-1:] == ["PowerDelivery"] and not seen:
            asked = run.now
            for _ in range(20):  # the station takes its time
                advance(20)
                if run.board.c:
                    seen.append(run.now - asked)
                    break
        advance(ms)

    run.advance = slow
    run.run()
    assert run.station.pilot_at_start is False
    assert len(seen) == 1 and 40 <= seen[0] <= 200
    check_safe(run)


def powers(run):
    """(EVPresentActivePower sent, charger's target after the answer) of each loop."""
    found = []
    answer = run.station.answer

    def record(name, body):
        if name == "PowerDelivery" and body["ChargeProgress"] == "Stop":
            assert abs(run.charger.active_power) < 230
        response = answer(name, body)
        if name == "AC_ChargeLoop":
            mode = next(body[key] for key in body if key.endswith("CLReqControlMode"))
            found.append((number(mode["EVPresentActivePower"]), run.charger.target))
        return response

    run.station.answer = record
    return found


@pytest.mark.parametrize(
    "target, phases, ev_phases, result",
    [
        (7000, 1, 3, 7000),
        (7000, 3, 3, 7000),
        (7500, 3, 1, 2500),  # a car with one phase takes L1's part only
        (20000, 1, 3, 9000),  # no more than the station's own limit
        (3000, 1, 3, 0),  # less than the charger can do with three phases
        (-4000, 1, 3, -4000),
        (-20000, 3, 3, -5000),
        (0, 1, 3, 0),
    ],
)
def test_dynamic_target_is_adopted_within_limits(target, phases, ev_phases, result):
    run = Run(ev_ac_phases=ev_phases)
    run.station.target, run.station.phases = target, phases
    run.station.loops_until_terminate = 15
    seen = powers(run)
    run.run()
    assert seen[10][1] == pytest.approx(result, abs=2)
    assert seen[10][0] == pytest.approx(result, abs=2)  # and reported
    assert seen[-1][1] == 0 and abs(seen[-1][0]) <= abs(result) / 2  # the ramp to the end
    assert (run.session.charged > 0) == (result > 0)
    assert (run.session.discharged > 0) == (result < 0)
    check_safe(run)


@pytest.mark.parametrize("settings", [{"services": "AC"}, {"ev_ac_discharge_power_W": 0.0}])
def test_no_feeding_back_without_bpt_or_inverter(settings):
    run = Run(**settings)
    run.station.target = -4000
    run.station.loops_until_terminate = 10
    seen = powers(run)
    run.run()
    assert {target for _, target in seen} == {0.0}
    check_safe(run)


@pytest.mark.parametrize("target, result", [(None, 9000), (5000, 5000), (-3000, 0)])
def test_scheduled_power_stays_in_plan_target_and_station(target, result):
    """The plan would grant 20 kW, car and station less."""
    run = Run(control_mode="Scheduled")
    run.station.target = target
    run.station.loops_until_terminate = 15
    seen = powers(run)
    run.run()
    assert seen[10] == (result, result)
    profile = next(b for n, b in run.station.asked if n == "PowerDelivery")["EVPowerProfile"]
    assert profile["Scheduled_EVPPTControlMode"]["SelectedScheduleTupleID"] == 7
    assert number(profile["EVPowerProfileEntries"]["EVPowerProfileEntry"][0]["Power"]) == 9000


def test_schedule_of_three_phases():
    run = Run(control_mode="Scheduled")
    run.station.target = None
    run.station.loops_until_terminate = 15

    def edit(response):
        entry = response["Scheduled_SEResControlMode"]["ScheduleTuple"][0]["ChargingSchedule"]
        entry = entry["PowerSchedule"]["PowerScheduleEntries"]["PowerScheduleEntry"][0]
        for name in ("Power", "Power_L2", "Power_L3"):
            entry[name] = {"Exponent": 3, "Value": 2}

    run.station.edit["ScheduleExchange"] = edit
    seen = powers(run)
    run.run()
    assert seen[10][1] == 6000
    profile = next(b for n, b in run.station.asked if n == "PowerDelivery")["EVPowerProfile"]
    entry = profile["EVPowerProfileEntries"]["EVPowerProfileEntry"][0]
    assert [number(entry[n]) for n in ("Power", "Power_L2", "Power_L3")] == [2000] * 3


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
    assert followed_table(names) and names[-1] == "SessionStop" and done
    after = names[done[0] + 1 :]
    if name == "SessionSetup":
        assert after == ["AuthorizationSetup", "SessionStop"]
    elif name == "PowerDelivery":
        assert after == ["AC_ChargeLoop", "PowerDelivery", "SessionStop"]
    elif name == "AC_ChargeLoop":
        assert after[-2:] == ["PowerDelivery", "SessionStop"] and len(after) <= 4
    elif name != "SessionStop":
        assert after == ["SessionStop"]
    check_safe(run)


@pytest.mark.parametrize("name", NAMES)
def test_error_thrown_at_every_message_releases(name):
    """A lost link or FAILED answer: charger off and pilot B at once, no message."""
    run = Run()
    run.station.loops_until_terminate = 5
    seen = []

    def before(asked):
        if asked == name and (asked != "AC_ChargeLoop" or run.session.loops == 3):
            raise LookupError  # stands for the driver's throw

    run.before = before
    story = run.session.story

    def throwing():
        inner = story()
        wish = next(inner)
        while True:
            try:
                answer = yield wish
            except GeneratorExit:
                with pytest.raises(V2GError):
                    inner.throw(V2GError("LINK_LOST"))
                seen.append((len(run.station.asked), run.charger.target))
                raise
            wish = inner.send(answer)

    run.session.story = throwing
    with pytest.raises(LookupError):
        run.run()
    del run.session.story
    gc.collect()
    assert seen == [(len(run.station.asked), 0.0)]
    assert not run.board.c
    run.advance(1000)
    check_safe(run)


@pytest.mark.parametrize(
    "pilot, duty, reason", [("A", None, "UNPLUGGED"), ("F", None, "PILOT_LOST")]
)
def test_pilot_in_the_loop(pilot, duty, reason):
    run = Run()

    def before(name):
        if name == "AC_ChargeLoop" and run.session.loops == 5:
            run.board.pilot, run.board.duty = pilot, duty
            run.advance(200)
            raise LookupError

    run.before = before
    with pytest.raises(LookupError):
        run.run()
    gc.collect()
    assert run.safety.fault[0] == reason and not run.board.c and run.charger.target == 0
    run.advance(1000)
    check_safe(run)


def test_charger_that_draws_more_than_its_limit():
    run = Run()

    def before(name):
        if name == "AC_ChargeLoop" and run.session.loops == 5:
            run.charger.step = lambda seconds: 0.0
            run.charger.active_power = 15000.0
            run.advance(100)
            raise LookupError

    run.before = before
    with pytest.raises(LookupError):
        run.run()
    gc.collect()
    assert run.safety.fault[0] == "LIMIT_EXCEEDED" and not run.board.c


def test_charger_that_does_not_stop_keeps_the_connector():
    run = Run()
    run.station.loops_until_terminate = 5
    step = run.charger.step

    def deaf(seconds):
        amps = step(seconds)
        run.charger.active_power = max(run.charger.active_power, 3000.0)
        return amps

    run.charger.step = deaf
    with pytest.raises(AssertionError, match="did not end"):  # the driver throws the fault there
        run.run(500)
    run.safety.unlock()
    run.advance(500)
    assert run.safety.fault[0] == "VEHICLE_FAULT" and run.safety.state == "stuck"
    assert run.board.is_locked and not run.board.c
    run.charger.step = step
    run.charger.active_power = 0.0
    run.advance(1000)
    assert run.safety.state == "open" and not run.board.is_locked


def test_protocol_that_stopped():
    run = Run()

    def before(name):
        if name == "AC_ChargeLoop" and run.session.loops == 5:
            run.safety.poll = lambda: None
            run.advance(4200)
            raise LookupError

    run.before = before
    with pytest.raises(LookupError):
        run.run()
    gc.collect()
    assert run.safety.trip == "PROTOCOL_STALLED" and not run.board.c


def test_car_without_on_board_charger():
    run = Run()
    run.vehicle.charger = lambda: None
    run.run()
    assert run.session.stop == "NO_SERVICE"
    assert run.station.names()[-2:] == ["ServiceSelection", "SessionStop"]


def test_station_too_weak_for_the_charger():
    run = Run(services="AC")

    def edit(response):
        mode = response["AC_CPDResEnergyTransferMode"]
        mode["EVSEMaximumChargePower"] = {"Exponent": 2, "Value": 10}

    run.station.edit["AC_ChargeParameterDiscovery"] = edit
    run.run()
    assert run.session.stop == "INCOMPATIBLE_LIMITS"
    assert run.station.names()[-2:] == ["AC_ChargeParameterDiscovery", "SessionStop"]


def test_lock_that_never_locks():
    run = Run()
    run.board.lock_works = False
    with pytest.raises(V2GError) as error:
        run.run()
    assert error.value.reason == "LOCK_FAILED"
    assert "PowerDelivery" not in run.station.names() and not run.board.c


def test_grid_forming_is_never_taken():
    run = Run()
    detail = run.station.ServiceDetail

    def forming(body):
        response = detail(body)
        for entry in response["ServiceParameterList"]["ParameterSet"]:
            entry["Parameter"].append({"Name": "GeneratorMode", "intValue": 2})
        return response

    run.station.ServiceDetail = forming
    run.run()
    assert run.session.stop == "NO_SERVICE" and "ServiceSelection" not in run.station.names()


@pytest.mark.parametrize("services", ["AC", "AC_BPT"])
@pytest.mark.parametrize("mode", ["Dynamic", "Scheduled"])
def test_every_request_encodes_on_the_ac_stream(mode, services):
    run = Run(services=services, control_mode=mode)
    run.station.loops_until_terminate = 3
    streams = {}

    def encode(name, body):
        timeout, _ = run.session.limits(name)
        message = bytes(run.session.encode(name, body, 0))
        assert message[:2] == b"\x01\xfe" and timeout == (500 if "Loop" in name else timeout)
        streams[name] = int.from_bytes(message[2:4], "big")
        schema = "iso20_ac" if name.startswith("AC_") else "iso20_common"
        assert exi.decode(schema, message[8:])[0] == name + "Req"

    answer = run.station.answer

    def check(name, body):
        encode(name, body)
        return answer(name, body)

    run.station.answer = check
    run.run()
    assert {n for n, s in streams.items() if s == v2gtp.AC} == {
        "AC_ChargeParameterDiscovery",
        "AC_ChargeLoop",
    }
    assert v2gtp.DC not in streams.values()
    assert not run.session.expects(v2gtp.DC, "AC_ChargeLoop")
    assert run.session.expects(v2gtp.AC, "AC_ChargeLoop")


def test_a_warm_inlet_charges_with_less():
    run = Run()
    run.station.loops_until_terminate = 40
    drawn = {}
    heat = {10: 80.0, 20: 86.0, 30: 25.0}

    def before(name):
        if name == "AC_ChargeLoop":
            run.board.celsius = heat.get(run.session.loops, run.board.celsius)
            drawn[run.session.loops] = run.charger.active_power

    run.before = before
    run.run()
    assert run.session.stop == "STATION_TERMINATE" and run.safety.fault is None
    # the station grants 7 kW; of 11 kW the inlet stands a third, which is less than 3 x 6 A
    assert drawn[9] == pytest.approx(7000) and drawn[29] == 0 and drawn[38] == pytest.approx(7000)
    run = Run(ev_ac_phases=1)
    run.before = before
    run.station.loops_until_terminate = 40
    run.run()
    assert drawn[19] == pytest.approx(11000 / 3)
