# SPDX-License-Identifier: MIT
"""MCP2517FD and MCP2518FD on SPI as a CAN bus, used for classic frames (mode CAN 2.0).

What it shares with others: can_spi. Registers as in Microchip's family manual and the Linux driver
(torvalds/linux drivers/net/can/spi/mcp251xfd/mcp251xfd.h). One transmit queue of 8 frames, one
receive FIFO of 16, 32 filters. Not used: flexible data rate, the chip's CRC on SPI, time stamps.
"""

import struct

from drivers.can_spi import SpiCan
from evcc.can_port import EXTENDED
from evcc.compat import const

_WRITE = const(0x2000)
_READ = const(0x3000)
_CON = const(0x000)
_NBTCFG = const(0x004)
_TREC = const(0x034)
_TXQCON = const(0x050)
_TXQSTA = const(0x054)
_TXQUA = const(0x058)
_FIFOCON = const(0x05C)  # FIFO 1, the receiver
_FIFOSTA = const(0x060)
_FIFOUA = const(0x064)
_FLTCON = const(0x1D0)
_FLTOBJ = const(0x1F0)  # then its mask, 8 bytes a filter
_RAM = const(0x400)
_RAM_SIZE = const(2048)
_OSC = const(0xE00)
_TXQEN = const(1 << 20)
_MODE_CONFIG = const(4)
_MODE_CAN20 = const(6)
_FILTERS = const(32)
_TRIES = const(50)


def timing(clock, bitrate):
    """Bytes of C1NBTCFG, low first, for `clock` Hz: sample point near 80 %. Raises ValueError."""
    for prescaler in range(1, 257):
        quanta, rest = divmod(clock, prescaler * bitrate)
        if not rest and 8 <= quanta <= 160:
            tseg2 = max(1, quanta // 5)
            tseg1 = quanta - 1 - tseg2
            jump = min(tseg2, 16)
            return bytes((jump - 1, tseg2 - 1, tseg1 - 1, prescaler - 1))
    raise ValueError("MCP251xFD: no %d bit/s from %d Hz" % (bitrate, clock))


class Mcp251xFd(SpiCan):
    """`spi`: `exchange(out, into)` in mode 0, at most 0.85 x clock / 2. `clock`: Hz at its pin."""

    _AT = 8

    def __init__(self, spi, bitrate=500_000, clock=40_000_000):
        self._command = bytearray(2)
        self._word = bytearray(2)
        self._in = bytearray(1)
        self._tx = bytearray(18)
        self._rx = bytearray(16)
        super().__init__(spi, timing(clock, bitrate))

    def _errors(self):
        if self._mode() != _MODE_CAN20:
            return None
        lost = self._byte(_FIFOSTA) & 8
        if lost:
            self._write(_FIFOSTA, b"\0")
        return bool(lost) | self._byte(_TREC + 2) >> 4 & 2

    def _get(self):
        flags = self._byte(_FIFOSTA)
        if flags == 0xFF or not flags & 1:
            return None
        rx = self._rx
        self._read(self._place(_FIFOUA), rx)
        self._write(_FIFOCON + 1, b"\1")  # UINC
        self._dlc = flags = rx[4]
        if flags & 0xE0:  # remote; of the flexible rate, where this chip listens only
            return -1
        identifier = rx[0] | (rx[1] & 7) << 8
        if flags & 0x10:
            low = rx[1] >> 3 | rx[2] << 5 | (rx[3] & 0x1F) << 13
            identifier = identifier << 18 | low | EXTENDED
        return identifier

    def _put(self, identifier, data):
        flags = self._byte(_TXQSTA)
        if flags == 0xFF or not flags & 1:
            return False
        at = _WRITE | self._place(_TXQUA)
        tx = self._tx
        tx[0] = at >> 8
        tx[1] = at & 0xFF
        _pack(tx, 2, identifier)
        tx[6] = len(data) | (0x10 if identifier & EXTENDED else 0)
        tx[10 : 10 + len(data)] = data  # whatever is behind: RAM takes whole words only
        self._exchange(tx)
        self._write(_TXQCON + 1, b"\3")  # UINC and TXREQ
        return True

    # --- registers -------------------------------------------------------------------------------

    def _begin(self):
        """Reset, RAM, queues, filters, mode CAN 2.0."""
        if not self._enter(_MODE_CONFIG):
            return False
        self._command[0] = self._command[1] = 0
        self._exchange(self._command)  # reset, allowed in configuration mode only
        if self._mode() != _MODE_CONFIG or not self._byte(_OSC + 1) & 4:
            return False
        # RAM has ECC: each word is written once before it is read
        zero = bytes(64)
        for at in range(_RAM, _RAM + _RAM_SIZE, 64):
            self._write(at, zero)
        self._write(_CON + 2, b"\x10")  # transmit queue, no transmit event FIFO
        self._write(_NBTCFG, self._timing)
        check = bytearray(4)
        self._read(_NBTCFG, check)
        if check != self._timing:
            return False
        self._write(_TXQCON, struct.pack("<I", 7 << 24 | 3 << 21))  # 8 frames of 8 bytes
        self._write(_FIFOCON, struct.pack("<I", 15 << 24 | 1 << 3))  # 16 frames, overrun flagged
        self._filters()
        return self._enter(_MODE_CAN20)

    def _filters(self):
        wanted = self._identifiers
        if not wanted or len(wanted) > _FILTERS:
            self._write(_FLTOBJ, bytes(8))  # mask 0: all
            self._write(_FLTCON, b"\x81")
            return
        eight = bytearray(8)
        for n, identifier in enumerate(wanted):
            _pack(eight, 0, identifier)
            extended = identifier & EXTENDED
            _pack(eight, 4, 0x1FFFFFFF | EXTENDED if extended else 0x7FF)
            if extended:
                eight[3] |= 0x40  # EXIDE
            eight[7] |= 0x40  # MIDE: the length of the identifier counts
            self._write(_FLTOBJ + 8 * n, eight)
            self._write(_FLTCON + n, b"\x81")  # into FIFO 1

    def _enter(self, mode):
        self._write(_CON + 3, bytes((mode,)))
        for _ in range(_TRIES):
            if self._mode() == mode:
                return True
        return False

    def _mode(self):
        return self._byte(_CON + 2) >> 5

    def _place(self, register):
        """Address in RAM of the frame that comes next in a queue."""
        self._read(register, self._word)
        return _RAM + (self._word[0] | self._word[1] << 8)

    def _byte(self, register):
        self._read(register, self._in)
        return self._in[0]

    def _read(self, register, into):
        register |= _READ
        self._command[0] = register >> 8
        self._command[1] = register & 0xFF
        self._exchange(self._command, into)

    def _write(self, register, values):
        self._exchange(bytes((0x20 | register >> 8, register & 0xFF)) + values)


def _pack(buf, at, identifier):
    """Identifier word of a message object, a filter or a mask: SID in 10:0, EID in 28:11."""
    if identifier & EXTENDED:
        sid, eid = identifier >> 18 & 0x7FF, identifier & 0x3FFFF
    else:
        sid, eid = identifier, 0
    buf[at] = sid & 0xFF
    buf[at + 1] = sid >> 8 | eid << 3 & 0xF8
    buf[at + 2] = eid >> 5 & 0xFF
    buf[at + 3] = eid >> 13
