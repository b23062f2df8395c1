# SPDX-License-Identifier: MIT
"""PT1000 against the table of IEC 60751, an NTC against its data sheet; open, shorted, noisy."""

import pytest
from drivers.temperature import FAULT, Thermometer, ntc, pt1000

from host_tests.drivers.parts import Adc

# IEC 60751 table, ohm of a Pt100 times ten; and EPCOS B57861S 10 kOhm (beta 3977), its R/T list
PT1000 = {-40: 842.71, -20: 921.6, 0: 1000, 25: 1097.35, 60: 1232.42, 90: 1346.5, 120: 1460.7}
NTC10K = {-20: 97070, 0: 32650, 25: 10000, 60: 2488, 90: 915.3, 120: 389.3}


def meter(ohm, curve, series, noise=0.0, bits=12):
    return Thermometer(Adc(lambda: ohm / (ohm + series), noise, bits), curve, series)


@pytest.mark.parametrize("celsius, ohm", PT1000.items())
def test_pt1000(celsius, ohm):
    assert abs(meter(ohm, pt1000, 2200, bits=16).read() - celsius * 10) <= 4
    assert abs(meter(ohm, pt1000, 2200, 0.0005).read() - celsius * 10) <= 20


@pytest.mark.parametrize("celsius, ohm", NTC10K.items())
def test_ntc(celsius, ohm):
    curve = lambda t: ntc(t, 3977)  # noqa: E731
    assert abs(meter(ohm, curve, 2200, bits=16).read() - celsius * 10) <= 25


@pytest.mark.parametrize("curve", [pt1000, lambda t: ntc(t, 3977)])
@pytest.mark.parametrize("ohm", [0.1, 1e9])
def test_short_and_open_are_faults(curve, ohm):
    assert meter(ohm, curve, 2200).read() == FAULT


def test_every_reading_gives_a_number_that_rises():
    adc = Adc(lambda: 0)
    thermometer = Thermometer(adc, pt1000, 2200)
    last = None
    for raw in range(0, 65536, 16):
        adc.stuck = raw
        value = thermometer.read()
        assert value == FAULT or -500 <= value <= 2000
        if value != FAULT:
            assert last is None or value >= last
            last = value
    assert last > 1900
