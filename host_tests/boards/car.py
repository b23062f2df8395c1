# SPDX-License-Identifier: MIT
"""The demo's whole world around the code of a real board: its pins are wired to the plant."""

from host_tests.boards.bench import Bench
from host_tests.boards.wiring import Wiring
from host_tests.sim import rig
from tools.boards import load


class PlantWiring(Wiring):
    """Inlet, contactors and lock are those of the emulated power circuit."""

    def __init__(self, pins, world, noise):
        super().__init__(pins, noise, 1, world.world, world.modem, world.pilot, world.board.motor)
        self.plant = world.plant
        self.commanded = False

    def coils(self, on):
        if on != self.commanded:
            self.commanded = on
            self.plant.command(on)

    @property
    def volts(self):
        return self.plant.inlet_voltage

    @property
    def amps(self):
        return self.plant.current

    @property
    def closed(self):
        return [self.plant.contactors.feedback()] * 2

    @volts.setter
    def volts(self, value):
        pass

    @amps.setter
    def amps(self, value):
        pass

    @closed.setter
    def closed(self, value):
        pass


class Device:
    """The board's code, its loop stepped by the world. `hang()`: the timer stops as well."""

    def __init__(self, car):
        bench = self.bench = Bench(
            car.monkeypatch, car.name, wiring=PlantWiring(load(car.name).module.PINS, car, 0.0005)
        )
        bench.params = car.params
        self.controller = bench.controller()
        self.vehicle = self.controller.vehicle
        self.stopped = False
        wiring, world = bench.wiring, bench.world
        self.timer = getattr(bench.parts, "_timer", None)
        # the emulated board is the person only: plug, lock; its own outputs rest
        car.board._drive = lambda: None
        car.modem.on_irq = lambda: world.wake(self)
        self.wiring = wiring

    def hang(self):
        self.stopped = True
        if self.timer is not None:
            self.wiring.world.remove(self.timer)

    def step(self, now):
        if self.stopped:
            return now + 1000
        clock = self.bench.parts.clock
        before = clock()
        return now + max(1, self.controller.step(before) - before)

    @property
    def finished(self):
        return self.controller.sessions > 0


class Car(rig.Rig):
    def __init__(self, monkeypatch, name, **settings):
        self.monkeypatch, self.name = monkeypatch, name
        super().__init__(settings={"inlet_full_A": 500, **settings})

    def _device(self):
        return Device(self)
