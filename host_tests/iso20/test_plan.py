# SPDX-License-Identifier: MIT
"""The car's profile in what a station offers: choice of the tuple, cost, limits, giving back."""

import pytest
from evcc.iso20 import plan, schedule
from evcc.iso20.units import number, rational
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.iso20.scripted import Run
from host_tests.iso20.test_prices import absolute, levels

HOUR = 3600


def power(watts, anchor=1000, **more):
    """A PowerSchedule: W an hour each, or (W, L2, L3)."""
    entries = []
    for w in watts:
        entry = {"Duration": HOUR}
        for name, value in zip(("Power", "Power_L2", "Power_L3"), w if type(w) is tuple else (w,)):
            entry[name] = rational(value)
        entries.append(entry)
    return {"TimeAnchor": anchor, "PowerScheduleEntries": {"PowerScheduleEntry": entries}, **more}


def hourly(fees, anchor=1000):
    return absolute([(HOUR, [(0, fee)]) for fee in fees], anchor=anchor)


def offer(*tuples):
    return {"Scheduled_SEResControlMode": {"ScheduleTuple": list(tuples)}}


def tuple_(number_, charging, discharging=None):
    found = {"ScheduleTupleID": number_, "ChargingSchedule": charging}
    if discharging:
        found["DischargingSchedule"] = discharging
    return found


class Car:
    """A session at Unix time 1000 whose car has 30 of 60 kWh and wants 10 more."""

    def __init__(self, strategy="cheap", hours=8, **settings):
        settings = {"ems_efficiency": 1.0, "scheduled_discharge": True, **settings}
        run = Run(control_mode="Scheduled", ev_soc=50.0, departure_s=hours * HOUR, **settings)
        self.s = run.session
        self.s.selected = type("Choice", (), {})()
        self.s.selected.name = "DC_BPT"
        self.s.selected.control_mode = "Scheduled"
        self.s.selected.bpt = True
        self.s.selected.separated = False
        self.s.evse.update(max_discharge_power=10000.0, max_power=50000.0)
        self.demand = d = run.vehicle.demand()
        d.strategy = strategy
        d.target_energy, d.max_energy = 10000.0, 30000.0
        d.min_energy, d.min_v2x_energy, d.max_v2x_energy = -20000.0, -10000.0, 20000.0
        run.vehicle.demand = lambda: d

    def profile(self, answer, most=20000.0, phases=1):
        """(tuple id, [(s, W)], PowerDeliveryReq)."""
        body = schedule.profile(self.s, answer, most, phases)
        profile = body["EVPowerProfile"]
        entries = [
            (e["Duration"], sum(number(e[n]) for n in e if n != "Duration"))
            for e in profile["EVPowerProfileEntries"]["EVPowerProfileEntry"]
        ]
        return profile["Scheduled_EVPPTControlMode"]["SelectedScheduleTupleID"], entries, body


@pytest.mark.shows("price schedules", "planned by", peer="our station")
def test_cheap_hours():
    charging = {"PowerSchedule": power([8000] * 4), **hourly([0.4, 0.1, 0.3, 0.2])}
    car = Car()
    _, entries, _ = car.profile(offer(tuple_(1, charging)))
    assert entries == [(HOUR, 0), (HOUR, 8000), (HOUR, 0), (HOUR, 2000)]
    assert car.s.plan == (1000, [HOUR] * 4, [0, 8000, 0, 2000])


def test_departure_before_the_cheap_hour():
    charging = {"PowerSchedule": power([12000] * 4), **hourly([0.4, 0.3, 0.2, 0.1])}
    _, entries, _ = Car(hours=2).profile(offer(tuple_(1, charging)))
    assert entries == [(HOUR, 0), (HOUR, 10000)]


@pytest.mark.shows("price schedules", "planned by", peer="our station")
def test_price_levels():
    prices = levels([(2 * HOUR, 2), (HOUR, 0), (HOUR, 1)], anchor=1000)
    charging = {"PowerSchedule": power([8000] * 4), **prices}
    _, entries, _ = Car().profile(offer(tuple_(1, charging)))
    assert entries == [(2 * HOUR, 0), (HOUR, 8000), (HOUR, 2000)]


def test_breakpoints_of_power_and_price_differ():
    prices = absolute([(1800, [(0, 0.1)]), (5400, [(0, 0.5)])], anchor=1000)
    charging = {"PowerSchedule": power([8000] * 2), **prices}
    car = Car()
    car.demand.target_energy = 4000.0
    _, entries, _ = car.profile(offer(tuple_(1, charging)))
    assert entries == [(1800, 8000), (5400, 0)]


def test_without_prices_as_early_as_possible():
    charging = {"PowerSchedule": power([8000] * 4)}
    _, entries, _ = Car().profile(offer(tuple_(1, charging)))
    assert entries == [(HOUR, 8000), (HOUR, 2000), (2 * HOUR, 0)]


def test_now_takes_what_is_granted_whatever_it_costs():
    charging = {"PowerSchedule": power([30000, 5000]), **hourly([0.9, 0.1])}
    _, entries, _ = Car("now").profile(offer(tuple_(1, charging)))
    assert entries == [(HOUR, 20000), (HOUR, 5000)]


def test_the_tuple_that_reaches_the_target_beats_the_cheaper_one():
    slow = {"PowerSchedule": power([2000] * 4), **hourly([0.1] * 4)}
    fast = {"PowerSchedule": power([8000] * 4), **hourly([0.3] * 4)}
    assert Car().profile(offer(tuple_(3, slow), tuple_(4, fast)))[0] == 4
    assert Car("now").profile(offer(tuple_(3, slow), tuple_(4, fast)))[0] == 4


@pytest.mark.parametrize("strategy", ["now", "cheap", "trade"])
def test_of_tuples_that_reach_it_the_cheaper(strategy):
    dear = {"PowerSchedule": power([8000] * 4), **hourly([0.5] * 4)}
    cheap = {"PowerSchedule": power([8000] * 4), **hourly([0.3] * 4)}
    assert Car(strategy).profile(offer(tuple_(3, dear), tuple_(4, cheap)))[0] == 4


def test_money_and_levels_are_not_compared():
    dear = {"PowerSchedule": power([8000] * 4), **hourly([0.5] * 4)}
    level = {"PowerSchedule": power([8000] * 4), **levels([(4 * HOUR, 0)], anchor=1000)}
    assert Car().profile(offer(tuple_(3, dear), tuple_(4, level)))[0] == 3


def test_available_energy_bounds_what_is_planned():
    charging = {"PowerSchedule": power([8000] * 4, AvailableEnergy=rational(6000))}
    _, entries, _ = Car().profile(offer(tuple_(1, charging)))
    assert sum(d * w for d, w in entries) / HOUR == pytest.approx(6000)


def test_tolerance_is_left_to_the_station_and_confirmed_when_we_can_keep_it():
    charging = {"PowerSchedule": power([8000] * 4, PowerTolerance=rational(500))}
    _, entries, body = Car().profile(offer(tuple_(1, charging)))
    assert entries[0] == (HOUR, 7500)
    mode = body["EVPowerProfile"]["Scheduled_EVPPTControlMode"]
    assert mode["PowerToleranceAcceptance"] == "PowerToleranceConfirmed"
    charging = {"PowerSchedule": power([8000] * 4, PowerTolerance=rational(100))}
    mode = Car().profile(offer(tuple_(1, charging)))[2]["EVPowerProfile"]
    answer = mode["Scheduled_EVPPTControlMode"]["PowerToleranceAcceptance"]
    assert answer == "PowerToleranceNotConfirmed"


def trade(watts=(0, 8000, 8000), back=(-8000, -8000, 0), buy=(0.4, 0.1, 0.1), sell=(0.35,) * 3):
    charging = {"PowerSchedule": power(watts), **hourly(buy)}
    return offer(tuple_(1, charging, {"PowerSchedule": power(back), **hourly(sell)}))


def test_gives_back_when_that_pays_and_holds_the_reserve():
    car = Car("trade")
    car.demand.target_energy = 0.0
    car.demand.min_v2x_energy = -6000.0
    _, entries, body = car.profile(trade(sell=(0.35, 0.05, 0.05)))
    assert entries == [(HOUR, -6000), (HOUR, 6000), (HOUR, 0)]
    assert car.s.plan[2] == [-6000, 6000, 0]
    assert "BPT_ChannelSelection" not in body


def test_separated_channels_begin_with_the_direction_of_the_first_entry():
    car = Car("trade")
    car.s.selected.separated = True
    car.demand.target_energy = 0.0
    assert car.profile(trade(sell=(0.35, 0.05, 0.05)))[2]["BPT_ChannelSelection"] == "Discharge"
    charging = {"PowerSchedule": power([8000])}
    car = Car()
    car.s.selected.separated = True
    assert car.profile(offer(tuple_(1, charging)))[2]["BPT_ChannelSelection"] == "Charge"


@pytest.mark.parametrize(
    "strategy, more", [("cheap", {}), ("now", {}), ("trade", {"scheduled_discharge": False})]
)
def test_gives_nothing_back_unless_wished_and_allowed(strategy, more):
    _, entries, _ = Car(strategy, **more).profile(trade())
    assert all(w >= 0 for _, w in entries)


def test_below_the_least_power_of_a_charger_it_runs_shorter():
    charging = {"PowerSchedule": power([8000] * 2), **hourly([0.1, 0.2])}
    car = Car()
    car.demand.target_energy = 9000.0
    limits = car.s.vehicle.limits()
    limits.min_charge_power = 4000.0
    car.s.vehicle.limits = lambda: limits
    _, entries, _ = car.profile(offer(tuple_(1, charging)))
    assert entries == [(HOUR, 8000), (900, 4000), (2700, 0)]


def test_phases_keep_their_shares():
    charging = {"PowerSchedule": power([(4000, 4000, 2000)])}
    body = Car().profile(offer(tuple_(1, charging)), phases=3)[2]
    entry = body["EVPowerProfile"]["EVPowerProfileEntries"]["EVPowerProfileEntry"][0]
    assert [number(entry[n]) for n in ("Power", "Power_L2", "Power_L3")] == [4000, 4000, 2000]


def test_a_schedule_that_began_before_now_and_a_clock_that_differs():
    charging = {"PowerSchedule": power([8000] * 3, anchor=50000)}
    answer = offer(tuple_(1, charging))
    answer["Header"] = {"TimeStamp": 50000 + 600}  # ours says 1000
    car = Car()
    _, entries, body = car.profile(answer)
    assert entries[0] == (600, 0) and entries[1] == (3000, 8000)
    assert body["EVPowerProfile"]["TimeAnchor"] == 50000
    assert car.s.plan[0] == 400


def test_too_many_points_are_cut_not_refused():
    charging = {"PowerSchedule": power([3000] * 60), **hourly([0.1, 0.2] * 30)}
    _, entries, _ = Car(hours=60).profile(offer(tuple_(1, charging)))
    assert sum(d * w for d, w in entries) / HOUR == pytest.approx(10000)


watts = st.lists(st.integers(0, 22).map(lambda n: n * 500), min_size=1, max_size=12)
fees = st.lists(st.integers(-5, 50).map(lambda n: n / 100), min_size=12, max_size=12)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(watts, fees, watts, fees), min_size=1, max_size=3),
    st.sampled_from(("now", "cheap", "trade")),
    st.integers(-3000, 20000),
    st.integers(1, 14),
    st.integers(0, 4000),
)
def test_never_beyond_schedule_or_window(tuples, strategy, target, hours, least):
    car = Car(strategy, hours)
    car.demand.target_energy = float(target)
    limits = car.s.vehicle.limits()
    limits.min_charge_power = float(least)
    car.s.vehicle.limits = lambda: limits
    offers = []
    for n, (up, buy, down, sell) in enumerate(tuples):
        charging = {"PowerSchedule": power(up), **hourly(buy)}
        back = {"PowerSchedule": power([-w for w in down]), **hourly(sell)}
        offers.append(tuple_(n + 1, charging, back))
    chosen, entries, _ = car.profile(offer(*offers), most=9000.0)
    up, _, down, _ = tuples[chosen - 1]
    assert sum(d for d, _ in entries) <= HOUR * len(up)
    at, level = 0, 0.0
    for duration, w in entries:
        first, last = at // HOUR, -(-(at + duration) // HOUR)
        if w > 0:
            assert w <= min(9000, *up[first:last]) + 1
        if w < 0:
            assert -w <= min(down[first:last]) + 1
        level += w * duration / HOUR
        if strategy != "now":
            assert -10000 - 20 <= level <= 30000 + 20
        at += duration


def test_the_best_of_each_tuple_is_compared():
    a = {"PowerSchedule": power([8000] * 2), **hourly([0.5, 0.2])}
    b = {"PowerSchedule": power([8000] * 2), **hourly([0.3, 0.3])}
    s = Car().s
    best = plan.choose(s, [tuple_(1, a), tuple_(2, b)], 20000.0, 1, 1000)
    assert best.id == 1 and best.cost == pytest.approx(8 * 0.2 + 2 * 0.5)
