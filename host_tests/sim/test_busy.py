# SPDX-License-Identifier: MIT
"""A Python that computes for seconds with closed contactors, or hangs: a timer's tick guards."""

import pytest

from host_tests.sim.rig import Rig

WORK_MS = 3000


def busy(ms=WORK_MS, act=None, **more):
    """A rig whose device works for `ms` in its 8th charge loop; `act(rig)` 500 ms later."""
    rig = Rig(**more)
    rig.began = None

    def work():
        step = rig.controller.host.step

        def slow(now):
            rig.controller.host.step = step
            rig.began = rig.world.now
            if act:
                rig.world.after(500, act, rig)
            rig.world.pass_for(rig.device, ms)
            return step(rig.world.now)

        rig.controller.host.step = slow

    rig.at("DC_ChargeLoop", work, nth=8)
    rig.world.run(500)
    rig.board.plug()
    return rig


def over(rig):
    out = rig.plant.output
    out.enable(True)
    out.volt_s = out.ampere_s = 1e9
    out.target(600, 300, rig.world.now)
    out.target = out.enable = lambda *what: None  # a station that obeys nobody


def heat(rig):
    rig.board.inlet_C[0] = 99.0


def weak(rig):
    """The car's own monitor finds a fault."""
    rig.board.isolation = False


@pytest.mark.parametrize(
    "act, reason",
    [(over, "LIMIT_EXCEEDED"), (heat, "OVER_TEMPERATURE"), (weak, "ISOLATION_FAULT")],
)
def test_a_timer_guards_while_python_computes(act, reason):
    rig = busy(act=act, timer=True)
    world = rig.world
    assert world.run_until(lambda: rig.began is not None and not rig.pilot.s2, 60_000)
    # run_until looks after each step, so also in the middle of the computation
    at = next(t for t, state in rig.pilot.history[::-1] if state == "B")
    assert rig.began + 500 < at <= rig.began + 600
    assert rig.plant.contactors.operations >= 2
    world.run_until(lambda: rig.device.finished, 60_000)
    assert reason in ((told := rig.device.outcome())["result"], told["detail"].split(" ")[0])
    if act is not over:
        assert rig.violations() == []
    assert rig.board.resets == 0
    assert rig.board.forced_openings == rig.controller.safety.forced_openings


def test_without_a_timer_hardware_ends_it():
    """No tick, no pulse: state C falls after 200 ms and the watchdog bites after 500."""
    rig = busy()
    assert rig.world.run_until(lambda: rig.board.resets, 60_000)
    at = next(t for t, state in rig.pilot.history[::-1] if state == "B")
    assert at - rig.began <= rig.board.ENABLE_C_MS + 5
    rig.world.run_until(lambda: not rig.plant.contactors.closed, rig.world.now + 100)
    assert not rig.plant.contactors.closed


def test_a_python_that_hangs_is_stopped_by_the_tick_and_reset_in_the_end():
    rig = busy(ms=70_000, timer=True)
    bites = []
    rig.board.on_reset = lambda: bites.append(rig.world.now)
    assert rig.world.run_until(lambda: bites, 200_000)
    b = next(t for t, state in rig.pilot.history[::-1] if state == "B")
    assert b - rig.began <= 4100  # no sign of life, or the station gave up before
    assert 60_000 <= bites[0] - rig.began <= 61_100
    assert not rig.plant.contactors.closed and rig.board.forced_openings == 0
