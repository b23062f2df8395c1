# SPDX-License-Identifier: MIT
"""A whole DC session through each board's own code; what the monostables do when it hangs."""

import pytest

from host_tests.boards.car import Car
from tools.boards import boards, load
from tools.emulator.plant import Violation


@pytest.mark.parametrize("name", boards())
@pytest.mark.shows(
    "a board's own code, to SLAC and through a session", "{name}", peer="our emulation"
)
def test_a_dc_session(monkeypatch, name):
    car = Car(monkeypatch, name)
    car.board.plug()
    assert car.world.run_until(lambda: car.device.finished, 120_000)
    assert car.controller.result == "STATION_TERMINATE", car.controller.detail
    summary = car.controller.summary()
    assert summary["service"] in ("DC", "DC_BPT") and summary["loops"] > 5
    assert car.violations() == [] and car.plant.contactors.operations == 2
    car.world.run(car.world.now + 2000)
    assert car.board.unplug()  # the lock lets go
    car.check_safe()


def charging(monkeypatch, name):
    car = Car(monkeypatch, name)
    car.board.plug()
    assert car.world.run_until(lambda: car.controller.safety.state == "closed", 120_000)
    assert car.world.run_until(lambda: car.plant.current > 20, car.world.now + 20_000)
    return car


@pytest.mark.parametrize("name", ["RPI_PICO2", "RASPBERRY_PI_BLINKA"])
def test_software_that_hangs_lets_go_of_everything(monkeypatch, name):
    """Pins keep their level, pulses stop: state B within 0.2 s, contactors within 1 s, no arc."""
    car = charging(monkeypatch, name)
    now = car.world.now
    car.device.hang()
    car.world.run(now + 200)
    wiring = car.device.wiring
    assert wiring.level["CP_STATE_C"] == wiring.level["CONT1"] == 1
    assert car.pilot.state == "B" and car.plant.contactors.closed
    car.world.run(now + 1100)
    assert not car.plant.contactors.closed
    assert [v for v in car.violations() if v.kind == Violation.UNDER_CURRENT] == []


MACHINE = [name for name in boards() if load(name).about["api"] == "machine"]


@pytest.mark.parametrize("name", MACHINE)
def test_a_loop_that_computes_leaves_the_timer_in_charge(monkeypatch, name):
    """The loop is busy for good: the timer's tick ends charging in order, no pulse missing."""
    car = charging(monkeypatch, name)
    car.device.stopped = True
    now = car.world.now
    car.world.run(now + 8000)
    # whichever comes first: the station misses our messages, or the tick the loop
    assert car.controller.safety.trip in ("PILOT_LOST", "PROTOCOL_STALLED")
    assert not car.plant.contactors.closed and car.pilot.state == "B"
    edges = [t for t, n, _ in car.device.wiring.history if n == "CONT_ENABLE" and t > now]
    assert max(b - a for a, b in zip(edges, edges[1:])) <= 20
    assert [v for v in car.violations() if v.kind == Violation.UNDER_CURRENT] == []
