# SPDX-License-Identifier: MIT
"""A bad power line: loss, duplication and reordering of frames, over many seeds."""

import pytest

from host_tests.sim.rig import Rig

AFTER = "DC_CableCheck"  # is asked only after ScheduleExchange has been answered
FIELD = {"timing_profile": "field"}


def reaches(seed, loss, message):
    """Does a session of this seed get an answer up to `message`?"""
    rig = Rig(seed=seed, settings=FIELD)
    rig.line.loss = loss
    rig.world.run(500)
    rig.board.plug()

    def asks():
        exchange = rig.controller._exchange
        return exchange is not None and exchange.state == message

    rig.world.run_until(lambda: rig.device.finished or asks(), 90000)
    return asks(), rig.controller


@pytest.mark.slow
def test_ten_percent_loss_to_schedule_exchange_99_of_100():
    failed = []
    for seed in range(100):
        good, controller = reaches(seed, 0.1, AFTER)
        if not good:
            failed.append((seed, controller.result, controller.detail))
    assert len(failed) <= 1, failed


@pytest.mark.parametrize("seed", range(5))
def test_ten_percent_loss_to_schedule_exchange(seed):
    good, controller = reaches(seed, 0.1, AFTER)
    assert good, (controller.result, controller.detail)


def whole(seed, **line):
    rig = Rig(seed=seed, settings=FIELD)
    for name, value in line.items():
        setattr(rig.line, name, value)
    rig.run()
    assert rig.outcome["forced_openings"] == 0 and rig.violations() == [], f"seed {seed}"
    rig.check_safe()
    return rig.outcome["result"]


@pytest.mark.shows("frame loss on the line", "2 %", peer="our station")
@pytest.mark.parametrize("seed", range(5))
def test_whole_session_at_two_percent_loss(seed):
    assert whole(seed, loss=0.02) == "STATION_TERMINATE", f"seed {seed}"


@pytest.mark.slow
def test_whole_session_at_two_percent_loss_many_seeds():
    ended = [whole(seed, loss=0.02) for seed in range(5, 60)]
    assert set(ended) == {"STATION_TERMINATE"}, ended


@pytest.mark.shows("frame loss on the line", "duplicates and reordering", peer="our station")
def test_duplicates_and_reordering():
    assert whole(1, duplicate=0.1, reorder=0.1) == "STATION_TERMINATE"


def test_loop_that_times_out_ends_safely():
    """Strict timing at 30 % loss: a charge loop is late sooner or later, and ends in order."""
    for seed in range(3):
        rig = Rig(seed=seed)
        rig.at("DC_ChargeLoop", lambda rig=rig: setattr(rig.line, "loss", 0.6), nth=4)
        rig.run()
        assert rig.outcome["result"] == "MESSAGE_TIMEOUT", (seed, rig.outcome)
        assert rig.outcome["forced_openings"] == 0 and rig.violations() == [], seed
        rig.check_safe()
