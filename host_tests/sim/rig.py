# SPDX-License-Identifier: MIT
"""The demo's world for tests: a short session with a scenario's faults and acts of the person."""

from tools.charger.power import PowerPlan
from tools.charger.scenario import Scenario
from tools.demo import rig

LOOP_S = 3


class Rig(rig.Rig):
    """`faults`: rows of a scenario; `at(message, act)`: do something while it is in flight.

    `station`: settings of the station, `settings`: of the car. `timer`: the board's ticks safety.
    """

    AFTER_MS = 100

    def __init__(
        self, faults=(), settings=None, seed=1, steps=((0, 11000),), station=None,
        timer=False,
    ):  # fmt: skip
        self._scenario = Scenario(
            plan=PowerPlan(steps, ramp_W_s=20000, stop_s=LOOP_S), rows=list(faults)
        )
        for name, value in (station or {}).items():
            self._scenario.config.set(name, value)
        super().__init__(
            seed=seed, pack_speed=1, plan=self._scenario.plan, settings=settings,
            timer=timer,
        )  # fmt: skip
        self.controller = getattr(self.device, "controller", None)  # none outside of a VM
        self._acts = []
        self._watcher = None  # only who has something to do looks

    def _station(self, plan):
        from tools.charger.station import Station

        return Station(
            self.world,
            self.station_modem,
            rig.STATION_MAC,
            self.pilot,
            self.plant.output,
            scenario=self._scenario,
        )

    def at(self, message, act, nth=1):
        """Call `act()` once, while request `message` is in flight for the nth time."""
        self._acts.append([message, act, nth, None])
        if self._watcher is None:
            self._watcher = self.world.add(_Watcher(self))
        self.world.wake(self._watcher)

    def watch(self):
        exchange = self.controller._exchange
        state = exchange.state if exchange else ""
        sent = exchange._sent_at if exchange else None
        for entry in self._acts:
            if entry[1] and entry[0] == state and entry[3] != sent and exchange._waiting:
                entry[3] = sent
                entry[2] -= 1
                if entry[2] == 0:
                    act, entry[1] = entry[1], None
                    act()

    @property
    def acted(self):
        return all(entry[1] is None for entry in self._acts)

    def violations(self, *but):
        """What the plant suffered from, except the kinds in `but`."""
        return [v for v in self.plant.violations if v.kind not in but]

    def check_safe(self):
        """After the end: nothing closed, nothing locked, pilot not C."""
        assert not self.plant.contactors.closed and not self.plant.contactors.commanded
        assert not self.pilot.s2
        assert self.controller.safety.state == "open"
        assert not self.board.motor.locked


class _Watcher:
    """Looks every 5 ms: answers of the emulated station take longer."""

    def __init__(self, owner):
        self._rig = owner

    def step(self, now):
        self._rig.watch()
        return None if self._rig.acted else now + 5
