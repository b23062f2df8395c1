# SPDX-License-Identifier: MIT
"""Inlet voltage and current over their ranges; broken wires, dead amplifiers, saturation."""

import pytest
from drivers.inlet import Current, Voltage
from evcc.ports import NONE

from host_tests.drivers.parts import Adc


def voltage(volts, noise=0.0, gain=1.0, offset=0.0, bits=12):
    adc = Adc(lambda: 0.1 + offset + 0.9 * gain * volts / 1000, noise, bits)
    return Voltage(adc, 100, 1000), adc


@pytest.mark.parametrize("volts", [0, 20, 60, 150, 400, 800, 999])
def test_voltage(volts):
    assert abs(voltage(volts)[0].read() - volts * 1000) <= 300
    assert abs(voltage(volts, bits=16)[0].read() - volts * 1000) <= 170
    assert abs(voltage(volts, 0.001, 1.005, 0.001)[0].read() - volts * 1000) <= 2300 + 6 * volts


def test_voltage_that_is_broken_is_none():
    meter, adc = voltage(400)
    for stuck in (0, 100, 4500):  # wire, amplifier without supply
        adc.stuck = stuck
        assert meter.read() == NONE
    adc.stuck = 65535  # too much is too much, not unknown
    assert meter.read() == 1_000_000
    adc.stuck = 6000  # a little below the zero: noise
    assert meter.read() == 0


@pytest.mark.parametrize("amps", [-490, -200, -1, 0, 1, 32, 200, 490])
def test_current(amps):
    meter = Current(Adc(lambda: 0.5 + 0.5 * amps / 500), 500, 500)
    assert abs(meter.read() - amps * 1000) <= 350


@pytest.mark.parametrize("stuck", [0, 300, 65535, 65300])
def test_current_that_is_broken_is_none(stuck):
    adc = Adc(lambda: 0.5)
    adc.stuck = stuck
    assert Current(adc, 500, 500).read() == NONE


def test_numbers_stay_small():
    """Largest products of the largest settings fit 30 bits: no objects on a 32-bit MicroPython."""
    adc = Adc(lambda: 1.0)
    assert 16383 * 2000 * 10 < 1 << 30 and 16383 * 6000 * 10 < 1 << 30
    assert Voltage(adc, 0, 2000).read() == 2_000_000
    assert 16383 * 65535 < 1 << 30
