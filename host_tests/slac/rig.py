# SPDX-License-Identifier: MIT
"""Cars and stations on one emulated power line, for tests: driver and SLAC without the rest."""

from drivers.qca7000 import Qca7000
from evcc.params import Params
from evcc.slac import Slac

import tools  # noqa: F401
from tools.charger.slac import EvseSlac
from tools.emulator.modem import Modem, StationModem
from tools.emulator.powerline import PowerLine
from tools.emulator.world import World


class Car:
    """Modem, driver and SLAC of one car as one part of the world."""

    def __init__(self, world, line, number=1, toggle=None, irq=True, **settings):
        self.world = world
        self.mac = bytes((2, 0, 0, 0x0E, 0x0E, number))
        self.modem = Modem(world, bytes((2, 0, 0, 0x0E, 0xF1, number)))
        line.attach(self.modem)
        self.port = Qca7000(self.modem, self.modem.irq if irq else None, self.modem.reset)
        self.params = Params()
        for name, value in settings.items():
            self.params.set(name, value)
        self.sent = []  # (ms, MMTYPE)
        self.others = []  # frames that are no MME
        urandom = world.urandom_for(f"car{number}")
        self.slac = Slac(self.mac, self.send, urandom, self.params, toggle)
        self.ready_at = None
        world.add(self)
        if irq:
            self.modem.on_irq = lambda: world.wake(self)

    def send(self, frame):
        ok = self.port.send(frame)
        if ok:
            self.sent.append((self.world.now, frame[15] | frame[16] << 8))
        return ok

    def plug(self):
        self.slac.start(self.world.now)
        self.world.wake(self)

    def step(self, now):
        self.port.poll(now)
        while (frame := self.port.receive()) is not None:
            if frame[12:14] == b"\x88\xe1":
                self.slac.feed(frame, now)
            else:
                self.others.append(bytes(frame))
        if not self.port.ready:
            return self.port.next_poll(now)
        due = self.slac.step(now)
        if self.slac.state == "ready" and self.ready_at is None:
            self.ready_at = now
        return min(due, self.port.next_poll(now))


class Station:
    """Modem and SLAC of one station."""

    def __init__(self, world, line, number=1, plugged=True, **settings):
        self.world = world
        self.mac = bytes((2, 0, 0, 0x5E, 0x5E, number))
        self.modem = StationModem(world, bytes((2, 0, 0, 0x5E, 0xF2, number)))
        line.attach(self.modem)
        self.others = []
        self.slac = EvseSlac(
            self.mac, lambda f: self.modem.send(f), world.urandom_for(f"station{number}")
        )
        for name, value in settings.items():
            setattr(self.slac, name, value)
        self.modem.on_receive = self.receive
        self.slac.start(world.now)
        if plugged:
            self.slac.plugged(world.now)
        world.add(self)

    def receive(self, frame):
        if frame[12:14] == b"\x88\xe1":
            self.slac.feed(frame, self.world.now)
            self.world.wake(self)
        else:
            self.others.append(bytes(frame))

    def step(self, now):
        return self.slac.step(now)


def place(seed=1, cars=1, stations=1, **settings):
    """World, line, cars and stations; car n hears station n at 15 dB, the others at 35."""
    world = World(seed)
    line = PowerLine(world)
    evs = [Car(world, line, n + 1, **settings) for n in range(cars)]
    evses = [Station(world, line, n + 1) for n in range(stations)]
    for i, car in enumerate(evs):
        for j, station in enumerate(evses):
            line.attenuate(car.modem, station.modem, 15 if i == j else 35)
    return world, line, evs, evses
