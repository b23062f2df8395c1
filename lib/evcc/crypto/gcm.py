# SPDX-License-Identifier: MIT
"""AES-GCM (NIST SP 800-38D) with 96-bit nonces and 16-byte tags, in place on a bytearray.

GHASH runs over a 4-bit table per key (Shoup); `_fast_gcm` is the same in viper. Counter blocks
are made 16 at a time, so that the block cipher in C is called seldom.
"""

import struct

from evcc.crypto.aes import Aes

try:
    from evcc.crypto import _fast_gcm as _fast
except (ImportError, SyntaxError):
    _fast = None

_R = 0xE1 << 120


def same(a, b):
    """Constant-time comparison of two byte strings of equal length."""
    d = len(a) ^ len(b)
    for i in range(min(len(a), len(b))):
        d |= a[i] ^ b[i]
    return d == 0


class Aead:
    """`seal(nonce, aad, buf, start, end)` encrypts buf[start:end] and writes the tag behind it;
    `open(...)` checks the tag at buf[end:end+16] and decrypts: False and no plaintext if wrong.

    A subclass has `_crypt` (both ways) and `_tag` (of what is encrypted).
    """

    overhead = 16

    def seal(self, nonce, aad, buf, start, end):
        self._crypt(nonce, buf, start, end)
        buf[end : end + 16] = self._tag(nonce, aad, buf, start, end)

    def open(self, nonce, aad, buf, start, end):
        if not same(self._tag(nonce, aad, buf, start, end), buf[end : end + 16]):
            return False
        self._crypt(nonce, buf, start, end)
        return True


class AesGcm(Aead):
    def __init__(self, key, native=True):
        self.aes = Aes(key, native)
        h = bytearray(16)
        self.aes.encrypt(h)
        v = int.from_bytes(h, "big")
        m = [0] * 16
        i = 8
        while i:
            m[i] = v
            v = (v >> 1) ^ (_R if v & 1 else 0)
            i >>= 1
        for i in (2, 4, 8):
            for j in range(1, i):
                m[i + j] = m[i] ^ m[j]
        if _fast:
            t = bytearray(256 + 64)
            for i in range(16):
                for j in range(4):
                    struct.pack_into("I", t, 16 * i + 4 * j, (m[i] >> (96 - 32 * j)) & 0xFFFFFFFF)
                # what the four bits shifted out come back as
                r = 0
                for j in range(4):
                    if i >> j & 1:
                        r ^= 0xE100 >> (3 - j)
                struct.pack_into("I", t, 256 + 4 * i, r << 16)
            m = t
        self.m = m
        self.blocks = bytearray(256)
        self.state = bytearray(16)

    def _ghash(self, data, start, end):
        if _fast:
            _fast.ghash(self.state, self.m, data, (start, end))
            return
        m = self.m
        z = int.from_bytes(self.state, "big")
        for at in range(start, end, 16):
            b = bytes(data[at : min(at + 16, end)])
            z ^= int.from_bytes(b + bytes(16 - len(b)), "big")
            x, z = z, 0
            for _ in range(32):
                r = z & 15
                z >>= 4
                while r:  # at most four steps
                    low = r & -r
                    z ^= _R >> (3 if low == 1 else 2 if low == 2 else 1 if low == 4 else 0)
                    r ^= low
                z ^= m[x & 15]
                x >>= 4
        self.state[:] = z.to_bytes(16, "big")

    def _tag(self, nonce, aad, buf, start, end):
        s = self.state
        s[:] = bytes(16)
        self._ghash(aad, 0, len(aad))
        self._ghash(buf, start, end)
        self._ghash(struct.pack(">QQ", 8 * len(aad), 8 * (end - start)), 0, 16)
        b = bytearray(nonce + b"\0\0\0\1")
        self.aes.encrypt(b)
        return bytes(b[i] ^ s[i] for i in range(16))

    def _crypt(self, nonce, buf, start, end):
        blocks = self.blocks
        n = 2
        for at in range(start, end, 256):
            for i in range(0, min(256, end - at), 16):
                blocks[i : i + 12] = nonce
                struct.pack_into(">I", blocks, i + 12, n)
                n += 1
            self.aes.encrypt(blocks)
            k = min(256, end - at)
            if _fast:
                _fast.xor(buf, at, blocks, k)
            else:
                x = int.from_bytes(buf[at : at + k], "big") ^ int.from_bytes(blocks[:k], "big")
                buf[at : at + k] = x.to_bytes(k, "big")
