# SPDX-License-Identifier: MIT
"""Hours of the day, and the battery model over hours."""

import pytest
from evcc.ems import hours
from evcc.sim_vehicle import Pack


def test_hours():
    spans = hours.spans("22:00-06:00, 13:00-15:30")
    found = [h for h in range(24) if hours.inside(spans, h * 60)]
    assert found == [0, 1, 2, 3, 4, 5, 13, 14, 15, 22, 23]
    assert hours.inside(hours.spans("22:00-24:00"), 1439)
    assert not hours.inside(hours.spans("22:00-24:00"), 0)
    assert hours.spans("") == []


def test_pack_curve_rises_and_heat_is_what_the_resistance_takes():
    pack = Pack()
    volts = []
    for percent in range(101):
        pack.soc = percent / 100
        volts.append(pack.ocv())
    assert volts == sorted(volts) and volts[0] == 340 and volts[-1] == 400
    pack = Pack(soc=0.5)
    before = pack.soc * pack.capacity
    terminal = 0.0
    for _ in range(3600):
        terminal += pack.voltage(50.0) * 50.0 / 3600
        pack.integrate(50.0, 1.0)
    stored = pack.soc * pack.capacity - before
    assert stored + pack.heat == pytest.approx(terminal, rel=1e-3)
    assert pack.heat == pytest.approx(50 * 50 * 0.08, rel=1e-6)
    assert 25.5 < pack.celsius < 35
    for _ in range(1000):
        pack.integrate(0.0, 60.0)
    assert pack.celsius == pytest.approx(25, abs=0.1)
