# SPDX-License-Identifier: MIT
"""Every fault at the messages that only a renegotiation, standby, metering, parking or a resumed
session sends; unplugging and the driver's stop at each. Some kinds always, all of them when slow.
"""

import pytest

from host_tests.sim.rig import Rig
from host_tests.sim.test_faults import ALWAYS, FAULTS
from host_tests.sim.test_renegotiation import Signer, sign
from tools.emulator.plant import Violation

NOTIFY = {"do": "notify", "after_s": 1, "delay_s": 5}

# place: (message, its nth occurrence there, what leads to it)
PLACES = {
    "renegotiation": ("PowerDelivery", 2, "ScheduleRenegotiation"),
    "new schedule": ("ScheduleExchange", 3, "ScheduleRenegotiation"),
    "new start": ("PowerDelivery", 3, "ScheduleRenegotiation"),
    "standby": ("PowerDelivery", 2, "standby"),
    "loop in standby": ("DC_ChargeLoop", 20, "standby"),
    "precharge after standby": ("DC_PreCharge", 0, "standby"),
    "start after standby": ("PowerDelivery", 3, "standby"),
    "metering": ("MeteringConfirmation", 1, "MeteringConfirmation"),
    "stop for another service": ("SessionStop", 1, "ServiceRenegotiation"),
    "choice of another service": ("ServiceDiscovery", 2, "ServiceRenegotiation"),
    "check-in": ("VehicleCheckIn", 1, "parking"),
    "check-out": ("VehicleCheckOut", 1, "parking"),
    "stop for a pause": ("SessionStop", 1, "Pause"),
}
OTHER = {"DC": "DC_WeldingDetectionRes", "": "AuthorizationSetupRes"}


def make(place, fault=None, **more):
    """A session that passes `place`, with a row of the scenario there; (rig, message, nth).
    `more`: of the rig."""
    message, nth, way = PLACES[place]
    rows, settings, station = [], {}, {"schedule_ms": 0 if place == "new start" else 200}
    if way == "parking":
        station["vas"], settings["vas"] = ["ParkingStatus"], "ParkingStatus"
    elif way == "standby":
        station["standby"] = True
    else:
        rows.append(dict(NOTIFY, notification=way))
    if place == "precharge after standby":
        nth = 4  # the first takes two
    if fault:
        rows.append(dict(fault, at=message, nth=nth))
    rig = Rig(rows, station=station, settings=settings, **more)
    if way == "MeteringConfirmation":
        rig.at("PowerDelivery", lambda: sign(rig, Signer()))
    if way == "standby":
        rig.station.plan.stop_s = 9
        rig.at("DC_ChargeLoop", lambda: rig.controller.standby(), 3)
        rig.at("DC_ChargeLoop", lambda: rig.controller.resume(), 24)
    elif way == "ServiceRenegotiation":
        rig.at("ServiceDiscovery", rig.station.scenario.rows.clear, 2)
    return rig, message, nth


def check(rig, reasons, place):
    assert rig.outcome["result"] in reasons, (rig.outcome, place)
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    assert all(abs(amps) < 1 for amps in rig.plant.opened_at)
    if rig.controller.state == "paused":
        rig.controller.stop()
        rig.world.run(rig.world.now + 1000)
        assert rig.board.unplug()
    rig.check_safe()


def wrong(message):
    return OTHER["DC" if message.startswith("DC") else ""]


@pytest.mark.parametrize(
    "fault", [f if f in ALWAYS else pytest.param(f, marks=pytest.mark.slow) for f in FAULTS]
)
@pytest.mark.parametrize("place", PLACES)
def test_fault(place, fault):
    row, reason = FAULTS[fault]
    row = dict(row)
    message = PLACES[place][0]
    if fault == "wrong type":
        row["message"] = wrong(message)
    rig, _, _ = make(place, row)
    assert rig.run(), rig.outcome
    assert rig.station.secc.faults.happened(), (place, rig.station.secc.counts)
    reasons = [reason]
    if fault == "duplicate" and message == "SessionStop":
        reasons.append("STATION_PAUSE")  # the session was over with the first
    check(rig, reasons, place)


@pytest.mark.parametrize("place", PLACES)
def test_driver_stops(place):
    rig, message, nth = make(place)
    rig.at(message, lambda: rig.controller.stop(), nth)
    assert rig.run(), rig.outcome
    over = {"check-out": "STATION_TERMINATE", "stop for a pause": "STATION_PAUSE"}
    check(rig, ["USER_STOP", over.get(place)], place)


@pytest.mark.parametrize("place", PLACES)
def test_unplugged(place):
    rig, message, nth = make(place)
    rig.at(message, lambda: rig.board.unplug(force=True), nth)
    assert rig.run(), rig.outcome
    assert rig.outcome["result"] in ("UNPLUGGED", "FORCED_OPENING"), rig.outcome
    assert (rig.outcome["result"] == "FORCED_OPENING") == (rig.outcome["forced_openings"] == 1)
    assert rig.violations(Violation.UNPLUGGED_LIVE, Violation.VOLTAGE_IN_B) == []
    rig.check_safe()
