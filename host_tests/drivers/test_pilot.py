# SPDX-License-Identifier: MIT
"""Pilot states, hysteresis, duty filter and S2 at a simulated pilot wire."""

import random

import pytest
from drivers.pilot import Pilot
from evcc.ports import NONE

from host_tests.drivers.parts import Adc, PilotWire


class Duty:
    def __init__(self, *values):
        self.values = list(values)

    def read(self):
        return self.values.pop(0) if len(self.values) > 1 else self.values[0]


class Plug:
    def __init__(self, plugged=1, pressed=False):
        self.plugged, self.pressed, self.reads = plugged, pressed, 0

    def read(self):
        self.reads += 1


def rig(state="B", duty=50, spread=0.0, noise=0.0, proximity=None, seed=1, **how):
    wire = PilotWire(state, spread=spread, seed=seed)
    adc = Adc(wire.part, noise, seed=seed)
    return wire, Pilot(adc, Duty(duty), wire.s2, proximity=proximity, **how)


def seen(pilot, times=3):
    for _ in range(times):
        pilot.read()
    return chr(pilot.state)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("state", "BCDEF")
def test_states_with_tolerance_and_noise(state, seed):
    """3 % of generator and resistors, 0.15 V of noise: every level of Table A.4 is told."""
    wire, pilot = rig(state, spread=0.03, noise=0.005, proximity=Plug(), seed=seed)
    assert seen(pilot) == state
    for _ in range(200):
        assert chr(pilot.read()) == state


def test_the_car_shows_c_and_b():
    wire, pilot = rig()
    assert seen(pilot) == "B"
    pilot.show_c(True)
    assert wire.s2.level == 1 and seen(pilot) == "C"
    pilot.show_c(False)
    assert seen(pilot) == "B"


def test_no_pilot_is_unplugged_or_e_as_the_proximity_says():
    plug = Plug(0)
    wire, pilot = rig("A", proximity=plug)
    assert seen(pilot) == "A" and pilot.duty == NONE
    plug.plugged = 1
    assert seen(pilot) == "E"
    wire, pilot = rig("A")
    assert seen(pilot) == "A"  # nothing tells: unplugged


def test_a_broken_resistor_of_ours_is_a():
    _, pilot = rig("open", proximity=Plug())
    assert seen(pilot) == "A"


def test_pressed_button_is_a_pulled_plug():
    plug = Plug()
    wire, pilot = rig("C", proximity=plug)
    assert seen(pilot) == "C"
    plug.pressed = True
    assert chr(pilot.read()) == "A"


def test_one_reading_changes_nothing():
    wire, pilot = rig()
    seen(pilot)
    wire.state = "F"
    assert chr(pilot.read()) == "B"
    wire.state = "B"
    assert chr(pilot.read()) == "B"
    wire.state = "F"
    assert chr(pilot.read()) == "B" and chr(pilot.read()) == "F"  # 40 ms


def test_hysteresis():
    """A level that creeps over a limit and trembles there changes the state once."""
    rng = random.Random(3)
    level = [9.0]
    pilot = Pilot(Adc(lambda: (level[0] + 15) / 30), Duty(50), PilotWire().s2)
    states = []
    for i in range(600):
        level[0] = 9.0 - 3.0 * i / 600 + rng.uniform(-0.25, 0.25)
        states.append(chr(pilot.read()))
    changes = sum(a != b for a, b in zip(states[3:], states[4:]))
    assert states[10] == "B" and states[-1] == "C" and changes == 1


def test_calibration():
    """Another front end: -13 to +14 V over the range."""
    wire = PilotWire("C")
    pilot = Pilot(Adc(lambda: (wire.volts() + 13) / 27), Duty(50), wire.s2, -13000, 14000)
    assert seen(pilot) == "C" and abs(pilot.level_mV - 1000 * wire.volts()) < 20  # no droop here


@pytest.mark.parametrize("stuck, state", [(0, "F"), (65535, "A")])
def test_stuck_converter_is_never_ready(stuck, state):
    wire, pilot = rig()
    pilot._level.__self__.stuck = stuck
    assert seen(pilot) == state and pilot.duty == NONE


# ---- duty ---------------------------------------------------------------------------------


def duties(*values):
    wire = PilotWire()
    pilot = Pilot(Adc(wire.part), Duty(*values), wire.s2)
    got = []
    for _ in range(len(values) + 1):
        pilot.read()
        got.append(pilot.duty)
    return got[1:]  # the first only confirms state B


def test_median_takes_away_one_outlier():
    assert duties(50, 51, 700, 49, 50)[-3:] == [51, 51, 50]
    assert duties(51, 50, 700, 3)[-2:] == [51, 50]


def test_a_missing_pulse_counts_at_once():
    assert duties(50, 50, NONE, 50)[-2:] == [NONE, 50]
    assert duties(50, 50, 1000, 1000)[-1] == NONE  # steady
    assert duties(50, 50, 0, 0)[-1] == NONE


@pytest.mark.parametrize("state", "AEF")
def test_no_duty_outside_of_b_c_d(state):
    _, pilot = rig(state, proximity=Plug())
    seen(pilot)
    assert pilot.duty == NONE
