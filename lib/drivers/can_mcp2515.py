# SPDX-License-Identifier: MIT
"""MCP2515 on SPI as a CAN bus (see can_spi): three transmit, two receive buffers, six filters.

Registers and instructions as in Microchip's data sheet and the Linux driver
(torvalds/linux drivers/net/can/spi/mcp251x.c). Polling only: nothing here needs the interrupt
line. Remote frames are dropped. Bus-off is left by itself after 128 x 11 recessive bits, which
the chip does alone; a chip that lost its settings (brown-out) is set up again.
"""

from drivers.can_spi import SpiCan
from evcc.can_port import EXTENDED
from evcc.compat import const

_RESET = const(0xC0)
_WRITE = const(0x02)
_STATUS = const(b"\xa0")
_READ_RX = const(0x90)  # 0x94 the second buffer; ends with clearing its flag
_LOAD_TX = const(0x40)  # 0x42, 0x44
_RTS = const(0x80)
_READ_CANSTAT = const(b"\x03\x0e")
_READ_CNF3 = const(b"\x03\x28")
_READ_CNF1 = const(b"\x03\x2a")
_READ_EFLG = const(b"\x03\x2d")
_NO_OVERRUN = const(b"\x05\x2d\xc0\x00")  # bit modify: EFLG, its bits 7:6, to 0
_CANCTRL = const(0x0F)
_CNF3 = const(0x28)
_RXB0CTRL = const(0x60)
_RXB1CTRL = const(0x70)
_RXM = const((0x20, 0x24))
_RXF = const((0x00, 0x04, 0x08, 0x10, 0x14, 0x18))
_NORMAL = const(0x00)
_CONFIG = const(0x80)


def timing(clock, bitrate):
    """CNF1, CNF2, CNF3 for `clock` Hz of crystal: sample point 75 to 80 %. Raises ValueError."""
    for quanta in (16, 20, 10, 8, 12, 14, 18, 15, 9, 25, 24, 22, 11, 13):
        prescaler, rest = divmod(clock, 2 * quanta * bitrate)
        if rest or not 1 <= prescaler <= 64:
            continue
        ps2 = (quanta + 3) // 5 if quanta < 20 else quanta // 4
        ps2 = max(2, min(8, ps2))
        ps1 = min(8, (quanta - 1 - ps2) // 2)
        prop = quanta - 1 - ps2 - ps1
        if 1 <= prop <= 8:
            return prescaler - 1, 0x80 | (ps1 - 1) << 3 | prop - 1, ps2 - 1
    raise ValueError("MCP2515: no %d bit/s from a crystal of %d Hz" % (bitrate, clock))


class Mcp2515(SpiCan):
    """`spi`: `exchange(out, into)` in mode 0, at most 10 MHz. `clock`: Hz of its crystal.

    Its filters are for identifiers of one length: of a mix all frames are taken.
    """

    _AT = 5

    def __init__(self, spi, bitrate=500_000, clock=16_000_000):
        self._in = bytearray(1)
        self._tx = bytearray(14)
        self._rx = bytearray(13)
        self._one = bytearray(1)
        super().__init__(spi, timing(clock, bitrate))

    def _errors(self):
        if self._read(_READ_CANSTAT) & 0xE0 != _NORMAL:
            return None
        errors = self._read(_READ_EFLG)
        lost = errors & 0xC0
        if lost:
            self._exchange(_NO_OVERRUN)
        return bool(lost) | errors >> 4 & 2

    def _get(self):
        flags = self._read(_STATUS)
        if flags == 0xFF or not flags & 3:  # 0xFF: nobody drives the line
            return None
        rx = self._rx
        self._one[0] = _READ_RX if flags & 1 else _READ_RX | 4
        self._exchange(self._one, rx)
        sidl = rx[1]
        self._dlc = dlc = rx[4]
        if dlc & 0x40 if sidl & 8 else sidl & 0x10:  # remote
            return -1
        identifier = rx[0] << 3 | sidl >> 5
        if sidl & 8:
            identifier = identifier << 18 | (sidl & 3) << 16 | rx[2] << 8 | rx[3] | EXTENDED
        return identifier

    def _put(self, identifier, data):
        flags = self._read(_STATUS)
        for n in range(3):
            if flags != 0xFF and not flags & 4 << 2 * n:
                break
        else:
            return False
        tx = self._tx
        tx[0] = _LOAD_TX | 2 * n
        _pack(tx, 1, identifier)
        tx[5] = len(data)
        end = 6 + len(data)
        tx[6:end] = data
        self._exchange(memoryview(tx)[:end])
        self._one[0] = _RTS | 1 << n
        self._exchange(self._one)
        return True

    # --- registers -------------------------------------------------------------------------------

    def _begin(self):
        """Reset, bit timing, filters, normal mode."""
        self._one[0] = _RESET
        self._exchange(self._one)
        # The oscillator needs 128 cycles: far less than one call through Python.
        if self._read(_READ_CANSTAT) & 0xE0 != _CONFIG:
            return False
        cnf1, cnf2, cnf3 = self._timing
        self._write(_CNF3, bytes((cnf3, cnf2, cnf1, 0, 0)))
        if self._read(_READ_CNF3) != cnf3 or self._read(_READ_CNF1) != cnf1:
            return False
        self._filters()
        self._write(_CANCTRL, b"\0")
        return True

    def _filters(self):
        wanted = self._identifiers
        if wanted:
            extended = [i & EXTENDED for i in wanted]
        if not wanted or len(wanted) > 6 or min(extended) != max(extended):
            self._write(_RXB0CTRL, b"\x64")  # any frame, second buffer when the first is full
            self._write(_RXB1CTRL, b"\x60")
            return
        four = bytearray(4)
        _pack(four, 0, 0x1FFFFFFF | EXTENDED if extended[0] else 0x7FF)
        four[1] &= 0xE3
        for at in _RXM:
            self._write(at, four)
        for n, at in enumerate(_RXF):
            _pack(four, 0, wanted[min(n, len(wanted) - 1)])
            self._write(at, four)
        self._write(_RXB0CTRL, b"\x04")
        self._write(_RXB1CTRL, b"\0")

    def _read(self, command):
        self._exchange(command, self._in)
        return self._in[0]

    def _write(self, register, values):
        self._exchange(bytes((_WRITE, register)) + values)


def _pack(buf, at, identifier):
    """SIDH SIDL EID8 EID0 of an identifier."""
    if identifier & EXTENDED:
        buf[at] = identifier >> 21 & 0xFF
        buf[at + 1] = (identifier >> 18 & 7) << 5 | 8 | identifier >> 16 & 3
        buf[at + 2] = identifier >> 8 & 0xFF
        buf[at + 3] = identifier & 0xFF
    else:
        buf[at] = identifier >> 3 & 0xFF
        buf[at + 1] = (identifier & 7) << 5
        buf[at + 2] = buf[at + 3] = 0
