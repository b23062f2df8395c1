# SPDX-License-Identifier: MIT
"""An SD card in SPI mode as a block device for a FAT: every wait has an end, every answer counts.

SD Physical Layer Simplified Specification, chapter 7: the way in (74 clocks, CMD0, CMD8, ACMD41,
CMD58), CMD9 for the size, CMD17 and CMD24 block by block, CMD13 after a write. A bus is shared
with whoever has a chip select of its own; between two blocks the card has let it go.
Not here: CRC of data in full (who writes reads back), multiple blocks, MMC. Loaded while in use.
"""

from evcc.compat import const

_SLOW_HZ = const(400000)  # until it is identified
_FAST_HZ = const(8000000)
_BLOCK = const(512)
_START_MS = const(100)  # to answer CMD0
_READY_MS = const(1000)  # to leave idle after ACMD41
_READ_MS = const(250)  # to the first byte of a block
_BUSY_MS = const(500)  # after a block that was written
_START = const(0xFE)
_EIO = const(5)


class SdSpi:
    """`bus`: rate(Hz), cs(level), write(buf), readinto(buf) with MOSI high, close(); mode 0.

    `now()`: ms that do not wrap; `within`: ms that all of it may take from here on, see `limit`.
    `sectors`: size in blocks of 512 bytes; `protected`: by its own register; `error`: what went
    wrong last, in words. Raises OSError when there is no card, or none of use.
    """

    def __init__(self, bus, now, within):
        self.bus = bus
        self.now = now
        self.error = None
        self.gone = False
        self._one = bytearray(1)
        self._frame = bytearray(6)
        self.limit(within)
        good = False
        try:
            self._begin()
            good = True
        finally:
            self._end()
            bus.rate(_FAST_HZ)
            if not good:
                self.close()

    def limit(self, ms):
        """From here on all together may take so long; then everything fails at once."""
        self._until = self.now() + ms

    def close(self):
        """Never again a word to the card, whoever still holds this.

        A file whose writing failed is open still, and closed when garbage is collected: that then
        seems to succeed (no object may be made there, and nobody is to hear of it any more).
        """
        if not self.gone:
            self.gone = True
            self.bus.close()

    # ---- for the file system: 0, or -EIO --------------------------------------------------------

    def readblocks(self, n, buf):
        return 0 if self.gone else self._each(self._read, n, buf)

    def writeblocks(self, n, buf):
        return 0 if self.gone else self._each(self._write, n, buf)

    def ioctl(self, op, argument):
        if op == 4:
            return self.sectors
        return _BLOCK if op == 5 else 0

    def _each(self, one, n, buf):
        size = len(buf)
        try:
            if size == _BLOCK:
                one(n, buf)
            else:
                view = memoryview(buf)
                for at in range(0, size, _BLOCK):
                    one(n, view[at : at + _BLOCK])
                    n += 1
        except OSError as error:
            self.error = error.args[0]
            return -_EIO
        finally:
            self._end()
        return 0

    # ---- the way in -----------------------------------------------------------------------------

    def _begin(self):
        bus = self.bus
        bus.rate(_SLOW_HZ)
        bus.cs(1)
        bus.write(b"\xff" * 10)  # 74 clocks at least
        until = self._latest(_START_MS)
        while self._command(0, 0, False) != 1:
            self._end()
            if self.now() >= until:
                low = not self._one[0]
                raise OSError("MISO stays low" if low else "no card answers")
        answer = self._command(8, 0x1AA)
        if not answer & 4:
            self._bytes(4)
            if self._frame[2] & 15 != 1 or self._frame[3] != 0xAA:
                raise OSError("not a card for 3.3 V")
        blocks = 0 if answer & 4 else 0x40000000  # we know cards with block addresses
        until = self._latest(_READY_MS)
        while True:
            self._command(55, 0)
            answer = self._command(41, blocks)
            if answer != 1 or self.now() >= until:
                break
        if answer:
            raise OSError("the card does not get ready")
        self._check(58, 0)
        self._bytes(4)
        self._shift = 0
        if not blocks or not self._frame[0] & 0x40:
            self._check(16, _BLOCK)
            self._shift = 9
        csd = bytearray(16)
        self._check(9, 0)
        self._data(csd)
        if csd[0] >> 6:
            self.sectors = ((csd[7] & 63) << 16 | csd[8] << 8 | csd[9]) + 1 << 10
        else:
            size = (csd[6] & 3) << 10 | csd[7] << 2 | csd[8] >> 6
            factor = (csd[9] & 3) << 1 | csd[10] >> 7
            self.sectors = size + 1 << factor + 2 + (csd[5] & 15) - 9
        self.protected = bool(csd[14] & 0x30)

    # ---- blocks ---------------------------------------------------------------------------------

    def _read(self, n, buf):
        self._check(17, n << self._shift)
        self._data(buf)

    def _data(self, buf):
        """A block with its token. Its CRC is looked at only where it could be an open wire's."""
        token = self._wait(_READ_MS, 0xFF, False)
        if token != _START:
            raise OSError("the card cannot read: 0x%02x" % token)
        self.bus.readinto(buf)
        self._bytes(2)
        if self._frame[0] & self._frame[1] == 0xFF:
            crc = 0
            for byte in buf:
                x = crc >> 8 ^ byte
                x ^= x >> 4
                crc = (crc << 8 ^ x << 12 ^ x << 5 ^ x) & 0xFFFF
            if crc != 0xFFFF:
                raise OSError("the card answers no more")

    def _write(self, n, buf):
        bus = self.bus
        self._check(24, n << self._shift)
        bus.write(b"\xff\xfe")
        bus.write(buf)
        bus.write(b"\xff\xff")
        answer = self._byte() & 31
        if answer != 5:
            raise OSError("the card does not take a block: 0x%02x" % answer)
        self._wait(_BUSY_MS, 0xFF, True)
        self._check(13, 0)
        if self._byte():
            raise OSError("the card did not write a block")

    # ---- commands -------------------------------------------------------------------------------

    def _check(self, index, argument):
        answer = self._command(index, argument)
        if answer == 0xFF:
            raise OSError("the card answers no more")
        if answer:
            raise OSError("CMD%d: 0x%02x" % (index, answer))

    def _command(self, index, argument, wait=True):
        """Send it; R1, 0xFF without an answer. The card stays selected for what follows."""
        bus, frame = self.bus, self._frame
        self._end()
        bus.cs(0)
        if wait:
            self._wait(_BUSY_MS, 0xFF, True)
        frame[0] = 0x40 | index
        for i in range(1, 5):
            frame[i] = argument >> (32 - 8 * i) & 255
        crc = 0
        for i in range(5):
            byte = frame[i]
            for _ in range(8):
                crc <<= 1
                if (crc ^ byte) & 0x80:
                    crc ^= 9
                byte <<= 1
        frame[5] = (crc & 127) << 1 | 1
        bus.write(frame)
        for _ in range(9):
            answer = self._byte()
            if answer < 0x80:
                break
        return answer

    def _end(self):
        """Deselect; with one more byte the card lets MISO go."""
        self.bus.cs(1)
        self.bus.write(b"\xff")

    def _byte(self):
        self.bus.readinto(self._one)
        return self._one[0]

    def _bytes(self, n):
        """So many bytes into `_frame`, from its beginning."""
        for i in range(n):
            self._frame[i] = self._byte()

    def _latest(self, ms):
        return min(self.now() + ms, self._until)

    def _wait(self, ms, level, equal):
        """Read until the byte is `level` (or is it no more); it, or OSError when time is over."""
        until = self._latest(ms)
        while True:
            byte = self._byte()
            if (byte == level) is equal:
                return byte
            if self.now() >= until:
                raise OSError("the card is busy for too long" if equal else "the card is silent")
