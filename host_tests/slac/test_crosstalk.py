# SPDX-License-Identifier: MIT
"""Cars and stations through emulated modems and one power line: everybody finds their own."""

import pytest

from host_tests.slac.rig import Car, Station, place
from tools.emulator.powerline import PowerLine
from tools.emulator.world import World


def two_cars_three_stations(seed):
    """One pole with three plugs; two cars come within a second. True: each found its own."""
    world = World(seed)
    line = PowerLine(world)
    rng = world.rng_for("place")
    cars = [Car(world, line, n + 1) for n in range(2)]
    stations = [Station(world, line, n + 1) for n in range(3)]
    for i, car in enumerate(cars):
        own = rng.uniform(5, 30)
        for j, station in enumerate(stations):
            line.attenuate(car.modem, station.modem, own if i == j else own + rng.uniform(4, 25))
    line.duplicate, line.reorder = 0.02, 0.02
    for station in stations:
        station.modem.chatter = True
    world.run(1500)
    for car in cars:
        world.after(rng.randrange(1000), car.plug)
    world.run_until(lambda: all(c.slac.state in ("ready", "failed") for c in cars), 90_000)
    return [
        (car.slac.evse, car.slac.link, station.slac.peer, station.slac.linked or car.modem.joined)
        == (station.mac, True, car.mac, True)
        for car, station in zip(cars, stations, strict=False)
    ]


@pytest.mark.shows("several stations and cars on one line", peer="our station")
@pytest.mark.parametrize(
    "seed", [n if n < 30 else pytest.param(n, marks=pytest.mark.slow) for n in range(100)]
)
def test_two_cars_find_their_own_of_three_stations(seed):
    assert two_cars_three_stations(seed) == [True, True], f"seed {seed}"


def test_first_request_to_key():
    """The figure of the bench: at most 0.8 s of simulated time with one station."""
    world, line, (car,), (station,) = place()
    world.run(1500)
    car.plug()
    assert world.run_until(lambda: car.slac.state == "ready", 20_000)
    begin = next(t for t, k in car.sent if k == 0x6064)
    assert next(t for t, k in car.sent if k == 0x6008) - begin <= 800
    assert station.slac.peer == car.mac and car.modem.nmk == station.slac.nmk
    world.run(world.now + 1000)
    assert station.slac.linked


def test_frames_of_the_session_pass_after_the_match_only():
    world, line, (car, other), (station, far) = place(cars=2, stations=2)
    frame = station.mac + car.mac + b"\x86\xdd" + bytes(60)
    world.run(1500)
    car.port.send(frame)
    world.run(world.now + 100)
    assert not station.others
    car.plug()
    world.run_until(lambda: car.slac.state == "ready", 20_000)
    car.port.send(frame)
    world.run(world.now + 100)
    assert station.others == [frame] and not far.others and not other.others


@pytest.mark.parametrize("seed", range(20))
def test_ten_percent_loss(seed):
    world, line, (car,), (station,) = place(seed)
    line.loss = 0.1
    world.run(1500)
    car.plug()
    world.run_until(lambda: car.slac.state in ("ready", "failed"), 90_000)
    assert car.slac.state == "ready" and car.slac.link, (seed, car.slac.seen)


@pytest.mark.parametrize("faults", [dict(lose_irq=0.5), dict(corrupt=0.1), dict(no_irq=True)])
def test_bad_bus(faults):
    for seed in range(5):
        world, line, (car,), (station,) = place(seed)
        for name, value in faults.items():
            setattr(car.modem, name, value)
        world.run(2000)
        car.plug()
        world.run_until(lambda c=car: c.slac.state in ("ready", "failed"), 90_000)
        assert car.slac.state == "ready", (seed, car.slac.failure, car.port.counters)


def test_without_interrupt_line():
    world = World()
    line = PowerLine(world)
    car, _ = Car(world, line, irq=False), Station(world, line)
    world.run(1500)
    car.plug()
    assert world.run_until(lambda: car.slac.state == "ready", 20_000) and car.slac.link


def test_late_link_of_a_modem():
    for knobs in (dict(join_ms=7000), dict(join_ms=1500, link_ms=5500)):
        world, line, (car,), (station,) = place()
        for name, value in knobs.items():
            setattr(car.modem, name, value)
        world.run(1500)
        car.plug()
        world.run_until(lambda c=car: c.slac.state == "ready", 20_000)
        world.run(world.now + 10_000)
        assert car.slac.link and car.slac.state == "ready"


def test_modem_that_dozed_before_the_plug():
    """Silence of its messages is no reason to reset it: the station's beacon wakes it."""
    world = World()
    line = PowerLine(world)
    car = Car(world, line)
    car.modem.doze_ms = 30_000
    world.run(60_000)
    assert car.modem.dozing() and car.port.restarts == 1
    Station(world, line)
    world.run(61_000)
    car.plug()
    assert world.run_until(lambda: car.slac.state == "ready", 90_000)
    assert car.slac.link and car.port.restarts == 1


def test_wrong_key_never_links_and_is_told():
    world, line, (car,), (station,) = place()
    station.slac.bad_nmk = True
    world.run(1500)
    car.plug()
    world.run(30_000)
    assert car.slac.state == "ready" and not car.slac.link
    assert "link: not seen" in car.slac.seen
    assert station.slac.counters["join_timeout"] == 1 and station.slac.state == "matching"


def test_unplug_and_next_car():
    world, line, (car, second), (station,) = place(cars=2)
    line.attenuate(second.modem, station.modem, 15)
    world.run(1500)
    car.plug()
    world.run_until(lambda: car.slac.state == "ready", 20_000)
    old = station.slac.nmk
    car.slac.leave(world.now)
    world.wake(car)
    station.slac.unplugged(world.now)
    world.run(world.now + 1000)
    assert car.modem.nmk not in (old, station.slac.nmk) and station.slac.nmk != old
    assert not car.modem.joined
    station.slac.plugged(world.now)
    second.plug()
    assert world.run_until(lambda: second.slac.state == "ready", world.now + 20_000)
    world.run(world.now + 1000)
    assert station.slac.peer == second.mac and station.slac.linked and not car.modem.joined


def test_validation_on_the_pilot():
    world = World()
    line = PowerLine(world)
    stations = [Station(world, line, n + 1) for n in range(2)]

    def toggle(n):  # only the first station sees this car's pilot
        for i in range(n):
            world.after(300 + 600 * i, stations[0].slac.toggle_seen, 0)

    car = Car(world, line, toggle=toggle)
    line.attenuate(car.modem, stations[0].modem, 52)
    line.attenuate(car.modem, stations[1].modem, 47)
    world.run(1500)
    car.plug()
    assert world.run_until(lambda: car.slac.state == "ready", 30_000), car.slac.seen
    assert car.slac.evse == stations[0].mac and car.slac.link
    world.run(world.now + 2000)
    assert stations[0].slac.peer == car.mac and stations[1].slac.peer is None


def test_restart_of_the_modem_during_matching():
    world, line, (car,), (station,) = place()
    world.run(1500)
    car.plug()
    world.run(world.now + 150)
    car.modem.reboot()
    assert world.run_until(lambda: car.slac.state in ("ready", "failed"), 60_000)
    assert car.slac.state == "ready" and car.port.restarts == 2
