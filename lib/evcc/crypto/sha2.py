# SPDX-License-Identifier: MIT
"""SHA-256, SHA-384 and SHA-512 (FIPS 180-4) with copy(), for Pythons whose hashlib lacks them.

The compression function is `_fast_sha512` for 64-bit words where viper exists, else sha2_plain.py.
The round constants are computed (fractions of cube roots of primes), not stored.
"""

import struct

try:
    from evcc.crypto._fast_sha512 import block as _fast_block
except (ImportError, SyntaxError):
    _fast_block = None

_INIT = {
    "sha256": (2, 3, 5, 7, 11, 13, 17, 19),  # square roots of the first eight primes
    "sha512": (2, 3, 5, 7, 11, 13, 17, 19),
    "sha384": (23, 29, 31, 37, 41, 43, 47, 53),  # of the ninth to sixteenth
}
_tables = {}


def _root(x, n):
    """Integer n-th root of x, from above by Newton's method."""
    r = 1 << 70 if n == 3 else 1 << 68
    while True:
        s = ((n - 1) * r + x // r ** (n - 1)) // n
        if s >= r:
            return r
        r = s


def _constants(bits):
    """The 80 (64) round constants, packed: 80 big integers would lie all over a small heap.

    For the fast kernel as 32-bit words hi, lo; else as struct "Q" or "I".
    """
    if bits not in _tables:
        k = []
        n = 2
        while len(k) < (80 if bits == 64 else 64):
            if all(n % p for p in range(2, min(n, 21))):
                k.append(_root(n << 192, 3) & 0xFFFFFFFFFFFFFFFF)
            n += 1
        if bits == 32:
            k = struct.pack("64I", *[x >> 32 for x in k])
        elif _fast_block:
            t = bytearray(640)
            for i in range(80):
                struct.pack_into("II", t, 8 * i, k[i] >> 32, k[i] & 0xFFFFFFFF)
            k = t
        else:
            k = struct.pack("80Q", *k)
        _tables[bits] = k
    return _tables[bits]


class Sha2:
    """A running hash: `update(data)`, `digest()` (may be called at any time), `copy()`."""

    def __init__(self, name, data=b""):
        self.name = name
        self.bits = 32 if name == "sha256" else 64
        self.fast = _fast_block is not None and self.bits == 64
        if name not in _tables:
            h = [_root(p << 128, 2) & 0xFFFFFFFFFFFFFFFF for p in _INIT[name]]
            if self.bits == 32:
                h = [x >> 32 for x in h]
            if self.fast:
                st = bytearray(64)
                for i, x in enumerate(h):
                    struct.pack_into("II", st, 8 * i, x >> 32, x & 0xFFFFFFFF)
                h = st
            _tables[name] = h
        self.h = _tables[name][:]
        self.buf = bytearray(2 * self.bits)
        self.n = 0  # bytes so far
        if data:
            self.update(data)

    def copy(self):
        c = Sha2(self.name)
        c.n = self.n
        c.h = self.h[:]
        c.buf = self.buf[:]
        return c

    def _block(self, data, at):
        if self.fast:
            _fast_block(self.h, _constants(64), _work(), data, at)
        else:
            from evcc.crypto.sha2_plain import compress

            k = _constants(self.bits)
            compress(self.h, data, at, self.bits, k)

    def update(self, data):
        size = 2 * self.bits
        fill = self.n % size
        self.n += len(data)
        at = 0
        data = memoryview(data)
        if fill:
            at = min(size - fill, len(data))
            self.buf[fill : fill + at] = data[:at]
            if fill + at < size:
                return
            self._block(self.buf, 0)
        while at + size <= len(data):
            self._block(data, at)
            at += size
        rest = len(data) - at
        if rest:
            self.buf[:rest] = data[at:]

    def digest(self):
        c = self.copy()
        size = 2 * self.bits
        pad = (size - size // 8 - 1 - self.n) % size
        c.update(b"\x80" + bytes(pad + size // 8 - 8) + struct.pack(">Q", 8 * self.n))
        if c.fast:
            out = struct.pack(">16I", *struct.unpack("16I", c.h))
        else:
            out = b"".join(x.to_bytes(self.bits // 8, "big") for x in c.h)
        return out[:48] if self.name == "sha384" else out


def _work():
    """Schedule and working variables of the fast kernel: one buffer for all hashes."""
    if 0 not in _tables:
        _tables[0] = bytearray(192)
    return _tables[0]
