# SPDX-License-Identifier: MIT
"""A day of V2H on session core, EMS and vehicle, one exchange per 10 s of it."""

import pytest
from evcc.reasons import GOOD

from tools.ems_day import house
from tools.ems_day.__main__ import main
from tools.ems_day.run import HOURS, STEP_MS, Day

CONSERVED = 0.001


@pytest.fixture(scope="module")
def dynamic():
    return Day("Dynamic").play()


@pytest.fixture(scope="module")
def scheduled():
    return Day("Scheduled").play()


@pytest.fixture(params=["dynamic", "scheduled"])
def day(request):
    return request.getfixturevalue(request.param)


def at(day, clock):
    """The row of an hour of the clock; those after midnight are the next day's."""
    hour = clock - day.start_h if clock > day.start_h else clock + 24 - day.start_h
    return min(day.rows, key=lambda row: abs(row[0] - hour))


def test_one_exchange_per_10_s_to_the_departure(day):
    assert abs(day.exchanges - HOURS * 3600_000 / STEP_MS) < 10
    assert day.session.stop == "USER_STOP" and day.session.stop in GOOD
    assert day.safety.fault is None and not day.safety.forced_openings
    assert day.safety.state == "open"


@pytest.mark.shows("a day of V2H", "{day}", peer="our emulation")
def test_energy_of_the_messages_is_the_batterys(day):
    assert day.turned_Wh > 50_000
    assert abs(day.lost_Wh) < CONSERVED * day.turned_Wh
    moved = day.session.charged - day.session.discharged
    assert moved == pytest.approx(day.message_Wh, abs=CONSERVED * day.turned_Wh)


def test_reserve_held_and_target_reached(day):
    assert day.soc_at_departure >= day.params.ev_target_soc - 0.1
    reached = [row[2] >= day.params.ems_reserve_soc for row in day.rows].index(True)
    assert min(row[2] for row in day.rows[reached:]) > day.params.ems_reserve_soc - 0.1
    assert all(row[1] >= -1 for row in day.rows[:reached])  # below it nothing was given back


def test_sun_evening_night(day):
    assert at(day, 13)[1] > 2000  # from the roof
    assert at(day, 18)[1] < -3000  # the evening's load
    assert at(day, 1)[1] > 3000  # the cheap night
    assert day.cost < day.cost_without + 1  # more in the battery, and yet


def test_never_more_than_the_house_draws(day):
    for hour, watts, _, sun, load, _ in day.rows:
        if watts < 0:
            assert -watts < load - sun + 120, hour


def test_dynamic_hits_the_reserve_in_the_evening(dynamic):
    """The car's energies stop the manager, not luck: at 22:00 the load goes on without the car."""
    assert at(dynamic, 22)[1] == 0
    assert at(dynamic, 22)[2] == pytest.approx(dynamic.params.ems_reserve_soc, abs=0.1)


def test_scheduled_profile_is_in_what_the_house_offered(scheduled):
    _, entries = scheduled.house.profile
    assert min(w for _, w in entries) < -3000 and max(w for _, w in entries) > 3000
    assert sum(d for d, _ in entries) == pytest.approx(HOURS * 3600, abs=60)


def test_the_cars_own_sight_of_the_meter_bounds_what_it_gives():
    day = Day("Dynamic", hours=4, start_h=16, meter=True, ev_soc=80.0)
    day.house._steer = lambda mode, body: (
        -min(
            8000.0,
            house.number(mode["EVMaximumDischargePower"]),
            house.number(mode["EVMaximumDischargeCurrent"])
            * house.number(body["EVPresentVoltage"]),
        )
    )
    day.play()
    late = [row for row in day.rows if 2 < row[0] < 3.9]
    assert late
    for _, watts, _, sun, load, _ in late:
        assert -watts == pytest.approx(load - sun, rel=0.02)


@pytest.mark.parametrize("mode", ["now", "departure", "cheap", "solar"])
def test_modes_that_only_charge_reach_the_target_and_give_nothing_back(mode):
    settings = {"ems_mode": mode, "ems_cheap_hours": "00:00-05:00", "ev_soc": 70.0}
    day = Day("Dynamic", step_ms=40_000, **settings).play()
    assert day.session.discharged < 1
    assert day.soc_at_departure > 79.9
    assert day.session.stop == ("USER_STOP" if mode in ("departure", "solar") else "COMPLETED")
    if mode == "cheap":
        assert all(row[1] < 1 for row in day.rows if 0.01 < row[0] < 16.4)


def test_the_tool_says_what_came_of_it(capsys, tmp_path):
    picture = tmp_path / "day.png"
    assert main(["--mode", "Dynamic", "--plot", str(picture), "--set", "ems_mode=now"]) == 0
    text = capsys.readouterr().out
    assert "Dynamic, now" in text and "COMPLETED" in text
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_tool_refuses_a_setting_that_is_none(capsys):
    assert main(["--set", "ems_mood=good"]) == 2
    assert "ems_mood" in capsys.readouterr().err
