# SPDX-License-Identifier: MIT
"""The lock's motor: end switch, time limit, retries, reversal, stall; a simulated actuator."""

import random

import pytest
from drivers.lock import Lock
from evcc.ports import NONE

from host_tests.drivers.parts import Pin


class Actuator:
    """Travels in `travel` ms; `jam`: does not move; `dead`: its switch does not change."""

    def __init__(self, travel=300, position=0.0):
        self.travel, self.position = travel, position
        self.jam = self.dead = False
        self.a, self.b = Pin(), Pin()
        self.ran = []  # ms of each run
        self.was = 0

    def switch(self):
        return 1 if self.dead or self.position < 1.0 else 0  # to ground when locked

    def pass_ms(self, ms):
        assert not (self.a.level and self.b.level), "both inputs of the bridge are high"
        drive = self.a.level - self.b.level
        assert not (drive and self.was and drive != self.was), "reversed without a pause"
        if drive:
            if not self.was:
                self.ran.append(0)
            self.ran[-1] += ms
            if not self.jam:
                self.position = max(0.0, min(1.0, self.position + drive * ms / self.travel))
        self.was = drive


def rig(travel=300, with_switch=True, **how):
    act = Actuator(travel, **how)
    lock = Lock(act.a, act.b, act.switch if with_switch else None, 0, 600)
    return act, lock


def run(act, lock, ms, start=(1 << 30) - 1000, step=20):
    """Time wraps on the way."""
    for i in range(ms // step):
        lock.step(start + i * step & (1 << 30) - 1)
        act.pass_ms(step)


def test_nothing_moves_before_a_command():
    act, lock = rig()
    run(act, lock, 2000)
    assert act.ran == [] and lock.read() == 0


@pytest.mark.parametrize("travel", [40, 150, 300, 540])
def test_locks_and_stops_after_the_end_switch(travel):
    act, lock = rig(travel)
    lock.set(True)
    run(act, lock, 3000)
    assert lock.read() == 1 and len(act.ran) == 1 and not lock.stalled
    assert travel <= act.ran[0] <= min(600, travel + 100)
    for _ in range(5):
        lock.set(True)  # asked for again: nothing new
        run(act, lock, 200)
    assert len(act.ran) == 1
    lock.set(False)
    run(act, lock, 3000)
    assert lock.read() == 0 and len(act.ran) == 2


def test_timed_lock():
    act, lock = rig(with_switch=False)
    lock.set(True)
    run(act, lock, 3000)
    assert lock.read() == NONE and act.position == 1.0
    assert act.ran == [600]
    lock.set(False)
    run(act, lock, 3000)
    assert act.ran == [600, 600] and act.position == 0.0


def test_jammed_lock_gives_up_and_tries_again_when_told():
    act, lock = rig()
    act.jam = True
    lock.set(True)
    run(act, lock, 20_000)
    assert lock.read() == 0 and lock.stalled
    assert len(act.ran) == 3 and max(act.ran) <= 620
    lock.set(False)
    lock.set(True)
    act.jam = False
    run(act, lock, 2000)
    assert lock.read() == 1 and not lock.stalled


def test_second_attempt_may_help():
    act, lock = rig()
    act.jam = True
    lock.set(True)
    run(act, lock, 700)
    act.jam = False
    run(act, lock, 2000)
    assert lock.read() == 1 and len(act.ran) == 2


def test_a_lock_that_is_forced_is_driven_again():
    act, lock = rig()
    lock.set(True)
    run(act, lock, 2000)
    act.position = 0.0
    run(act, lock, 2000)
    assert lock.read() == 1 and len(act.ran) == 2


def test_broken_wire_of_the_switch_is_not_locked():
    act, lock = rig()
    act.dead = True
    lock.set(True)
    run(act, lock, 20_000)
    assert lock.read() == 0 and lock.stalled


def test_any_commands_never_drive_both_nor_too_long():
    rng = random.Random(5)
    act, lock = rig()
    for _ in range(300):
        lock.set(rng.random() < 0.5)
        act.jam = rng.random() < 0.3
        run(act, lock, rng.choice((20, 40, 100, 400, 1500)), start=rng.randrange(1 << 30))
    assert max(act.ran) <= 3 * 620
