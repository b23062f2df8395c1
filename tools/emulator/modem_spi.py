# SPDX-License-Identifier: MIT
"""Emulated QCA7000: the SPI slave, byte for byte, in front of the emulated firmware.

Command words, registers, bursts, causes and buffer space in burst mode as traces of a QCA7005 and
in-tech's application note 4 show them. `exchange`, `irq` and `reset` are what the driver gets.
Numbers stand here a second time on purpose: the device code has its own, and both are held against
the same recorded vectors. Faults: see the knobs of `Modem`.
"""

import struct

from tools.emulator.modem import PEV_ROLE, Firmware

BUFFER = 0x0C5B  # free bytes of the write buffer at start
READ_BUFFER = 0x0C5B + 4
PKT_AVLBL, RDBUF_ERR, WRBUF_ERR, ADDR_ERR, CPU_ON, BELOW_WM = 1, 2, 4, 8, 0x40, 0x400


class Modem(Firmware):
    """A QCA7000 with its firmware, role PEV unless told otherwise.

    Time: `boot_ms` from power or reset to CPU_ON, `drain_ms` per frame written until it is out.
    Faults, changeable at any time: `powered`, `frozen` (MISO 0, or 0xFF with `floating`),
    `boots` (False: never), `lose_irq` (probability that a rise of the line is lost: it stays low
    until the cause is acknowledged), `no_irq` (line not connected), `corrupt` (probability that a
    read burst has wrong bytes), `glitch` (probability that one register read is wrong), `jammed`
    (write buffer never drains), `lose_write` (so many register writes are lost), `keeps_key`
    (over a restart, as a key in flash does), `legacy` (strapped for the other SPI mode).
    """

    def __init__(self, world, mac, role=PEV_ROLE, nmk=None):
        super().__init__(world, mac, role, nmk)
        self.boot_ms = 850
        self.drain_ms = 1
        self.powered = self.boots = self.keeps_key = True
        self.frozen = self.floating = self.no_irq = self.jammed = self.legacy = False
        self.lose_irq = self.corrupt = self.glitch = 0.0
        self.lose_write = 0
        self.rng = world.rng_for(f"modem/{self.mac.hex()}")
        self.restarts = 0
        self.on_irq = None  # called without arguments when the line rises: wakes who waits for it
        self._held = False
        self._boot = 0
        self._last = 0x00  # byte that MISO repeats while it has nothing to say
        self._level = self._lost = False
        self.stats = {"exchanges": 0, "bytes": 0, "read_overflow": 0, "bad_writes": 0}
        self._clear()
        self.reboot()

    # ---- pins -------------------------------------------------------------------------------

    def irq(self):
        """Level of the interrupt line."""
        return self._level and not self.no_irq

    def reset(self, active):
        """The reset line: held while active, boot afterwards."""
        if active:
            self._held = True
            self._off()
        elif self._held:
            self._held = False
            self.reboot()

    def power(self, on):
        """Supply on or off."""
        self.powered = on
        if on:
            self.reboot()
        else:
            self._off()

    def exchange(self, out, into=None):
        """One chip-select period: shift `out` in, then clock `into` full."""
        n = len(out)
        if into is None:
            self.transfer(bytes(out))
        else:
            into[:] = self.transfer(bytes(out) + bytes(len(into)))[n:]

    # ---- the bus ----------------------------------------------------------------------------

    def transfer(self, mosi):
        """One chip-select period, full duplex: as many MISO bytes as MOSI bytes."""
        n = len(mosi)
        stats = self.stats
        stats["exchanges"] += 1
        stats["bytes"] += n
        if not self.powered or self._held or self.frozen or not self.spi_alive:
            return bytes((255 if self.floating else 0,)) * n
        last = self._last
        if n < 2:
            return bytes((last,)) * n
        command = mosi[0] << 8 | mosi[1]
        head = bytes((last, last))
        if command & 0xC000 == 0xC000:
            value = self._register(command & 0x3FFF)
            if self.glitch and self.rng.random() < self.glitch:
                value ^= 1 << self.rng.randrange(16)
            answer = value.to_bytes(2, "big")
            if n != 4:
                answer = (answer * (n // 2))[: n - 2]
            if answer:
                self._last = answer[-1]
            return head + answer
        data = mosi[2:]
        if command == 0x8000:
            answer = self._read_burst(len(data))
        elif command == 0x0000:
            self._write_burst(data)
            answer = bytes((self._last,)) * len(data)
        elif command & 0xC000 == 0x4000 and len(data) >= 2:
            self._set_register(command & 0x3FFF, data[0] << 8 | data[1])
            answer = bytes((self._last,)) * len(data)
        else:
            self._raise(ADDR_ERR)
            answer = bytes((self._last,)) * len(data)
        if answer:
            self._last = answer[-1]
        return head + answer

    def _register(self, address):
        if address == 0x0C00:
            return self.cause
        if address == 0x0300:
            return len(self._out)
        if address == 0x0200:
            return BUFFER - self._written if self.up else 0
        if address == 0x0D00:
            return self.enable
        if address == 0x0400:
            return 0
        if address == 0x0100:
            return self.size
        if address == 0x1A00:
            return 0xAA55
        self._raise(ADDR_ERR)
        return 0

    def _set_register(self, address, value):
        if self.lose_write:
            self.lose_write -= 1
            return
        if address == 0x0100:
            self.size = value
        elif address == 0x0400:
            if value & 0x40:
                self.reboot()
        elif address == 0x0C00:
            self.cause &= ~value
            self._lost = False
            self._drive()
        elif address == 0x0D00:
            self.enable = value
            self._drive()
        else:
            self._raise(ADDR_ERR)

    def _read_burst(self, n):
        size, self.size = self.size, 0
        if self.legacy:
            return bytes(n)
        if size > len(self._out) or not size or n < size or n > size + 2:
            self._raise(RDBUF_ERR)
        data = bytes(self._out[: min(n, size)])
        del self._out[: len(data)]
        if data and self.corrupt and self.rng.random() < self.corrupt:
            data = self._damage(data)
        return data + bytes(n - len(data))

    def _damage(self, data):
        data = bytearray(data)
        kind = self.rng.randrange(4)
        if kind == 0:  # single bits anywhere
            for _ in range(self.rng.randint(1, 8)):
                data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
        elif kind == 1:  # in the head, where it hurts
            data[self.rng.randrange(min(12, len(data)))] ^= 0xFF
        elif kind == 2:  # shifted by a byte
            data = data[1:] + b"\0"
        else:  # end missing
            n = self.rng.randrange(len(data))
            data[n:] = bytes(len(data) - n)
        return bytes(data)

    def _write_burst(self, data):
        size, self.size = self.size, 0
        good = size >= 70 and size <= len(data) <= size + 2 and not self.legacy
        if good:
            n = data[4] | data[5] << 8
            good = data[:4] == b"\xaa" * 4 and n == size - 10
            good = good and data[6:8] == b"\0\0" and data[8 + n : 10 + n] == b"\x55\x55"
        if not good or self._written + size > BUFFER:
            self.stats["bad_writes"] += 1
            self._raise(WRBUF_ERR)
            return
        self._written += size
        self._queue.append(data[8 : 8 + n])
        if not self.jammed:
            self.world.after(self.drain_ms * len(self._queue), self._drain, self._epoch)

    def _drain(self, epoch):
        if epoch == self._epoch and self._queue and not self.jammed:
            frame = self._queue.pop(0)
            self._written -= len(frame) + 10
            self.from_host(frame)

    # ---- firmware side ----------------------------------------------------------------------

    def to_host(self, frame):
        """Queue a frame for the host; none is kept that does not fit (counted)."""
        n = len(frame)
        if len(self._out) + n + 14 > READ_BUFFER:
            self.stats["read_overflow"] += 1
            return
        self._out += struct.pack(">I", n + 10) + b"\xaa\xaa\xaa\xaa"
        self._out += struct.pack("<HH", n, 0) + frame + b"\x55\x55"
        self._raise(PKT_AVLBL)

    def reboot(self):
        """Restart of the chip: SPI is silent, then CPU_ON; the network has to be joined again."""
        self._off()
        if not self.powered or self._held or not self.boots:
            return
        self._boot += 1
        self.world.after(self.boot_ms, self._started, self._boot)

    def _off(self):
        self._boot += 1
        self.up = self.spi_alive = False
        self._clear()
        self._joined_at = None
        if not self.keeps_key:
            self.nmk = None
        if self.line is not None:
            self.line.changed()

    def _started(self, boot):
        if boot != self._boot:
            return
        self.up = self.spi_alive = True
        self.restarts += 1
        self._alone_since = None if self.hears_coordinator() else self.world.now
        self._raise(CPU_ON)
        if self.line is not None:
            self.line.changed()

    def _clear(self):
        self._epoch = getattr(self, "_epoch", 0) + 1
        self.cause = 0
        self.enable = 0x0040
        self.size = 0
        self._out = bytearray()
        self._queue = []
        self._written = 0
        self._lost = False
        self._drive()

    def _raise(self, bits):
        self.cause |= bits | BELOW_WM
        self._drive()

    def _drive(self):
        """The line follows cause and enable; its rise may get lost."""
        level = bool(self.cause & self.enable)
        if level and not self._level:
            if not self._lost and self.lose_irq and self.rng.random() < self.lose_irq:
                self._lost = True
            level = not self._lost
        rose = level and not self._level
        self._level = level
        if rose and not self.no_irq and self.on_irq is not None:
            self.on_irq()
