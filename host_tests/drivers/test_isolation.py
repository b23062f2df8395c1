# SPDX-License-Identifier: MIT
"""The isolation monitor's line: slow to trust, quick to doubt."""

from drivers.isolation import IsolationLine

from host_tests.drivers.parts import Pin


def test_good_comes_late_and_fault_soon():
    pin = Pin(1)
    line = IsolationLine(pin)
    assert [line.read() for _ in range(10)] == [0] * 9 + [1]
    pin.level = 0
    assert [line.read(), line.read()] == [1, 0]
    pin.level = 1
    assert [line.read() for _ in range(9)] == [0] * 9
    pin.level = 0
    line.read()
    pin.level = 1
    assert [line.read() for _ in range(10)][-2:] == [0, 1]  # counted anew after the flicker


def test_one_glitch_is_no_fault_and_a_broken_wire_is():
    pin = Pin(1)
    line = IsolationLine(pin)
    for _ in range(12):
        line.read()
    pin.level = 0
    assert line.read() == 1
    pin.level = 1
    assert line.read() == 1
    assert IsolationLine(Pin(0)).read() == 0
    low = IsolationLine(Pin(0), good_level=0)
    assert [low.read() for _ in range(10)][-1] == 1
