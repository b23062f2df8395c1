# SPDX-License-Identifier: MIT
"""AC by duty cycle: the table with its edges, sessions at an emulated wall box without SLAC."""

import pytest
from evcc.basic_charging import amps
from evcc.controller import Controller
from evcc.params import Params
from evcc.ports import NONE
from evcc.sim_vehicle import Pack, SimVehicle

from tools.emulator.ac_plant import AcPlant
from tools.emulator.board import Board, Pilot
from tools.emulator.plant import Plant
from tools.emulator.world import World


@pytest.mark.parametrize(
    "percent, want",
    [
        (0, 0), (2.9, 0), (3, None), (5, None), (7, None), (7.1, 0), (7.9, 0), (8, 6), (9.9, 6),
        (10, 6), (16, 9.6), (26.7, 16.02), (50, 30), (53.3, 31.98), (85, 51), (85.1, 52.75),
        (90, 65), (96, 80), (96.5, 80), (97, 80), (97.1, 0), (100, 0),
    ],
)  # fmt: skip
def test_table(percent, want):
    got = amps(round(percent * 10))
    assert got == want if want is None else abs(got - want) < 0.01


def test_no_oscillator():
    assert amps(NONE) == 0.0


class Port:
    """No modem is needed."""

    ready, restarts, counters, irq = True, 1, {}, None

    def poll(self, now):
        pass

    def receive(self):
        return None

    def next_poll(self, now):
        return now + 50

    def send(self, frame):
        self.sent = True
        return True


class WallBox:
    """Closes its contactor 300 ms after state C, opens it 50 ms after B."""

    def __init__(self, world, pilot, outlet):
        self.world, self.pilot, self.outlet = world, pilot, outlet
        pilot.listeners.append(self.changed)

    def changed(self, state):
        on = state == "C" and self.pilot.duty is not None
        if on:
            self.world.after(300, self.close)
        else:
            self.world.after(50, self.outlet.close, False)

    def close(self):
        if self.pilot.state == "C":
            self.outlet.close(True)


class Rig:
    def __init__(self, cable=None, **settings):
        self.world = World(1)
        self.pilot = Pilot(self.world)
        params = Params()
        params.set("basic_charging", True)
        for name, value in settings.items():
            params.set(name, value)
        pack = Pack(params.ev_capacity_Wh, 0.5, params.ev_empty_V, params.ev_full_V)
        plant = Plant(self.world, self.pilot, pack, 60)
        self.board = Board(self.world, plant, self.pilot)
        if cable is not None:
            self.board.cable_A = cable
        self.ac = AcPlant(self.world, self.pilot)
        self.board.mains = self.ac.mains
        self.box = WallBox(self.world, self.pilot, self.ac)
        self.vehicle = SimVehicle(self.board, params, speed=1)
        self.ac.charger = self.vehicle.charger()
        self.port = Port()
        self.c = Controller(
            self.port, self.board, self.vehicle, params, self.world.urandom_for("x")
        )
        self.world.add(self)

    def step(self, now):
        return self.c.step(now)

    def run(self, ms):
        self.world.run(self.world.now + ms)
        return self

    def plug(self, duty):
        self.pilot.pwm(duty)
        self.board.plug()
        return self.run(6000)

    def watts(self):
        return self.ac.power

    def safe(self):
        assert self.ac.violations == [] and not self.ac.closed
        assert self.pilot.state in "AB" and self.ac.charger.active_power < 1


def test_a_session_follows_the_duty_and_ends_in_order():
    rig = Rig().plug(26.7)  # 16 A
    assert rig.c.state == "basic charging" and rig.pilot.state == "C"
    assert abs(rig.watts() - 16 * 207 * 3) < 120
    assert rig.board.motor.at(rig.world.now)
    rig.pilot.pwm(10)
    rig.run(3000)
    assert abs(rig.watts() - 6 * 207 * 3) < 60
    rig.pilot.pwm(26.7)
    rig.run(3000)
    assert rig.watts() > 9000
    rig.c.stop()
    rig.run(6000)
    assert rig.c.result == "USER_STOP" and rig.c.summary()["charged_Wh"] > 5
    assert rig.c.protocol == "basic AC" and not rig.board.motor.at(rig.world.now)
    rig.safe()


@pytest.mark.parametrize("duty, state", [(26.7, "basic charging"), (5, "matching")])
def test_a_station_that_wants_a_card_first(duty, state):
    rig = Rig().plug(None)
    rig.run(120_000)
    assert rig.c.state == "waiting for the station" and rig.pilot.state == "B"
    rig.pilot.pwm(duty)
    rig.run(3000)
    assert rig.c.state == state


def test_waiting_can_be_stopped():
    rig = Rig().plug(None)
    rig.c.stop()
    rig.run(1000)
    assert rig.c.result == "USER_STOP"
    rig = Rig().plug(None)
    rig.board.unplug()
    rig.run(1000)
    assert rig.c.result == "UNPLUGGED"


def test_a_station_that_waits_is_waited_for():
    rig = Rig().plug(26.7)
    for _ in range(3):
        rig.pilot.pwm(None)
        rig.run(4000)
        assert rig.watts() == 0 and rig.pilot.state == "B" and rig.c.result is None
        rig.pilot.pwm(26.7)
        rig.run(4000)
        assert rig.watts() > 9000 and rig.pilot.state == "C"
    assert rig.ac.closings == 4


@pytest.mark.parametrize("duty", [7.5, 2, 98])
def test_duty_that_allows_nothing(duty):
    rig = Rig().plug(26.7)
    rig.pilot.pwm(duty)
    rig.run(4000)
    assert rig.watts() == 0 and rig.pilot.state == "B"


def test_the_cable_limits():
    rig = Rig(cable=13).plug(53.3)
    assert abs(rig.watts() - 13 * 207 * 3) < 120


@pytest.mark.parametrize("state, reason", [("E", "PILOT_LOST"), ("F", "PILOT_LOST")])
def test_faults_of_the_station(state, reason):
    rig = Rig().plug(26.7)
    rig.pilot.fault(state)
    rig.ac.close(False)
    rig.run(4000)
    assert rig.c.result == reason and rig.ac.charger.active_power == 0
    assert rig.board.counters["contactors"] >= 1 and not rig.pilot.s2


def test_unplugged_under_power():
    rig = Rig().plug(26.7)
    rig.board.unplug(force=True)
    rig.run(4000)
    assert rig.c.result == "UNPLUGGED" and not rig.pilot.s2
    assert rig.ac.charger.active_power == 0


def test_full():
    rig = Rig(ev_soc=79.99, ev_capacity_Wh=1000.0).plug(26.7)
    rig.run(20_000)
    assert rig.c.result == "COMPLETED"
    rig.safe()


def test_five_percent_is_left_to_digital_communication():
    rig = Rig().plug(5)
    assert rig.c.state == "matching" and rig.pilot.state == "B"
    rig = Rig().plug(26.7)
    rig.pilot.pwm(5)
    rig.run(4000)
    assert rig.c.state == "matching" and rig.pilot.state == "B" and rig.watts() == 0


def test_off_by_default_and_without_a_charger():
    rig = Rig(basic_charging=False).plug(26.7)
    assert rig.c.state == "matching" and rig.pilot.state == "B"
    rig = Rig(ev_ac_charge_power_W=0.0)
    assert rig.vehicle.charger() is None
    rig.plug(26.7)
    assert rig.c.state == "matching"


def test_lock_that_does_not_lock():
    rig = Rig()
    rig.board.motor.command = lambda *args: None
    rig.plug(26.7)
    rig.run(4000)
    assert rig.c.result == "LOCK_FAILED" and rig.ac.closings == 0


def test_a_charger_that_takes_too_much_is_stopped():
    rig = Rig()
    charger = rig.ac.charger
    charger.set = lambda watts: setattr(charger, "target", 11000.0 if watts else 0.0)
    rig.plug(10)  # 6 A: 3.7 kW
    rig.run(4000)
    assert rig.c.result == "LIMIT_EXCEEDED" and not rig.pilot.s2
