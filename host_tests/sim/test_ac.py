# SPDX-License-Identifier: MIT
"""AC through every layer at the emulated station: power, pilot, faults at every message.

The station judges what the car sends, the plant what flows.
"""

import pytest
from evcc.iso20 import ac
from evcc.iso20.flow import FLOW

from host_tests.sim.rig import LOOP_S
from host_tests.sim.rig_ac import Rig
from host_tests.sim.test_faults import ALWAYS, FAULTS, happened
from tools.chart.tables import rows
from tools.emulator.ac_plant import UNDER_LOAD

MESSAGES = [row[0] for row in rows(FLOW) if not row[0].startswith("DC_")]
MESSAGES[-1:-1] = [row[0] for row in rows(ac.FLOW) if row[0].startswith("AC_")]


def run(rig):
    assert rig.run(), rig.outcome
    assert rig.acted
    return rig.outcome["result"]


def judged(rig):
    """What the station has against the car."""
    return rig.station.summary()["violations"]


@pytest.mark.shows("{service}", peer="our station")
@pytest.mark.parametrize("service", ["AC", "AC_BPT"])
@pytest.mark.parametrize("mode, needs", [("Scheduled", 1), ("Dynamic", 1), ("Dynamic", 2)])
@pytest.mark.parametrize("phases", [1, 3])
def test_whole_session(service, mode, needs, phases):
    rig = Rig(service, mode, needs, station={"ac_phases": phases})
    assert run(rig) == "STATION_TERMINATE", rig.outcome
    assert rig.outcome["protocol"] == "iso20_ac" and rig.outcome["service"] == service
    assert rig.outcome["control_mode"] == mode and rig.outcome["loops"] >= LOOP_S * 4
    assert judged(rig) == [] and rig.ac.violations == [] and rig.violations() == []
    assert rig.ac.closings == 1 and rig.outcome["forced_openings"] == 0
    assert rig.ac.into_car_Wh == pytest.approx(rig.outcome["charged_Wh"], rel=0.1)
    assert rig.ac.into_car_Wh > 4
    assert rig.device.vehicle.pack.soc > 0.4
    rig.check_safe()


def test_there_and_back():
    rig = Rig("AC_BPT", steps=((0, 9000), (1.5, -6000)))
    assert run(rig) == "STATION_TERMINATE"
    assert rig.ac.into_car_Wh > 1 and rig.ac.out_of_car_Wh > 1
    assert rig.ac.out_of_car_Wh == pytest.approx(rig.outcome["discharged_Wh"], rel=0.2)
    assert judged(rig) == [] and rig.ac.violations == []
    rig.check_safe()


def test_pilot_c_after_the_request_and_b_after_the_answer():
    rig = Rig()
    run(rig)
    at = {}
    for entry in rig.station.log:
        if entry.name in ("PowerDeliveryReq", "PowerDeliveryRes"):
            kind = entry.message.get("ChargeProgress", "Res")
            at.setdefault(kind, []).append(entry.ms)
    went_c = [t for t, state in rig.pilot.history if state == "C"]
    went_b = [t for t, state in rig.pilot.history if state == "B"][-1]
    assert len(went_c) == 1 and 0 < went_c[0] - at["Start"][0] <= 250
    assert went_b >= at["Res"][-1]


def test_inlet_decides():
    rig = Rig("DC,AC", settings={"inlet": "AC"})
    assert run(rig) == "STATION_TERMINATE" and rig.outcome["service"] == "AC"


def test_station_without_the_protocol():
    rig = Rig("AC", station={"services": ["DC"]})
    assert run(rig) == "NO_PROTOCOL"
    assert rig.plant.contactors.operations == 0 and not rig.board.motor.locked


def test_nothing_is_offered_that_no_service_needs():
    for services, protocol in (("AC", "iso20_ac"), ("DC", "iso20_dc")):
        rig = Rig(services)
        assert run(rig) == "STATION_TERMINATE"
        offer = next(e for e in rig.station.log if e.name == "supportedAppProtocolReq")
        assert len(offer.message["AppProtocol"]) == 1
        assert rig.outcome["protocol"] == protocol


def every_fault():
    """(message, fault); of the messages that DC's sessions send as well, some kinds always."""
    for message in MESSAGES:
        own = message.startswith("AC_") or message == "PowerDelivery"
        for fault in FAULTS:
            slow = not own and fault not in ALWAYS
            yield pytest.param(message, fault, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.shows("{fault}", "every message of AC", peer="our station")
@pytest.mark.parametrize("message, fault", list(every_fault()))
def test_fault_of_the_station(message, fault):
    row, reason = FAULTS[fault]
    row = dict(row, at=message)
    if fault == "wrong type":
        ours = [name for name in ("AC_ChargeLoop", "AC_ChargeParameterDiscovery", "SessionStop")]
        ours += ["ServiceSelection"]
        energy = message.startswith("AC_")
        row["message"] = next(
            n + "Res" for n in ours if n.startswith("AC_") == energy and n != message
        )
    if message == "SessionSetup" and fault == "wrong id":
        pytest.skip("the first answer brings the id")
    rig = Rig(faults=[row])
    result = run(rig)
    assert happened(rig)
    if message == "SessionStop" and fault == "duplicate":
        reason = "STATION_TERMINATE"  # the session was over with the first
    assert result == reason, rig.outcome
    # the pilot is the brake: a contactor may see load then, but never a car that goes on
    assert [v for v in rig.ac.violations if v.kind != UNDER_LOAD] == []
    rig.check_safe()


@pytest.mark.parametrize("message", MESSAGES)
def test_user_stop(message):
    rig = Rig()
    rig.at(message, lambda: rig.controller.stop())
    result = run(rig)
    assert result == ("STATION_TERMINATE" if message == "SessionStop" else "USER_STOP")
    assert rig.station.secc.counts["SessionStop"] == 1
    assert judged(rig) == [] and rig.ac.violations == []
    rig.check_safe()


@pytest.mark.parametrize("message", ["ServiceDetail", "PowerDelivery", "AC_ChargeLoop"])
def test_unplugged(message):
    rig = Rig()
    rig.at(message, lambda: rig.board.unplug(force=True), nth=2 if "Loop" in message else 1)
    assert run(rig) == "UNPLUGGED"
    rig.check_safe()


@pytest.mark.parametrize("to", ["E", "F", "off"])
def test_pilot_fault_in_the_loop(to):
    rig = Rig(faults=[{"do": "pilot", "after_s": 1, "to": to}])
    assert run(rig) == "PILOT_LOST"
    rig.check_safe()


@pytest.mark.shows("{service}", "{mode}", peer="our station")
@pytest.mark.parametrize("service", ["MCS", "MCS_BPT"])
@pytest.mark.parametrize("mode", ["Dynamic", "Scheduled"])
def test_megawatt_session(service, mode):
    """DC's story under its own ids, at voltages and limits of its own."""
    from host_tests.sim import rig as dc

    most = {"max_voltage_V": 1250, "max_current_A": 3000, "max_power_W": 3750000}
    rig = dc.Rig(
        settings={
            "services": service,
            "market_profile": "* * MCS_BPT - 3750000",
            "control_mode": mode,
            "ev_empty_V": 900.0,
            "ev_full_V": 1000.0,
            "ev_min_V": 800.0,
            "ev_max_V": 1200.0,
            "ev_capacity_Wh": 600000.0,
            "ev_charge_power_W": 3.75e6,
            "ev_charge_current_A": 3000.0,
        },
        station={"services": ["MCS_BPT", "MCS"], "cable_check_V": 1000, **most},
        steps=((0, 300000),),
    )
    assert rig.run() and rig.outcome["result"] == "STATION_TERMINATE", rig.outcome
    assert rig.outcome["service"] == service and rig.outcome["control_mode"] == mode
    assert judged(rig) == [] and rig.violations() == []
    request = next(
        e.message for e in rig.station.log if e.name == "DC_ChargeParameterDiscoveryReq"
    )
    limits = next(v for k, v in request.items() if k.endswith("EnergyTransferMode"))
    value = limits["EVMaximumChargePower"]
    assert value["Value"] * 10 ** value["Exponent"] == 3750000
    value = limits["EVMaximumChargeCurrent"]
    assert value["Value"] * 10 ** value["Exponent"] == 3000
    if mode == "Dynamic":  # the short schedule of this world is over when precharge is
        assert rig.outcome["charged_Wh"] > 10
    rig.check_safe()
