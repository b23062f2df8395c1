# SPDX-License-Identifier: MIT
"""Scaling, the multiplexer, and the MCP3208 bit by bit."""

import pytest
from drivers.analog import Mcp3208, Mux, scale

from host_tests.boards.wiring import Wiring
from host_tests.drivers.parts import Adc, Pin


@pytest.mark.parametrize("span", [1, 30000, 65535, -30000])
def test_scale(span):
    for raw in (0, 1000, 32768, 65535):
        assert abs(scale(raw, span) - raw * span / 65535) <= abs(span) / 16000 + 1


def test_mux_selects_before_it_reads():
    a, b = Pin(), Pin()
    adc = Adc(lambda: (a.level + 2 * b.level) / 4 + 0.1)
    mux = Mux(adc, (a, b))
    for n in (3, 0, 2, 1):
        assert round(mux.channel(n).read_u16() / 65535, 2) == round(n / 4 + 0.1, 2)
    assert adc.reads == 8  # one each to settle


@pytest.mark.parametrize("channel", range(8))
def test_mcp3208(channel):
    wiring = Wiring({"CP_LEVEL": f"ADC:{channel}", "ADC_CS": "D6"})
    wiring._mcp3208_value = None

    class Spi:
        def exchange(self, out, into):
            wiring.out = bytes(out)
            wiring._mcp3208(into)

    for value in (0, 1, 0x800, 0xABC, 0xFFF):
        wiring.broken["CP_LEVEL"] = value << 4 | value >> 8
        assert Mcp3208(Spi()).channel(channel).read_u16() == value << 4 | value >> 8


def test_a_bus_that_fails_reads_as_a_broken_wire():
    class Spi:
        def exchange(self, out, into):
            raise OSError("locked")

    assert Mcp3208(Spi()).channel(0).read_u16() == 0
