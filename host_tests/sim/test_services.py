# SPDX-License-Identifier: MIT
"""Choice of service and value-added services at the emulated station, and what the log says."""

import logging

import pytest

from host_tests.sim.rig import Rig


def run(rig, result="STATION_TERMINATE"):
    assert rig.run(), rig.outcome
    assert rig.outcome["result"] == result, rig.outcome
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    assert not rig.station.secc.violations
    rig.check_safe()
    return rig


def asked(rig, name):
    return [e.message for e in rig.station.log if e.name == name + "Req"]


def names(rig):
    return [e.name[:-3] for e in rig.station.log if e.direction == "request"]


ALL = {"vas": ["Internet", "ParkingStatus"]}


def test_value_added_services_are_only_looked_at_by_default(caplog):
    caplog.set_level(logging.INFO, "evcc")
    rig = run(Rig(station=ALL))
    assert "SelectedVASList" not in asked(rig, "ServiceSelection")[0]
    assert "value added: Internet, ParkingStatus" in caplog.text
    assert not rig.station.secc.added


@pytest.mark.shows("value added services", "Internet", peer="our station")
@pytest.mark.parametrize("port, number", [(443, 4), (80, 3)])
def test_internet(port, number):
    rig = run(Rig(station=ALL, settings={"vas": "Internet", "internet_port": port}))
    assert rig.station.secc.added == {65: number} and rig.station.secc.checked is None


@pytest.mark.shows("value added services", "ParkingStatus", peer="our station")
@pytest.mark.parametrize("kind, method", [(1, "AutoParking"), (3, "Manual")])
def test_check_in_and_out(kind, method):
    rig = run(Rig(station=ALL, settings={"vas": "ParkingStatus", "parking_status": kind}))
    assert rig.station.secc.added == {66: kind} and rig.station.secc.checked == "out"
    told = asked(rig, "VehicleCheckIn")
    assert [m["EVCheckInStatus"] for m in told] == ["CheckIn", "Completed"]
    assert {m["ParkingMethod"] for m in told} == {method}
    order = names(rig)
    assert order[order.index("VehicleCheckIn") - 1] == "ServiceSelection"
    assert order[-5:] == ["DC_WeldingDetection", *["VehicleCheckOut"] * 3, "SessionStop"]
    told = asked(rig, "VehicleCheckOut")
    assert [m["EVCheckOutStatus"] for m in told] == ["CheckOut", "Processing", "Completed"]


def test_no_check_out_before_a_pause():
    rig = Rig(station=ALL, settings={"vas": "ParkingStatus"})
    rig.at("DC_ChargeLoop", lambda: rig.controller.pause(), 3)
    assert rig.run() and rig.outcome["result"] == "USER_PAUSE"
    assert rig.station.secc.checked == "Completed"


@pytest.mark.parametrize("message", ["VehicleCheckIn", "VehicleCheckOut"])
@pytest.mark.parametrize(
    "do, reason",
    [("withhold", "MESSAGE_TIMEOUT"), ("session_id", "WRONG_SESSION_ID"), ("stop", "USER_STOP")],
)
def test_faults_and_stop_while_checking(message, do, reason):
    rows = [{"do": do, "at": message}] if do != "stop" else []
    rig = Rig(rows, station=ALL, settings={"vas": "ParkingStatus"})
    if do == "stop":
        rig.at(message, lambda: rig.controller.stop())
    assert rig.run(), rig.outcome
    if do == "stop" and message == "VehicleCheckOut":
        reason = "STATION_TERMINATE"  # it had ended before
    assert rig.outcome["result"] == reason, rig.outcome
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    rig.check_safe()


def test_the_log_says_what_was_taken_and_why(caplog):
    caplog.set_level(logging.INFO, "evcc")
    settings = {"services": "MCS,DC_BPT,DC", "control_mode": "Dynamic", "market_profile": ""}
    rig = run(Rig(settings=settings))
    assert rig.outcome["service"] == "DC"
    said = [r.getMessage() for r in caplog.records if r.name == "evcc.iso20"]
    assert "took DC set 2 because Dynamic as wanted, needs by the car" in said
    assert "not MCS: not offered" in said
    assert any(text.startswith("not DC_BPT: no row of market_profile") for text in said)


def test_nothing_left_says_why():
    settings = {"services": "MCS,DC_BPT", "market_profile": ""}
    rig = Rig(settings=settings)
    assert rig.run()
    assert rig.outcome["result"] == "NO_SERVICE"
    assert "DC_BPT: no row of market_profile" in rig.outcome["detail"]
    assert rig.station.secc.termination[0] == "NO_SERVICE"
