# SPDX-License-Identifier: MIT
"""Converter readings as integers: scaling without big numbers, and a 4052/4051 multiplexer.

A converter input is anything with `read_u16()` -> 0..65535 of its range, as `machine.ADC` has it.
What is here allocates nothing when called, so that it may run in a timer interrupt: on a 32-bit
MicroPython an integer of more than 30 bits would be an object on the heap.
"""

from evcc.compat import const

_LOW = const(655)  # 1 % of the range: nothing that we wire reads less or more than this
_HIGH = const(64880)


def scale(raw, span):
    """`raw` (0..65535) of `span` (at most 65535 in size), rounded down to 14 bits of `raw`."""
    return (raw >> 2) * span // 16383


def on_a_rail(raw):
    """Is this reading at an end of the range, as a broken wire or a short makes it?"""
    return raw < _LOW or raw > _HIGH


class Mux:
    """A multiplexer in front of one converter input; `select`: pins, lowest bit first."""

    def __init__(self, adc, select):
        self._read = adc.read_u16
        self._select = select

    def channel(self, number):
        return _Channel(self, number)

    def read(self, number):
        for pin in self._select:
            pin(number & 1)
            number >>= 1
        self._read()  # takes the charge of the channel before out of the sampling capacitor
        return self._read()


class _Channel:
    """One input of a multiplexer, or of a converter on a bus, as a converter input."""

    def __init__(self, parent, number):
        self._parent = parent
        self._number = number

    def read_u16(self):
        return self._parent.read(self._number)


class Mcp3208:
    """MCP3208 or MCP3204 on SPI, mode 0: eight inputs of 12 bits for boards that have none.

    `spi.exchange(out, into)`, at most 1 MHz at 3.3 V. A bus that fails reads as 0: a broken wire.
    """

    def __init__(self, spi):
        self._exchange = spi.exchange
        # Start bit, single ended, channel, then a clock to sample and a null bit: the 12 bits
        # begin with the first byte read (Microchip DS21298).
        self._commands = tuple([bytes((0x60 | n << 2,)) for n in range(8)])
        self._word = bytearray(2)

    def channel(self, number):
        return _Channel(self, number)

    def read(self, number):
        word = self._word
        try:
            self._exchange(self._commands[number], word)
        except OSError:
            return 0
        value = word[0] << 4 | word[1] >> 4
        return value << 4 | value >> 8
