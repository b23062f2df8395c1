# SPDX-License-Identifier: MIT
"""The door, the market profile and the needs: what a station may see of the car in each mode."""

import pytest

from host_tests.ems.rig import Inverter, Rig


def test_off_is_the_vehicle_itself_within_the_market():
    rig = Rig("off")
    assert rig.caps == (11000, 11000)
    assert rig.ems.demand().target_current == 30 and rig.ems.identity() == "CAR"
    assert not rig.ems.forms_grid and rig.car.stays is False
    rig = Rig("off", market_profile="* * DC_BPT 9000 4000", services="DC_BPT")
    assert rig.caps == (9000, 4000)
    rig = Rig("off", market_profile="")
    assert rig.caps == (11000, 0) and rig.ems.limits().discharge_current == 0


def test_nothing_managed_loads_nothing():
    """What a board without ROMFS must not pay for."""
    import subprocess
    import sys

    code = (
        "import sys; sys.path.insert(0, 'lib')\n"
        "from evcc.ems import Ems; from evcc.params import Params\n"
        "from evcc.vehicle import Vehicle\n"
        "Ems(Vehicle(), Params())\n"
        "print([m for m in sys.modules if m.startswith(('evcc.ems.', 'evcc.market'))])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert out.stdout.strip() == "[]", out


@pytest.mark.parametrize("mode", ["now", "departure", "cheap", "solar"])
def test_modes_that_only_charge_give_nothing_back(mode):
    rig = Rig(mode)
    assert rig.caps[1] == 0 and rig.ems.limits().discharge_current == 0
    assert rig.ems.demand().max_v2x_energy is None


@pytest.mark.parametrize("mode", ["v2h", "v2g"])
def test_modes_that_give_back(mode):
    rig = Rig(mode)
    assert rig.caps == (11000, 11000)
    d = rig.ems.demand()
    assert (d.min_v2x_energy, d.max_v2x_energy) == (-12000, 18000)  # 30 % and 80 %
    assert (d.min_energy, d.target_energy, d.max_energy) == (-18000, 18000, 30000)
    assert d.strategy == "trade" and rig.car.stays


def test_market_bounds_what_any_mode_gives():
    rig = Rig("v2h", market_profile="* * DC_BPT - 5000", services="DC_BPT")
    assert rig.caps[1] == 5000
    assert Rig("v2h", market_profile="").caps[1] == 0


def test_needs_are_of_one_snapshot():
    """SOC moves between two calls of one request; its energies do not."""
    rig = Rig("now")
    first = rig.ems.demand().target_energy
    rig.car.soc = 51.0
    assert rig.ems.demand().target_energy == first
    rig.run(1)
    assert rig.ems.demand().target_energy == first - 600


def test_own_demand_is_added_to_the_target():
    rig = Rig("departure", ems_own_Wh=1500.0)
    assert rig.ems.demand().target_energy == 18000 + 1500
    rig.car.own_energy = 500.0
    rig.run(1)
    assert rig.ems.demand().target_energy == 18000 + 2000


def test_departure_by_clock_setting_and_wish():
    rig = Rig("departure", clock=22, ems_departure="07:00")
    assert rig.ems.demand().departure_s == pytest.approx(9 * 3600, abs=15)
    rig.ems.want(departure_s=7200)
    rig.run(1)
    assert rig.ems.demand().departure_s == pytest.approx(7200, abs=2)
    rig.ems.notify("unplugged")
    rig.ems.notify("plugged")
    rig.run(1)
    assert rig.ems.demand().departure_s == pytest.approx(9 * 3600, abs=15)
    rig = Rig("departure", unix=False, ems_departure="07:00", departure_s=5000)
    assert rig.ems.demand().departure_s == pytest.approx(4990, abs=2)
    rig.run(6000, 60)
    assert rig.ems.demand().departure_s == 0


def test_local_time_is_an_offset():
    rig = Rig("departure", clock=5, ems_departure="07:00", utc_offset_min=60)
    assert rig.ems.demand().departure_s == pytest.approx(3600, abs=15)


def test_a_station_that_decides_the_needs_is_believed():
    rig = Rig("departure")
    rig.ems.offer({"departure_s": 1234, "target_soc": 60})
    rig.run(1)
    d = rig.ems.demand()
    assert d.departure_s == 1234 and d.target_soc == 60 and d.target_energy == 6000
    rig.ems.offer({"target_soc": 5})  # below what the car keeps in any case
    rig.run(1)
    assert rig.ems.demand().target_soc == 20


def test_on_board_charger_within_mode_battery_and_market():
    rig = Rig("v2h")
    rig.car.inverter = Inverter()
    charger = rig.ems.charger()
    assert (charger.charge_power, charger.discharge_power, charger.phases) == (11000, 4600, 3)
    rig.ems.grid(charge_W=2000)
    rig.ems.set_mode("now")
    rig.run(10)
    assert (charger.charge_power, charger.discharge_power) == (2000, 0)
    rig.ems.set_mode("off")
    assert (charger.charge_power, charger.discharge_power) == (11000, 4600)


def test_no_charger_no_ac():
    assert Rig("v2h").ems.charger() is None
