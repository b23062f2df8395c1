# SPDX-License-Identifier: MIT
"""Simulated time: order, waking, limits, repeatability."""

import pytest

from tools.emulator.world import Stuck, World


class Part:
    def __init__(self, log, name, every=None):
        self.log, self.name, self.every = log, name, every

    def step(self, now):
        self.log.append((now, self.name))
        return None if self.every is None else now + self.every


def test_parts_run_at_their_deadlines_in_order_of_adding():
    world, log = World(1), []
    world.add(Part(log, "a", 10))
    world.add(Part(log, "b", 5))
    world.run(10)
    assert log == [(0, "a"), (0, "b"), (5, "b"), (10, "a"), (10, "b")]
    assert world.now == 10


def test_run_ends_at_the_time_asked_for_without_parts():
    world = World(1)
    world.run(77)
    assert world.now == 77


def test_wake_makes_a_sleeping_part_run_in_the_same_millisecond():
    world, log = World(1), []
    sleeper = world.add(Part(log, "sleeper"))
    world.run(3)
    world.at(20, world.wake, sleeper)
    world.run(30)
    assert log == [(0, "sleeper"), (20, "sleeper")]


def test_wake_never_delays():
    world, log = World(1), []
    part = world.add(Part(log, "p", 10))
    world.run(1)
    world.wake_at(part, 50)
    world.run(10)
    assert log[-1] == (10, "p")


def test_a_part_woken_during_its_own_step_runs_again_at_once():
    world, log = World(1), []

    class Again:
        def step(self, now):
            log.append(now)
            if len(log) < 3:
                world.wake(self)
            return now + 100

    world.add(Again())
    world.run(99)
    assert log == [0, 0, 0]


def test_a_deadline_in_the_past_means_the_next_millisecond():
    world, log = World(1), []

    class Eager:
        def step(self, now):
            log.append(now)
            return now - 5

    world.add(Eager())
    world.run(3)
    assert log == [0, 1, 2, 3]


def test_run_until_stops_where_it_came_true_and_says_whether():
    world, log = World(1), []
    world.add(Part(log, "p", 7))
    assert world.run_until(lambda: len(log) == 3, 1000)
    assert world.now == 14
    assert not world.run_until(lambda: False, 20)
    assert world.now == 20


def test_removed_parts_and_once_calls_leave_nothing():
    world, log = World(1), []
    part = world.add(Part(log, "p", 1))
    world.after(3, world.remove, part)
    world.run(10)
    assert [t for t, _ in log] == [0, 1, 2, 3]
    world.wake(part)
    world.run(20)
    assert len(log) == 4
    assert not world._parts


def test_two_parts_that_wake_one_another_for_ever_are_reported():
    world = World(1)

    class Ping:
        def step(self, now):
            world.wake(self)

    world.add(Ping())
    with pytest.raises(Stuck, match="at 0 ms"):
        world.run(1)


def test_chance_is_repeatable_and_independent_by_name():
    a, b = World(7), World(7)
    a.rng_for("other").random()
    assert a.rng_for("x").random() == b.rng_for("x").random()
    assert a.rng_for("x").random() != a.rng_for("y").random()
    assert World(8).rng_for("x").random() != b.rng_for("x").random()
    assert len(a.urandom_for("keys")(16)) == 16


def test_adding_twice_is_refused():
    world, log = World(1), []
    part = world.add(Part(log, "p"))
    with pytest.raises(ValueError, match="already"):
        world.add(part)


def test_realtime_waits_for_the_wall_clock(monkeypatch):
    wall = [100.0]
    monkeypatch.setattr("tools.emulator.world.time.monotonic", lambda: wall[0])
    monkeypatch.setattr(
        "tools.emulator.world.time.sleep", lambda s: wall.__setitem__(0, wall[0] + s)
    )
    world = World(1, realtime=True)
    world.run(500)  # the first passing of time sets the anchor
    start = wall[0]
    world.run(2500)
    assert wall[0] - start == pytest.approx(2.0)
