# SPDX-License-Identifier: MIT
"""Pilot states, ports, lock and watchdog of the emulated board."""

import pytest
from evcc import ports

from tools.emulator.board import Board, Pilot
from tools.emulator.plant import Plant
from tools.emulator.world import World


@pytest.fixture
def rig():
    class Rig:
        world = World(3)
        pilot = Pilot(world)
        plant = Plant(world, pilot)
        board = Board(world, plant, pilot)

        def run(self, ms):
            self.world.run(self.world.now + ms)

        def pulses(self):
            """A controller that lives."""
            self.board.watchdog()
            self.world.after(100, self.pulses)

        def cp(self):
            raw = sampled(self.board)
            duty = raw[ports.DUTY]
            return chr(raw[ports.CP]), None if duty == ports.NONE else duty / 10

    return Rig()


def sampled(board):
    raw = ports.new()
    board.sample(raw)
    return raw


def test_pilot_goes_from_a_to_b_to_c_and_back(rig):
    assert rig.cp() == ("A", None)
    rig.board.plug()
    assert rig.cp() == ("B", None)
    rig.pilot.pwm(5)
    state, duty = rig.cp()
    assert state == "B" and 4.5 < duty < 5.5
    rig.board.set_state_c(True)
    assert rig.cp()[0] == "B"  # the pin alone does nothing
    rig.pulses()
    assert rig.cp()[0] == "C"
    rig.board.set_state_c(False)
    assert rig.cp()[0] == "B"
    assert rig.board.unplug()
    assert rig.cp() == ("A", None)
    assert [s for _, s in rig.pilot.history] == ["A", "B", "C", "B", "A"]


def test_state_c_needs_a_plug(rig):
    rig.board.set_state_c(True)
    assert rig.cp()[0] == "A"


@pytest.mark.parametrize("state", ["E", "F"])
def test_station_faults_are_seen_without_duty(rig, state):
    rig.board.plug()
    rig.pilot.pwm(5)
    rig.pilot.fault(state)
    assert rig.cp() == (state, None)
    rig.pilot.fault(None)
    assert rig.cp()[0] == "B"


def test_steady_pilot_has_no_duty(rig):
    rig.board.plug()
    rig.pilot.pwm(5)
    rig.pilot.pwm(None)
    assert rig.cp() == ("B", None)
    rig.pilot.pwm(100)
    assert rig.cp() == ("B", None)


def test_listeners_hear_every_change(rig):
    heard = []
    rig.pilot.listeners.append(heard.append)
    rig.board.plug()
    rig.pilot.pwm(5)
    rig.board.watchdog()
    rig.board.set_state_c(True)
    assert heard == ["B", "B", "C"]


def test_a_locked_plug_cannot_be_drawn_but_by_force(rig):
    rig.board.plug()
    rig.board.lock(True)
    assert sampled(rig.board)[ports.LOCKED] == 0  # the motor needs its time
    rig.run(500)
    assert sampled(rig.board)[ports.LOCKED] == 1
    assert not rig.board.unplug() and rig.pilot.state == "B"
    assert rig.board.unplug(force=True) and rig.pilot.state == "A"


def test_stuck_lock_never_reports_locked(rig):
    rig.board.motor.stuck = True
    rig.board.lock(True)
    rig.run(2000)
    assert sampled(rig.board)[ports.LOCKED] == 0


def test_ports_measure_the_plant_with_noise(rig):
    rig.board.plug()
    rig.plant.output.enable(True)
    rig.plant.output.target(400, 2, 0)
    rig.run(1000)
    values = [sampled(rig.board)[ports.INLET_mV] for _ in range(50)]
    assert all(abs(v - 400_000) <= 500 for v in values) and len(set(values)) > 1
    raw = sampled(rig.board)
    assert abs(raw[ports.INLET_mA]) <= 150
    assert raw[ports.HOTTEST_dC] == 250 and raw[ports.ISOLATION] == ports.NONE
    assert rig.board.clock() == rig.world.now
    assert rig.board.counters["sample"] == 51


def test_contactor_port_and_feedback(rig):
    rig.board.contactors(True)
    rig.run(50)
    assert sampled(rig.board)[ports.FEEDBACK] == 0  # no pulse, no coil
    rig.pulses()
    rig.run(50)
    assert sampled(rig.board)[ports.FEEDBACK] == 1


def test_missing_sensors_answer_none(rig):
    board = Board(
        rig.world,
        rig.plant,
        rig.pilot,
        missing=(
            "inlet_voltage", "inlet_current", "contactor_feedback", "locked", "temperature",
        ),
    )  # fmt: skip
    assert list(sampled(board))[2:] == [ports.NONE] * 6


def test_watchdog_bites_only_a_starved_board(rig):
    rig.board.plug()
    rig.board.set_state_c(True)
    rig.board.contactors(True)
    rig.run(3000)
    assert rig.board.resets == 0  # never started
    for _ in range(20):
        rig.board.watchdog()
        rig.run(100)
    assert rig.board.resets == 0 and rig.plant.contactors.closed
    called = []
    rig.board.on_reset = lambda: called.append(rig.world.now)
    rig.run(1000)
    assert rig.board.resets == 1 and len(called) == 1
    assert rig.cp()[0] == "B" and not rig.plant.contactors.closed


def test_outputs_fall_without_pulses_even_if_no_watchdog_bites(rig):
    rig.board.plug()
    rig.board.set_state_c(True)
    rig.board.contactors(True)
    rig.board.WATCHDOG_MS = 100_000
    rig.board.watchdog()
    begin = rig.world.now
    rig.run(200)
    assert rig.pilot.s2 and rig.plant.contactors.closed
    rig.run(2)
    assert not rig.pilot.s2 and rig.plant.contactors.closed
    assert rig.world.run_until(lambda: not rig.plant.contactors.closed, 10_000)
    assert 600 < rig.world.now - begin < 640
    rig.board.watchdog()  # as long as the pins say so, the next pulse brings them back
    assert rig.pilot.s2


def test_forced_openings_are_the_boards_own_count(rig):
    rig.board.plug()
    rig.pulses()
    rig.board.set_state_c(True)
    out = rig.plant.output
    out.enable(True)
    out.target(rig.plant.pack.ocv(), 2, 0)
    rig.run(1000)
    for amps in (0.5, 50.0):
        rig.board.contactors(True)
        out.target(500, amps, 0)
        rig.run(1000)
        rig.board.contactors(False)
        rig.run(100)
    assert rig.board.forced_openings == 1


def test_contacts_warm_up_under_current(rig):
    rig.board.plug()
    rig.pulses()
    rig.board.set_state_c(True)
    out = rig.plant.output
    out.enable(True)
    out.target(rig.plant.pack.ocv(), 2, 0)
    rig.run(1000)
    rig.board.contactors(True)
    rig.run(100)
    out.target(500, 200, 0)
    rig.run(120_000)
    assert 350 < sampled(rig.board)[ports.HOTTEST_dC] < 600
