# SPDX-License-Identifier: MIT
"""Modes over the hours: what the manager takes and gives, who stays, who wants a schedule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.ems.rig import Rig


def test_even_charging_until_the_departure():
    rig = Rig("departure", departure_s=36000)
    assert rig.caps[0] == pytest.approx(18000 / 9.75 * 1.15, rel=0.01)
    rig.car.soc = 75.0
    rig.run(10)
    assert rig.caps[0] == pytest.approx(3000 / 9.75 * 1.15, rel=0.01)


def test_cheap_hours_and_the_departure_that_does_not_wait():
    rig = Rig("cheap", clock=20, ems_cheap_hours="23:00-02:00", departure_s=36000)
    assert rig.caps[0] == 0 and "cheap" in rig.ems.status()["why"]
    rig.at(22.9)
    assert rig.caps[0] == 0
    rig.at(23.1)
    assert rig.caps[0] == 11000
    rig.at(26.5)  # 02:30, and nothing came in
    assert rig.caps[0] == 0
    rig.at(28.2)  # 18 kWh at 11 kW take 1.64 h; with the margin that is begun at 03:52
    assert rig.caps[0] == 11000 and "departure" in rig.ems.status()["why"]


def test_without_a_clock_there_are_no_cheap_hours():
    assert Rig("cheap", unix=False, ems_cheap_hours="23:00-02:00").caps[0] == 11000


def test_solar_follows_the_meter_and_forgets_a_silent_one():
    rig = Rig("solar")
    rig.ems.house(-3000.0)
    rig.run(10)
    assert rig.caps[0] == 3000
    d = rig.ems.demand()
    assert (
        d.target_energy == 0 and d.max_energy == 18000
    )  # sun to the target, nothing from the grid
    rig.ems.house(500.0)
    rig.run(10)
    assert rig.caps[0] == 0
    rig.run(20)  # no reading any more: the station steers
    assert rig.caps[0] == 11000


def test_v2h_feeds_the_house_and_not_the_street():
    rig = Rig("v2h")
    rig.ems.house(2500.0)
    rig.run(10)
    assert rig.caps[1] == 2500
    rig.ems.house(-2500.0)
    rig.run(10)
    assert rig.caps[1] == 0


def test_v2g_sells_in_its_hours():
    rig = Rig("v2g", clock=16, ems_sell_hours="17:00-19:00")
    assert rig.caps[1] == 0
    rig.at(17.1)
    assert rig.caps[1] == 11000
    rig.at(19.1)
    assert rig.caps[1] == 0


def test_below_the_minimum_everything_else_waits():
    for mode in ("cheap", "solar", "v2h", "v2g"):
        rig = Rig(mode, clock=12, ems_cheap_hours="23:00-02:00")
        rig.car.soc = 15.0
        rig.ems.house(3000.0)
        rig.run(10)
        assert rig.caps == (11000, 0), mode
        assert rig.ems.demand().min_energy == 3000


def test_giving_back_leaves_time_to_charge():
    rig = Rig("v2h", departure_s=3 * 3600)
    assert rig.caps[1] == 11000
    rig.run(3600, 60)
    assert rig.caps[1] == 0 and "departure" in rig.ems.status()["why"]


def test_a_station_that_steers_by_its_limit_is_not_too_weak():
    """It grants no charging while it asks energy back."""
    rig = Rig("v2h")
    rig.ems.offer({"max_power": 11000.0, "current": 20.0})
    rig.ems.offer({"max_power": 0.0, "current": -20.0})
    rig.run(5)
    assert rig.caps[1] == 11000 and "may give" in rig.ems.status()["why"]
    rig.ems.notify("plugged")
    rig.ems.offer({"max_power": 1.0})  # a weak one from the start
    rig.run(5)
    assert "departure" in rig.ems.status()["why"]


def test_wishes_of_driver_and_grid():
    rig = Rig("v2h")
    rig.ems.want(target_soc=60, min_soc=40)
    rig.ems.grid(charge_W=4200, discharge_W=1000)
    rig.run(10)
    assert rig.caps == (4200, 1000)
    d = rig.ems.demand()
    assert (d.target_energy, d.min_energy, d.min_v2x_energy) == (6000, -6000, -6000)
    rig.ems.grid()
    rig.run(10)
    assert rig.caps == (11000, 11000)


def test_modes_change_in_the_middle_and_falling_caps_do_so_in_steps():
    rig = Rig("v2h")
    rig.ems.set_mode("now")
    seen = []
    for _ in range(60):
        rig.run(0.1)
        seen.append(rig.caps[1])
    assert seen[-1] == 0
    falls = [a - b for a, b in zip(seen, seen[1:])]
    assert max(falls) < 1000 and sum(1 for x in falls if x) > 10
    rig.ems.set_mode("off")
    assert rig.caps == (11000, 11000) and rig.car.stays is False
    rig.ems.set_mode("v2g")
    rig.run(10)
    assert rig.car.stays
    with pytest.raises(ValueError, match="ems_mode"):
        rig.ems.set_mode("party")


def test_who_stays_and_who_leaves_when_full():
    for mode, stays in (("now", False), ("cheap", False), ("solar", True), ("v2h", True)):
        rig = Rig(mode)
        rig.car.soc = 81.0
        rig.run(1)
        assert rig.ems.wants_power() is stays, mode
        rig.car.power = False
        assert not rig.ems.wants_power()


def test_a_change_asks_for_another_schedule_where_there_are_schedules():
    for mode, wish in (("Scheduled", "renegotiate"), ("Dynamic", None)):
        rig = Rig("v2h", control_mode=mode)
        rig.ems.offer({"current": 1.0})
        assert rig.ems.wish() is None
        rig.ems.want(target_soc=70)
        assert rig.ems.wish() == wish
        rig.run(3)
        assert rig.ems.wish() is None


numbers = st.floats(-50000, 50000)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(("now", "departure", "cheap", "solar", "v2h", "v2g", "v2l")),
    st.floats(0, 100),
    st.floats(0, 15000),
    st.floats(0, 15000),
    st.integers(0, 100),
    st.integers(0, 100),
    st.one_of(st.none(), numbers),
    st.integers(0, 90000),
    st.floats(-30, 70),
)
def test_never_more_than_the_bms_and_energies_in_order(
    mode, soc, up, down, target, least, house, departure, celsius
):
    rig = Rig(mode, ems_cheap_hours="10:00-11:30", ems_sell_hours="12:00-13:00")
    rig.car.soc, rig.car.charge_W, rig.car.discharge_W = soc, up, down
    rig.car.celsius = celsius
    rig.ems.want(target, least, departure)
    if house is not None:
        rig.ems.house(house)
    for _ in range(8):
        rig.run(1, 0.5)
        lim, d = rig.ems.limits(), rig.ems.demand()
        assert 0 <= lim.charge_power <= up and 0 <= lim.discharge_power <= min(down, 11000)
        assert 0 <= lim.charge_current <= 30 and 0 <= lim.discharge_current <= 30
        assert d.min_energy <= d.target_energy <= max(d.max_energy, d.min_energy)
        if d.max_v2x_energy is not None:
            assert d.min_energy <= d.min_v2x_energy <= d.max_v2x_energy <= d.max_energy + 1e-9
        assert d.departure_s >= 0
    if soc < max(rig.params.ems_reserve_soc if mode.startswith("v2") else 0, least):
        assert lim.discharge_power == 0
