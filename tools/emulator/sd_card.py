# SPDX-License-Identifier: MIT
"""An SD memory card in SPI mode, byte by byte: what a driver's SPI and chip select talk to.

After the SD Physical Layer Simplified Specification, chapter 7 (SPI mode) and 5.3 (CSD): the way
in (74 clocks, CMD0 with its CRC, CMD8, ACMD41), reading and writing of single and multiple blocks
with tokens, data responses and busy, CRC where the host switches it on. Blocks that nobody wrote
are zeros, so a card of any size costs what is in it. Runs in MicroPython as well.

Not here: SD mode, locking, erase, speed classes; how long flash really takes.
"""

BLOCK = 512
_IDLE, _ILLEGAL, _CRC, _PARAMETER = 0x01, 0x04, 0x08, 0x40
_START, _START_MORE, _STOP = 0xFE, 0xFC, 0xFD
_ACCEPTED, _BAD_CRC, _REFUSED = 0x05, 0x0B, 0x0D
_SLOW_HZ = 400_000


def crc7(data):
    """The last byte of a command: CRC-7 (x7 + x3 + 1) and the end bit."""
    crc = 0
    for byte in data:
        for _ in range(8):
            crc <<= 1
            if (crc ^ byte) & 0x80:
                crc ^= 0x09
            byte <<= 1
    return (crc & 0x7F) << 1 | 1


def crc16(data):
    """CRC-16 of a data block (x16 + x12 + x5 + 1)."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x1021 if crc & 0x8000 else 0)
            crc &= 0xFFFF
    return crc


class SdCard:
    """`sectors`: size in blocks; `kind`: "SDHC", "SDSC" (2.0, byte addresses) or "SD1" (1.x).

    Change the attributes to make faults:
    `present` False: pulled, nothing drives the line; `stuck`: the line has that level for ever;
    `slow`: busy so many bytes after a block; `rounds`: of ACMD41 until it is ready;
    `refuse`: writing is refused; `fails`: it is accepted, CMD13 says that it failed;
    `protected`: by its CSD; `forgets`: it is accepted and lost; `left`: None, or so many blocks
    are still written before `power` goes (half of the next one is, if `torn`); `bits`: so many of
    the blocks that are read have a bit wrong.
    """

    def __init__(self, sectors=8192, kind="SDHC", latency=1):
        self.sectors = sectors // 1024 * 1024 if kind == "SDHC" else sectors
        self.kind = kind
        self.latency = latency  # NCR: bytes before a response, 0 to 8
        self.blocks = {}
        self.present = True
        self.stuck = None
        self.slow = 2
        self.rounds = 3
        self.refuse = self.fails = self.protected = self.forgets = self.torn = False
        self.left = None
        self.bits = 0
        self.hz = _SLOW_HZ  # of the clock, as the bus tells
        self.writes = self.reads = 0
        self.faults = []  # what a driver did that a card may not like
        self.power_up()

    def power_up(self):
        self.power = True
        self.clocks = 0  # with chip select high
        self.selected = False
        self.ready = False  # in SPI mode
        self.idle = True  # until ACMD41 says otherwise
        self.asked = 0
        self.app = self.crc_on = False
        self.block = BLOCK
        self._out = []  # what it has still to say
        self._busy = 0
        self._at = None  # block that a multiple read or write is at
        self._more = False  # it is a multiple one
        self._mode = "command"
        self._in = bytearray()
        self._status = 0

    # ---- the wires -----------------------------------------------------------------------------

    def select(self, low):
        """Chip select; a command or a block that is not whole is lost."""
        if low != self.selected:
            self.selected = low
            self._in = bytearray()
            self._out = []
            if not low and self._mode == "data":
                self._mode = "token"

    def transfer(self, byte):
        """One byte in, one byte out."""
        if self.stuck is not None:
            return self.stuck
        if not (self.present and self.power):
            return 0xFF
        if not self.selected:
            self.clocks += 8
            self._busy = max(0, self._busy - 1)
            return 0xFF
        if self._busy and not self._out:
            self._busy -= 1
            return 0x00
        answer = self._out.pop(0) if self._out else 0xFF
        if answer is None:
            answer = self._next()
        self._take(byte)
        return answer

    def exchange(self, out, into=None):
        """Several bytes; `into` gets what comes meanwhile."""
        for i, byte in enumerate(out):
            answer = self.transfer(byte)
            if into is not None:
                into[i] = answer

    # ---- commands ------------------------------------------------------------------------------

    def _take(self, byte):
        if self._mode == "token":
            if byte in (_START, _START_MORE):
                if (byte == _START_MORE) != (self._more is True):
                    self.faults.append("wrong token 0x%02x" % byte)
                self._mode = "data"
                self._in = bytearray()
                return
            if byte == _STOP and self._more:
                self._mode = "command"
                self._out = [0xFF]
                self._busy = self.slow
                return
            if self._more or byte == 0xFF:
                return
            self._mode = "command"  # the host has changed its mind
        if self._mode == "data":
            self._in.append(byte)
            if len(self._in) == self.block + 2:
                self._received()
            return
        if not self._in and byte & 0xC0 != 0x40:
            if self._at is None and not self._out and byte != 0xFF:
                self.faults.append("0x%02x between commands" % byte)
            return
        self._in.append(byte)
        if len(self._in) == 6:
            frame, self._in = bytes(self._in), bytearray()
            self._command(frame[0] & 0x3F, int.from_bytes(frame[1:5], "big"), frame)

    def _say(self, *answer):
        self._out = [0xFF] * self.latency + list(answer)

    def _command(self, index, argument, frame):
        if not self.ready:
            if index != 0 or self.clocks < 74 or frame[5] != 0x95:
                self.faults.append("CMD%d before SPI mode, %d clocks" % (index, self.clocks))
                return
        if self.hz > _SLOW_HZ and self.idle:
            self.faults.append("CMD%d at %d Hz in identification" % (index, self.hz))
        r1 = _IDLE if self.idle else 0
        if (self.crc_on or index in (0, 8)) and frame[5] != crc7(frame[:5]):
            self._say(r1 | _CRC)
            return
        app, self.app = self.app, False
        name = ("_a%d" if app else "_c%d") % index
        if not hasattr(self, name) or self.idle and index not in (0, 8, 41, 55, 58, 59, 9, 10):
            self._say(r1 | _ILLEGAL)
            return
        getattr(self, name)(argument)

    @property
    def _r1(self):
        return _IDLE if self.idle else 0

    def _c0(self, argument):
        clocks, status = self.clocks, self.selected
        self.power_up()
        self.clocks, self.selected, self.ready = clocks, status, True
        self._say(_IDLE)

    def _c8(self, argument):
        if self.kind == "SD1":
            self._say(self._r1 | _ILLEGAL)
        else:
            self._say(self._r1, 0, 0, 1 if argument & 0xF00 == 0x100 else 0, argument & 0xFF)

    def _c55(self, argument):
        self.app = True
        self._say(self._r1)

    def _a41(self, argument):
        self.asked += 1
        able = self.kind != "SDHC" or argument & 0x40000000
        if self.asked >= self.rounds and able:
            self.idle = False
        self._say(self._r1)

    def _c58(self, argument):
        ocr = 0x00FF8000
        if not self.idle:
            ocr |= 0xC0000000 if self.kind == "SDHC" else 0x80000000
        self._say(self._r1, *ocr.to_bytes(4, "big"))

    def _c59(self, argument):
        self.crc_on = bool(argument & 1)
        self._say(self._r1)

    def _c9(self, argument):
        self._register(self.csd())

    def _c10(self, argument):
        self._register(bytes([0x1B]) + b"EMSIMSD" + bytes(7) + b"\1")

    def _register(self, data):
        crc = crc16(data)
        self._say(self._r1, 0xFF, _START, *data, crc >> 8, crc & 0xFF)

    def csd(self):
        """The card-specific data, version 2.0 or 1.0 (5.3)."""
        csd = bytearray(16)
        if self.kind == "SDHC":
            size = self.sectors // 1024 - 1
            csd[0] = 0x40
            csd[5] = 0x59  # READ_BL_LEN 9
            csd[7:10] = size.to_bytes(3, "big")
        else:
            shift = 2  # C_SIZE_MULT + 2, and what READ_BL_LEN is above 9
            while self.sectors >> shift > 4096:
                shift += 1
            length = 9 + max(0, shift - 9)
            mult = shift - (length - 9) - 2
            if length > 11 or (self.sectors >> shift) << shift != self.sectors:
                raise ValueError("no CSD 1.0 for %d blocks" % self.sectors)
            size = (self.sectors >> shift) - 1
            csd[5] = 0x50 | length
            csd[6], csd[7], csd[8] = size >> 10, size >> 2 & 0xFF, (size & 3) << 6
            csd[9], csd[10] = mult >> 1, (mult & 1) << 7
        csd[14] = 0x10 if self.protected else 0
        csd[15] = crc7(csd[:15])
        return bytes(csd)

    def _c13(self, argument):
        status, self._status = self._status, 0
        self._say(self._r1, status)

    def _c16(self, argument):
        if not 0 < argument <= BLOCK:
            self._say(self._r1 | _PARAMETER)
            return
        if self.kind != "SDHC":
            self.block = argument
        self._say(self._r1)

    def _c12(self, argument):
        self._at = None
        self._out = [0xFF] * (self.latency + 1) + [self._r1]  # a stuff byte first

    def _where(self, argument):
        """The block of an address, None when there is none."""
        if self.kind != "SDHC":
            argument, rest = divmod(argument, BLOCK)
            if rest or self.block != BLOCK:
                return None
        return argument if argument < self.sectors else None

    # ---- reading -------------------------------------------------------------------------------

    def _c17(self, argument):
        self._read(argument, False)

    def _c18(self, argument):
        self._read(argument, True)

    def _read(self, argument, more):
        at = self._where(argument)
        if at is None:
            self._say(self._r1 | _PARAMETER)
            return
        self._say(self._r1, *self._block(at))
        if more:
            self._at = at + 1
            self._out.append(None)

    def _next(self):
        """The next block of a multiple read begins."""
        if self._at is None:
            return 0xFF
        self._out = self._block(self._at) + [None]
        self._at += 1
        return 0xFF

    def _block(self, at):
        self.reads += 1
        data = self.read(at)
        crc = crc16(data)
        if self.bits:
            self.bits -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        return [0xFF] * 3 + [_START] + list(data) + [crc >> 8, crc & 0xFF]

    def read(self, at):
        """The 512 bytes of a block."""
        return self.blocks.get(at, bytes(BLOCK))

    # ---- writing -------------------------------------------------------------------------------

    def _c24(self, argument):
        self._write(argument, False)

    def _c25(self, argument):
        self._write(argument, True)

    def _write(self, argument, more):
        self._at = self._where(argument)
        if self._at is None:
            self._say(self._r1 | _PARAMETER)
            return
        self._more = more
        self._say(self._r1)
        self._mode = "token"

    def _received(self):
        """A whole block with its CRC; the data response, then busy."""
        data, crc = bytes(self._in[:-2]), self._in[-2] << 8 | self._in[-1]
        self._mode = "token" if self._more else "command"
        self._in = bytearray()
        if self.crc_on and crc != crc16(data):
            self._out = [0xE0 | _BAD_CRC]
            return
        if self.refuse or self.protected or self._at >= self.sectors:
            self._out = [0xE0 | _REFUSED]
            return
        if self.left is not None:
            if not self.left:
                if self.torn:
                    self.blocks[self._at] = data[: BLOCK // 2] + self.read(self._at)[BLOCK // 2 :]
                self.power = False
                return
            self.left -= 1
        self.writes += 1
        if self.fails:
            self._status = 0x04  # error
        elif not self.forgets:
            if any(data):
                self.blocks[self._at] = data
            else:
                self.blocks.pop(self._at, None)
        self._at += 1
        self._out = [0xE0 | _ACCEPTED]
        self._busy = self.slow


class Wires:
    """A bus with nothing but the card, as a driver's `bus`: clock, chip select, bytes."""

    def __init__(self, card):
        self.card = card

    def rate(self, hz):
        self.card.hz = hz

    def cs(self, level):
        self.card.select(not level)

    def close(self):
        pass

    def write(self, data):
        self.card.exchange(data)

    def readinto(self, into):
        transfer = self.card.transfer
        for i in range(len(into)):
            into[i] = transfer(0xFF)
