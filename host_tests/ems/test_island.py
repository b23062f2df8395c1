# SPDX-License-Identifier: MIT
"""V2L: the car as the source of an island, by mode, market and inverter, and what stops it."""

import pytest

from host_tests.ems.rig import Inverter, Rig


def test_island_only_by_mode_market_and_inverter():
    rig = Rig("v2l")
    assert rig.ems.forms_grid
    rig.car.forms_grid = False
    assert not rig.ems.forms_grid
    assert not Rig("v2h").ems.forms_grid and not Rig("off").ems.forms_grid
    assert not Rig("v2l", market_profile="* * AC_BPT - 4600").ems.forms_grid


def island(**settings):
    rig = Rig("v2l", **settings)
    rig.car.inverter = Inverter()
    rig.ems.offer({"max_power": 11000.0})
    assert rig.car.inverter.forming is None  # not before the charge loop
    rig.ems.offer({"max_power": 11000.0, "power": 0.0})
    assert rig.car.inverter.forming is True
    assert rig.caps == (0, 11000)
    return rig


@pytest.mark.parametrize("profile, limit", [("strict", 0.5), ("field", 2.0)])
def test_a_silent_station_stops_the_source_within_the_loop_timeout(profile, limit):
    rig = island(timing_profile=profile)
    for _ in range(20):
        rig.run(limit * 0.8, 0.05)
        rig.ems.offer({"power": -500.0})
    assert rig.car.inverter.forming and rig.ems.fault() is None
    rig.run(limit + 0.06, 0.05)
    assert rig.car.inverter.forming is False
    assert rig.caps == (0, 0) and "silent" in rig.ems.fault()
    rig.ems.offer({"power": 0.0})  # back again: not within this session
    assert rig.car.inverter.forming is False and rig.ems.fault()
    rig.ems.notify("plugged")
    rig.run(10)
    assert rig.ems.fault() is None


def test_the_end_of_the_session_stops_the_source():
    rig = island()
    rig.ems.notify("stopping")
    assert rig.car.inverter.forming is False
    rig.run(5)
    assert rig.ems.fault() is None  # silence after the end is none


def test_an_island_keeps_the_reserve():
    rig = island(ems_reserve_soc=40)
    rig.car.soc = 39.0
    for _ in range(60):
        rig.run(0.2)
        rig.ems.offer({"power": -500.0})
    assert rig.caps == (0, 0)
