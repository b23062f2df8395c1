# SPDX-License-Identifier: MIT
"""Mobility needs mode 2: what the station says of departure and SOC reaches the vehicle."""

from host_tests.sim.rig import Rig
from host_tests.sim.rig_ac import Rig as AcRig
from tools.charger.secc import dc

SETTINGS = {"mobility_needs_mode": 2, "ems_mode": "departure", "ev_soc": 40.0}
STATION = {"departure_s": 7200, "minimum_soc": 35, "target_soc": 60}


def needs(rig, message="DC_ChargeLoop"):
    """(departure_s, min_soc, target_soc) as the vehicle and as energy management see them."""
    seen = []

    def look():
        evse, d = rig.device.vehicle.evse, rig.controller.vehicle.demand()
        seen.append([evse.get(key) for key in ("departure_s", "min_soc", "target_soc")])
        seen.append([d.departure_s, d.min_soc, d.target_soc])

    rig.at(message, look, 8)
    assert rig.run() and rig.acted, rig.outcome
    assert rig.outcome["result"] == "STATION_TERMINATE", rig.outcome
    assert rig.violations() == [] and not rig.station.secc.violations
    return seen


def test_the_stations_needs_reach_vehicle_and_ems():
    rig = Rig(settings=SETTINGS, station=STATION)
    offered, wanted = needs(rig)
    assert offered == [7200, 35, 60] == wanted
    assert rig.outcome["mobility_needs_mode"] == 2
    loops = [e.message for e in rig.station.log if e.name == "DC_ChargeLoopReq"]
    shown = loops[-8]["DisplayParameters"]
    assert shown["TargetSOC"] == 60 and "DepartureTime" not in str(loops[-8])


def test_what_only_the_schedule_said_counts_down(monkeypatch):
    """The fields are optional in the charge loop."""
    plain = dc.limits

    def silent(*words):
        answer = plain(*words)
        for name in ("DepartureTime", "MinimumSOC", "TargetSOC"):
            del answer[name]
        return answer

    monkeypatch.setattr(dc, "limits", silent)
    offered, wanted = needs(Rig(settings=SETTINGS, station=STATION))
    assert 7190 <= offered[0] <= 7197 and wanted[0] == offered[0]
    assert offered[1:] == [35, 60] == wanted[1:]


def test_the_cars_own_needs_are_not_overruled():
    settings = dict(SETTINGS, mobility_needs_mode=1, ev_target_soc=70, ev_min_soc=15)
    offered, wanted = needs(Rig(settings=settings, station=STATION))
    assert offered == [None] * 3 and wanted[1:] == [15, 70]


def test_in_ac_too():
    """Charging evenly would take less than the charger can do: then with the least it can."""
    rig = AcRig(settings=SETTINGS, station=dict(STATION, departure_s=72000), needs=2)
    offered, wanted = needs(rig, "AC_ChargeLoop")
    assert offered == [72000, 35, 60] == wanted
    charger = rig.controller.vehicle.charger()
    assert rig.outcome["charged_Wh"] > 0.5 and charger.min_charge_power > 3000
