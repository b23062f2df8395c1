# SPDX-License-Identifier: MIT
"""Two CAN controllers at their SPI pins, from Microchip's data sheets, on a wire of frames.

`exchange(out, into)` is one chip-select period. `arrive(id, data, extended, remote)` is a frame on
the bus; `sent` is what the chip put on it, as (id, extended, data). Faults: `dead` (no chip:
every bit reads high), `deaf` transmission (`stuck`: nothing leaves the buffers), `reset()` (a
brown-out).
"""

import struct


class Wire:
    def __init__(self):
        self.dead = False
        self.stuck = False
        self.sent = []
        self.reset()

    def exchange(self, out, into=None):
        out = bytes(out)
        answer = b"" if self.dead else self.serve(out, len(into) if into is not None else 0)
        if into is not None:
            into[:] = (answer + b"\xff" * len(into))[: len(into)]


class Mcp2515Chip(Wire):
    """Section 3 to 12 of the MCP2515's data sheet, as far as a driver can see."""

    def reset(self):
        self.r = bytearray(128)
        self.r[0x0E] = self.r[0x0F] = 0x80
        self.r[0x0F] |= 7

    def serve(self, out, n):
        op, r = out[0], self.r
        if op == 0xC0:
            self.reset()
        elif op == 0x03:
            return bytes(r[(out[1] + i) & 0x7F] for i in range(n))
        elif op == 0x02:
            for i, value in enumerate(out[2:]):
                self._write(out[1] + i, value)
        elif op == 0x05:
            assert out[1] in (0x0F, 0x2B, 0x2C, 0x2D), "bit modify does not work there"
            self._write(out[1], r[out[1]] & ~out[2] | out[3] & out[2])
        elif op == 0xA0:
            flags = r[0x2C] & 3
            for i in range(3):
                flags |= (r[0x30 + 16 * i] >> 3 & 1) << 2 + 2 * i
                flags |= (r[0x2C] >> 2 + i & 1) << 3 + 2 * i
            return bytes((flags,)) * n
        elif op in (0x90, 0x94):
            at = 0x61 if op == 0x90 else 0x71
            r[0x2C] &= ~(1 if op == 0x90 else 2)
            return bytes(r[at : at + n])
        elif op in (0x40, 0x42, 0x44):
            at = 0x31 + (op & 6) * 8
            assert not r[at - 1] & 8, "written while it waits to be sent"
            r[at : at + len(out) - 1] = out[1:]
        elif op & 0xF8 == 0x80:
            for i in range(3):
                if op >> i & 1:
                    self._request(0x30 + 16 * i)
        else:
            raise AssertionError(f"no instruction 0x{op:02x}")
        return b""

    def _write(self, at, value):
        r = self.r
        configuring = r[0x0E] & 0xE0 == 0x80
        if at == 0x0F:
            r[at] = value
            r[0x0E] = value & 0xE0
        elif at < 0x0C or 0x10 <= at < 0x1C or 0x20 <= at < 0x2B:
            assert configuring, "filters and timing are written in configuration mode only"
            r[at] = value
        elif at == 0x2D:
            r[at] = r[at] & 0x3F | value & 0xC0
        else:
            r[at] = value

    def _request(self, at):
        r = self.r
        r[at] |= 8
        if r[0x0E] & 0xE0 or self.stuck:
            return
        r[at] &= ~8
        r[0x2C] |= 4 << (at - 0x30 >> 4)
        n = r[at + 5] & 15
        number, extended = self._identifier(at + 1)
        self.sent.append((number, extended, bytes(r[at + 6 : at + 6 + n])))

    def _identifier(self, at):
        r = self.r
        number, extended = r[at] << 3 | r[at + 1] >> 5, bool(r[at + 1] & 8)
        if extended:
            number = number << 18 | (r[at + 1] & 3) << 16 | r[at + 2] << 8 | r[at + 3]
        return number, extended

    def _matches(self, number, extended, filters, mask):
        short = self._identifier(mask)[0]
        r = self.r
        wide = (r[mask] << 3 | r[mask + 1] >> 5) << 18
        wide |= (r[mask + 1] & 3) << 16 | r[mask + 2] << 8 | r[mask + 3]
        for at in filters:
            f_extended = bool(r[at + 1] & 8)
            if f_extended is not extended:
                continue
            f = self._identifier(at)[0]
            m = wide if extended else short
            if number & m == f & m:
                return True
        return False

    def arrive(self, number, data, extended=False, remote=False):
        """True when a buffer took it."""
        r = self.r
        if r[0x0E] & 0xE0:
            return False
        first = r[0x60] & 0x60 == 0x60 or self._matches(number, extended, (0, 4), 0x20)
        second = r[0x70] & 0x60 == 0x60 or self._matches(
            number, extended, (8, 0x10, 0x14, 0x18), 0x24
        )
        if first and not r[0x2C] & 1:
            at, flag = 0x61, 1
        elif (second or first and r[0x60] & 4) and not r[0x2C] & 2:
            at, flag = 0x71, 2
        else:
            if first or second:
                r[0x2D] |= 0x40 if first else 0x80
            return False
        r[0x2C] |= flag
        if extended:
            r[at] = number >> 21
            r[at + 1] = (number >> 18 & 7) << 5 | 8 | number >> 16 & 3
            r[at + 2 : at + 4] = struct.pack(">H", number & 0xFFFF)
        else:
            r[at] = number >> 3
            r[at + 1] = (number & 7) << 5 | (0x10 if remote else 0)
        r[at + 4] = len(data) | (0x40 if extended and remote else 0)
        r[at + 5 : at + 5 + len(data)] = data
        return True

    def bit_rate(self, clock):
        """What the bit timing registers mean, and the sample point in per cent."""
        cnf3, cnf2, cnf1 = self.r[0x28:0x2B]
        prop, ps1, ps2 = (cnf2 & 7) + 1, (cnf2 >> 3 & 7) + 1, (cnf3 & 7) + 1
        assert cnf2 & 0x80 and ps2 >= 2
        quanta = 1 + prop + ps1 + ps2
        return clock / (2 * ((cnf1 & 0x3F) + 1) * quanta), 100 * (quanta - ps2) / quanta


class Mcp2518FdChip(Wire):
    """The family manual's registers that a driver for classic frames can see."""

    def reset(self):
        self.m = bytearray(0x1000)
        self.words = set()  # of the RAM that were written: others fail their ECC
        self._put(0x000, 0x04980760)
        self._put(0x050, 0x00600400)
        self._put(0x05C, 0x00600400)
        self._put(0xE00, 0x00000460)
        self.rx, self.rx_read, self.tx_at = [], 0, 0

    def _put(self, at, word):
        self.m[at : at + 4] = struct.pack("<I", word)

    def _get(self, at):
        return struct.unpack_from("<I", self.m, at)[0]

    @property
    def mode(self):
        return self._get(0) >> 21 & 7

    def serve(self, out, n):
        command, at = out[0] >> 4, (out[0] & 15) << 8 | out[1]
        if command == 0:
            assert self.mode == 4, "reset is for the configuration mode"
            self.reset()
        elif command == 3:
            self._status()
            if 0x400 <= at < 0xC00:
                assert at % 4 == 0 and n % 4 == 0, "RAM is read by words"
                assert all(w in self.words for w in range(at, at + n, 4)), "ECC error"
            return bytes(self.m[at : at + n])
        elif command == 2:
            data = out[2:]
            if 0x400 <= at < 0xC00:
                assert at % 4 == 0 and len(data) % 4 == 0, "RAM is written by words"
                self.words.update(range(at, at + len(data), 4))
                self.m[at : at + len(data)] = data
            else:
                for i, value in enumerate(data):
                    self._write(at + i, value)
        else:
            raise AssertionError(f"no instruction {out[:2].hex()}")
        return b""

    def _write(self, at, value):
        if at == 3:
            self.m[3] = value & 0x0F
            self.m[2] = self.m[2] & 0x1F | (value & 7) << 5
            if value & 7 == 4:
                self.rx, self.rx_read, self.tx_at = [], 0, 0
        elif at == 2:
            self.m[2] = self.m[2] & 0xE0 | value & 0x1F
        elif 4 <= at < 8 or 0x1F0 <= at < 0x2F0:
            if at < 8:
                assert self.mode == 4, "bit timing is written in configuration mode"
            self.m[at] = value
        elif at == 0x5D and value & 1:  # UINC of the receive FIFO
            self.rx.pop(0)
            self.rx_read += 1
        elif at == 0x51:
            if value & 1:
                self.tx_at += 1
            if value & 2 and not self.stuck:
                self._transmit()
        elif at == 0x60:
            self.m[at] &= value | ~8
        else:
            self.m[at] = value

    def _depth(self, at):
        return (self._get(at) >> 24 & 31) + 1

    def _status(self):
        deep, size = self._depth(0x05C), 16
        tx_room = self.tx_at < self._depth(0x050)
        self.m[0x54] = 1 if tx_room else 0
        self._put(0x58, self.tx_at * size)
        base = self._depth(0x050) * size
        self.m[0x60] = self.m[0x60] & 8 | (1 if self.rx else 0)
        self._put(0x64, base + self.rx_read % deep * size)

    def _transmit(self):
        assert self._get(0) & 1 << 20, "no transmit queue"
        for i in range(self.tx_at):
            at = 0x400 + 16 * i
            word, flags = self._get(at), self._get(at + 4)
            number = word & 0x7FF
            if flags & 0x10:
                number = number << 18 | word >> 11 & 0x3FFFF
            data = bytes(self.m[at + 8 : at + 8 + (flags & 15)])
            self.sent.append((number, bool(flags & 0x10), data))
        self.tx_at = 0

    def arrive(self, number, data, extended=False, remote=False):
        if self.mode not in (0, 6):
            return False
        sid, eid = (number >> 18, number & 0x3FFFF) if extended else (number, 0)
        word = sid | eid << 11
        for n in range(32):
            if not self.m[0x1D0 + n] & 0x80:
                continue
            wanted, mask = self._get(0x1F0 + 8 * n), self._get(0x1F4 + 8 * n)
            if mask & 1 << 30 and bool(wanted & 1 << 30) is not extended:
                continue
            if (word ^ wanted) & mask & 0x1FFFFFFF == 0:
                break
        else:
            return False
        deep = self._depth(0x05C)
        if len(self.rx) >= deep:
            self.m[0x60] |= 8
            return False
        at = 0x400 + self._depth(0x050) * 16 + (self.rx_read + len(self.rx)) % deep * 16
        self._put(at, word)
        self._put(at + 4, len(data) | (0x10 if extended else 0) | (0x20 if remote else 0))
        self.m[at + 8 : at + 16] = data.ljust(8, b"\xa5")
        self.words.update(range(at, at + 16, 4))
        self.rx.append(at)
        return True

    def bit_rate(self, clock):
        sjw, tseg2, tseg1, brp = (b + 1 for b in self.m[4:8])
        quanta = 1 + tseg1 + tseg2
        assert sjw <= tseg2 <= 128
        return clock / (brp * quanta), 100 * (quanta - tseg2) / quanta
