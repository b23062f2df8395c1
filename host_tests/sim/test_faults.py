# SPDX-License-Identifier: MIT
"""Every message with every fault, through every layer: contactors, pilot, lock and stop reason.

Forced openings are allowed only where the station ignored pilot B, or the connector was pulled.
"""

import pytest
from evcc.iso20.flow import FLOW

from host_tests.sim.rig import Rig
from tools.chart.tables import rows
from tools.emulator.plant import Violation

MESSAGES = [row[0] for row in rows(FLOW)]
SAP = "supportedAppProtocol"
CLOSED = ("PowerDelivery", "DC_ChargeLoop")  # contactors are closed while these are in flight


SECOND = ("DC_WeldingDetection", "DC_ChargeLoop")


def other(name):
    """A response of the same stream that does not belong to `name`."""
    if name.startswith("DC_"):
        return "DC_PreChargeRes" if name in SECOND else "DC_WeldingDetectionRes"
    return "ServiceSelectionRes" if name != "ServiceSelection" else "SessionStopRes"


# kind: (scenario fault without its message, StopReason)
FAULTS = {
    "undecodable": ({"do": "undecodable"}, "UNDECODABLE"),
    "wrong type": ({"do": "type"}, "WRONG_MESSAGE"),
    "wrong id": ({"do": "session_id"}, "WRONG_SESSION_ID"),
    "withheld": ({"do": "withhold"}, "MESSAGE_TIMEOUT"),
    "late": ({"do": "delay", "ms": 6000}, "MESSAGE_TIMEOUT"),
    "FAILED": ({"do": "code", "code": "FAILED"}, "RESPONSE_FAILED"),
    "duplicate": ({"do": "duplicate"}, "UNEXPECTED_MESSAGE"),
    "closed": ({"do": "close_tcp"}, "LINK_LOST"),
    "reset": ({"do": "reset_tcp"}, "LINK_LOST"),
    "lost link": ({"do": "drop_frames", "ms": 60000}, "MESSAGE_TIMEOUT"),
}
ALWAYS = ("undecodable", "withheld", "duplicate")  # where the other kinds are slow tests


def run(rig):
    assert rig.run(), rig.outcome
    assert rig.acted
    return rig.outcome["result"]


def happened(rig):
    return rig.station.secc.faults.happened()


@pytest.mark.shows("{fault}", "every message of DC", peer="our station")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("message", MESSAGES)
def test_fault_of_the_station(message, fault):
    row, reason = FAULTS[fault]
    row = dict(row, at=message)
    if fault == "wrong type":
        row["message"] = other(message)
    if message == "SessionSetup" and fault == "wrong id":
        pytest.skip("the first answer brings the id")
    rig = Rig([row])
    result = run(rig)
    assert happened(rig)
    if message == "SessionStop" and fault == "duplicate":
        reason = "STATION_TERMINATE"  # the session was over with the first
    assert result == reason, rig.outcome
    assert rig.outcome["forced_openings"] == 0
    assert rig.violations() == []
    rig.check_safe()
    if fault not in ("closed", "reset"):  # there TCP is gone already
        check_order(rig, message)


def check_order(rig, message):
    """Pilot B first, then contactors open, then TCP closed by us."""
    went_b = [t for t, state in rig.pilot.history if state == "B"][-1]
    if message in CLOSED:
        opened = rig.plant.opened_at
        assert len(opened) == 1 and abs(opened[0]) < 1
    close = [t for t, flags in our_closings(rig)]
    if close:
        assert min(close) >= went_b


def our_closings(rig):
    """(ms, flags) of our TCP segments with FIN or RST."""
    found = []
    for now, frame, _ in rig.record.frames:
        ours = frame[6:12] == bytes.fromhex("0200000e0e01")
        if ours and frame[12:14] == b"\x86\xdd" and frame[20] == 6 and frame[67] & 5:
            found.append((now, frame[67]))
    return found


@pytest.mark.shows("pilot E, F, off; unplugged", "unplugged at every message", peer="our station")
@pytest.mark.parametrize("message", [SAP, *MESSAGES])
def test_unplugged(message):
    rig = Rig()
    rig.at(message, lambda: rig.board.unplug(force=True))
    result = run(rig)
    assert result in ("UNPLUGGED", "FORCED_OPENING"), rig.outcome
    assert (result == "FORCED_OPENING") == (rig.outcome["forced_openings"] == 1)
    # the plug was torn out live by a broken lock: what the plant sees of that is no fault of ours
    assert rig.violations(Violation.UNPLUGGED_LIVE, Violation.VOLTAGE_IN_B) == []
    rig.check_safe()


@pytest.mark.parametrize("message", [SAP, *MESSAGES])
def test_user_stop(message):
    rig = Rig()
    rig.at(message, lambda: rig.controller.stop())
    result = run(rig)
    over = message in ("DC_WeldingDetection", "SessionStop")  # the station had ended it before
    assert result == ("STATION_TERMINATE" if over else "USER_STOP")
    assert rig.station.secc.counts["SessionStop"] == 1
    assert rig.outcome["forced_openings"] == 0 and rig.violations() == []
    rig.check_safe()


@pytest.mark.shows("{notification}", peer="our station")
@pytest.mark.parametrize(
    "notification, reason", [("Terminate", "STATION_TERMINATE"), ("Pause", "STATION_PAUSE")]
)
@pytest.mark.parametrize("message", ["PowerDelivery", "DC_ChargeLoop"])
def test_notification(message, notification, reason):
    rig = Rig([{"do": "notify", "at": message, "notification": notification}])
    assert run(rig) == reason
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    if notification == "Pause":
        assert rig.board.motor.locked and rig.controller.state == "paused"
        rig.controller.stop()
        rig.world.run(rig.world.now + 1000)
        assert rig.board.unplug()
    rig.check_safe()


@pytest.mark.shows("pilot E, F, off; unplugged", "{to} in the loop", peer="our station")
@pytest.mark.parametrize("to", ["E", "F", "off"])
def test_pilot_fault_in_the_loop(to):
    rig = Rig([{"do": "pilot", "after_s": 1, "to": to}])
    assert run(rig) == "PILOT_LOST"
    assert rig.outcome["forced_openings"] == 0 and rig.violations() == []
    rig.check_safe()


@pytest.mark.shows("station beyond limits, or deaf to pilot B", "deaf", peer="our station")
def test_station_that_ignores_pilot_b_is_the_one_forced_opening():
    rig = Rig(
        [
            {"do": "ignore_pilot_b", "after_s": 0.5},
            {"do": "delay", "ms": 5000, "at": "DC_ChargeLoop", "nth": 8},
        ]
    )
    assert run(rig) == "FORCED_OPENING"
    assert rig.outcome["forced_openings"] == 1
    assert [v.kind for v in rig.violations(Violation.CURRENT_IN_B, Violation.VOLTAGE_IN_B)] == [
        Violation.UNDER_CURRENT
    ]
    rig.check_safe()


@pytest.mark.shows(
    "station beyond limits, or deaf to pilot B", "beyond limits", peer="our station"
)
@pytest.mark.parametrize("excess", [{"current": 30.0}, {"voltage": 1.3}])
def test_station_beyond_the_limits(excess):
    rig = Rig([{"do": "exceed", "after_s": 1, **excess}], settings={"ev_charge_current_A": 40.0})
    result = run(rig)
    assert result in ("LIMIT_EXCEEDED", "STATION_TERMINATE")
    if "current" in excess:
        assert result == "LIMIT_EXCEEDED", rig.outcome
    rig.check_safe()


def test_hidden_weld_keeps_the_connector():
    rig = Rig()
    rig.plant.contactors.weld_hidden = True
    rig.run()
    assert rig.outcome["result"] == "WELD_SUSPECTED"
    assert rig.board.motor.locked


def test_contactor_that_never_closes():
    rig = Rig()
    rig.plant.contactors.stuck_open = True
    assert run(rig) == "CONTACTOR_FAILED"
    rig.check_safe()


def test_lock_that_never_locks():
    rig = Rig()
    rig.board.motor.stuck = True
    assert run(rig) == "LOCK_FAILED"
    rig.check_safe()
