# SPDX-License-Identifier: MIT
"""The planner against an independent solver: HiGHS, through scipy's linprog."""

import pytest
from evcc.ems import planner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog


def reference(steps, target, low, high, efficiency, wear):
    """(cost, Wh missing) of the same problem as a linear programme. What is missing of floor and
    target is made as small as possible before cost counts."""
    cost, bounds, owner = [], [], []
    for k, (seconds, charge, discharge) in enumerate(steps):
        for sign, bands in ((1, charge), (-1, discharge)):
            for watts, price in bands:
                paid = price if sign > 0 else -(price - wear)
                cost.append(paid)
                bounds.append((0, watts * seconds / 3600))
                owner.append((k, sign * (efficiency if sign > 0 else 1 / efficiency)))
    m = len(steps)
    # one slack a step for the floor, one for the target
    c = cost + [1e4] * (m + 1)
    rows, limits = [], []
    for k in range(m):
        row = [gain if at <= k else 0 for at, gain in owner]
        slack = [0] * (m + 1)
        rows.append(row + slack)
        limits.append(high)
        slack = list(slack)
        slack[k] = -1
        rows.append([-x for x in row] + slack)
        limits.append(-low)
    slack = [0] * m + [-1]
    rows.append([-gain for _, gain in owner] + slack)
    limits.append(-target)
    found = linprog(c, A_ub=rows, b_ub=limits, bounds=bounds + [(0, None)] * (m + 1))
    assert found.status == 0, found.message
    x = found.x
    return sum(a * b for a, b in zip(cost, x)), x[-1]


def level(steps, watts, efficiency):
    at, levels = 0.0, []
    for (seconds, _, _), w in zip(steps, watts):
        at += (w * efficiency if w > 0 else w / efficiency) * seconds / 3600
        levels.append(at)
    return levels


cents = st.integers(0, 60).map(lambda n: n / 1e5)  # per Wh
power = st.integers(0, 22).map(lambda n: n * 500.0)


@st.composite
def problems(draw):
    steps = []
    for _ in range(draw(st.integers(1, 10))):
        buy = sorted(draw(st.lists(cents, min_size=1, max_size=2)))
        sell = draw(cents)
        charge = tuple((draw(power), price) for price in buy)
        discharge = ((draw(power), min(sell, buy[0])),) if draw(st.booleans()) else ()
        steps.append((draw(st.sampled_from((900, 1800, 3600, 7200))), charge, discharge))
    low = draw(st.integers(-20, 0)) * 1000.0
    high = draw(st.integers(0, 30)) * 1000.0
    target = draw(st.integers(int(low), int(high)))
    efficiency = draw(st.sampled_from((1.0, 0.9)))
    wear = draw(st.sampled_from((0.0, 5e-5)))
    return steps, target, low, high, efficiency, wear


@pytest.mark.shows("cheapest plan", peer="HiGHS (scipy)")
@settings(max_examples=25, deadline=None)
@given(problems())
def test_cheapest_by_an_independent_solver(problem):
    check(problem)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(problems())
def test_cheapest_by_an_independent_solver_at_length(problem):
    check(problem)


def check(problem):
    steps, target, low, high, efficiency, wear = problem
    watts, cost, missing = planner.plan(*problem)
    best, least = reference(*problem)
    assert missing == pytest.approx(least, abs=0.1)
    assert cost == pytest.approx(best, abs=1e-3)
    levels = level(steps, watts, efficiency)
    assert all(low - 0.1 <= x <= high + 0.1 for x in levels)
    assert levels[-1] >= target - missing - 0.1
    for (_, charge, discharge), w in zip(steps, watts):
        assert -sum(b[0] for b in discharge) - 1e-6 <= w <= sum(b[0] for b in charge) + 1e-6


def test_cheap_hours_are_taken_and_the_last_one_in_part():
    steps = [(3600, ((10000.0, p),), ()) for p in (3e-4, 1e-4, 2e-4, 1e-4)]
    watts, cost, missing = planner.plan(steps, 25000, 0, 60000)
    assert watts == [0, 10000, 5000, 10000] and missing == 0
    assert cost == pytest.approx(3.0)


def test_below_the_floor_it_charges_first_at_any_price():
    steps = [(3600, ((10000.0, p),), ((10000.0, p),)) for p in (9e-4, 1e-4, 1e-4)]
    watts, _, _ = planner.plan(steps, 8000, 5000, 60000)
    assert watts[0] == pytest.approx(5000)


def test_sells_dear_and_buys_back_cheap():
    steps = [(3600, ((10000.0, p),), ((10000.0, p * 0.9),)) for p in (4e-4, 1e-4)]
    watts, cost, _ = planner.plan(steps, 0, -8000, 60000)
    assert watts == [pytest.approx(-8000), pytest.approx(8000)] and cost < 0


def test_wear_stops_a_trade_that_does_not_pay():
    steps = [(3600, ((10000.0, p),), ((10000.0, p),)) for p in (2e-4, 1e-4)]
    watts, _, _ = planner.plan(steps, 0, -8000, 60000, 1.0, 1.5e-4)
    assert watts == [pytest.approx(0, abs=0.01)] * 2


def test_nothing_is_given_back_for_nothing():
    watts, _, _ = planner.plan([(3600, ((5000.0, 0.0),), ((5000.0, 0.0),))], 0, -8000, 60000)
    assert watts == [pytest.approx(0)]


def test_target_out_of_reach_is_missed_by_as_little_as_possible():
    watts, _, missing = planner.plan([(3600, ((7000.0, 1e-4),), ())], 10000, 0, 60000)
    assert watts == [7000] and missing == 3000


def test_crumbs_end_the_search_too():
    """What is smaller than the level can show must not be tried for ever."""
    steps = [(900, (), ((1e-12, 0.0),)) for _ in range(4)]
    watts, _, _ = planner.plan([(3600, ((1e6, 1e-4),), ()), *steps], 8e5, 0, 1e7, 0.9, 5e-5)
    assert watts[0] > 0
