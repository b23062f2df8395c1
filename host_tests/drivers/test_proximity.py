# SPDX-License-Identifier: MIT
"""Coding resistors with tolerance and noise, button, open and shorted wires."""

import pytest
from drivers.proximity import Proximity
from evcc.ports import NONE

from host_tests.drivers.parts import Adc


def look(ohm, kind="type2", pull_up=1000, noise=0.002, spread=0.0):
    wire = [ohm]

    def part():
        r = wire[0]
        return 1.0 if r is None else r / (r + pull_up * (1 + spread))

    proximity = Proximity(Adc(part, noise), kind, pull_up)
    for _ in range(3):
        proximity.read()
    return proximity, wire


@pytest.mark.parametrize("ohm, amps", [(1500, 13), (680, 20), (220, 32), (100, 63)])
@pytest.mark.parametrize("tolerance", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("pull_up", [330, 1000, 2200])
def test_cables(ohm, amps, tolerance, pull_up):
    proximity, _ = look(ohm * tolerance, pull_up=pull_up, spread=0.01)
    assert (proximity.cable_A, proximity.plugged, proximity.fault) == (amps, 1, False)


@pytest.mark.parametrize("ohm, fault", [(None, False), (4700, False), (0, True), (40, True)])
def test_no_cable(ohm, fault):
    proximity, _ = look(ohm)
    assert (proximity.cable_A, proximity.plugged, proximity.fault) == (0, 0, fault)


INLET = 2700.0


def us(plug):
    return INLET if plug is None else 1 / (1 / INLET + 1 / plug)


@pytest.mark.parametrize("tolerance", [0.9, 1.0, 1.1])
@pytest.mark.parametrize(
    "plug, plugged, pressed", [(150, 1, False), (480, 1, True), (None, 0, False)]
)
def test_type_1(plug, plugged, pressed, tolerance):
    proximity, _ = look(us(plug) * tolerance, "type1", 330)
    assert (proximity.plugged, proximity.pressed, proximity.fault) == (plugged, pressed, False)
    assert proximity.cable_A == NONE


@pytest.mark.parametrize("ohm", [None, 20, 1200])
def test_type_1_broken(ohm):
    proximity, _ = look(ohm, "type1", 330)
    assert proximity.fault and not proximity.plugged and not proximity.pressed


def test_a_finding_counts_when_it_comes_twice():
    proximity, wire = look(us(150), "type1", 330)
    wire[0] = us(480)
    proximity.read()
    assert not proximity.pressed
    proximity.read()
    assert proximity.pressed
    wire[0] = us(150)
    proximity.read()
    proximity.read()
    assert not proximity.pressed and proximity.plugged


def test_converter_stuck():
    for stuck, fault in ((0, True), (65535, False)):
        adc = Adc(lambda: 0.5)
        adc.stuck = stuck
        proximity = Proximity(adc)
        proximity.read()
        proximity.read()
        assert proximity.fault == fault and proximity.cable_A == 0 and not proximity.plugged
