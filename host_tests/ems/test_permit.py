# SPDX-License-Identifier: MIT
"""Permits: floor, temperature and cycles, and what of them survives power off."""

import pytest
from evcc.ems.permit import Permit
from evcc.params import Params

from host_tests.ems.rig import Rig, Store


def test_permit_floor_with_a_way_back():
    rig = Rig("v2h", ems_reserve_soc=40)
    rig.car.soc = 40.0
    rig.run(10)
    assert rig.caps[1] == 0 and rig.ems.status()["no_discharge"] == "SOC"
    rig.car.soc = 40.5
    rig.run(10)
    assert rig.caps[1] == 0
    rig.car.soc = 41.5
    rig.run(10)
    assert rig.caps[1] == 11000


@pytest.mark.parametrize("celsius", [-1.0, 46.0])
def test_permit_temperature(celsius):
    rig = Rig("v2h")
    rig.car.celsius = celsius
    rig.run(10)
    assert rig.caps[1] == 0 and rig.ems.status()["no_discharge"] == "temperature"
    rig.car.celsius = None
    rig.run(10)
    assert rig.caps[1] == 11000


def test_permit_cycles_of_session_and_day():
    rig = Rig("v2h", ems_session_cycles=0.1, ems_day_cycles=0.15)
    rig.car.amps = -25.0  # 10 kW; 6 kWh take 36 min
    rig.run(2100, 1)
    assert rig.caps[1] == 11000
    rig.run(120, 1)
    assert rig.caps[1] == 0 and "session" in rig.ems.status()["no_discharge"]
    rig.car.amps = 0.0
    rig.ems.notify("unplugged")
    rig.ems.notify("plugged")
    rig.run(10)
    assert rig.caps[1] == 11000
    rig.car.amps = -25.0
    rig.run(1140, 1)
    assert rig.caps[1] == 0 and "day" in rig.ems.status()["no_discharge"]
    rig.car.amps = 0.0
    rig.at(24.5)
    assert rig.caps[1] == 11000


def test_the_days_cycles_survive_power_off():
    store = Store()
    rig = Rig("v2h", store=store, ems_day_cycles=0.1)
    rig.car.amps = -25.0
    rig.run(2400, 1)
    rig.ems.notify("unplugged")
    rig = Rig("v2h", store=store, ems_day_cycles=0.1)
    assert rig.caps[1] == 0
    store.files["ems"] = b"\xff nonsense"
    assert Rig("v2h", store=store, ems_day_cycles=0.1).caps[1] == 11000


def test_permit_counts_by_the_calendar():
    permit = Permit(Params())
    permit.count(100.0, 86399)
    permit.count(100.0, 86400)
    assert (permit.session, permit.day) == (200, 100)
