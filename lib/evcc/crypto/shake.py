# SPDX-License-Identifier: MIT
"""SHAKE256 (FIPS 202), for Ed448, where hashlib has none: one call, no running state."""

from evcc.compat import const

try:
    from hashlib import shake_256 as _shake
except ImportError:
    _shake = None

_M = const(0xFFFFFFFFFFFFFFFF)
_ROT = const(
    b"\x01\x03\x06\x0a\x0f\x15\x1c\x24\x2d\x37\x02\x0e"
    b"\x1b\x29\x38\x08\x19\x2b\x3e\x12\x27\x3d\x14\x2c"
)
_PI = const(
    b"\x0a\x07\x0b\x11\x12\x03\x05\x10\x08\x15\x18\x04"
    b"\x0f\x17\x13\x0d\x0c\x02\x14\x0e\x16\x09\x06\x01"
)


def _permute(a):
    """Keccak-f[1600] on a list of 25 lanes, in steps of four rounds."""
    lfsr = 1
    for turn in range(24):
        if turn & 3 == 0:
            yield
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        for x in range(5):
            t = c[(x + 1) % 5]
            t = c[(x + 4) % 5] ^ (t << 1 | t >> 63) & _M
            for y in range(x, 25, 5):
                a[y] ^= t
        t = a[1]
        for i in range(24):
            j = _PI[i]
            n = _ROT[i]
            t, a[j] = a[j], (t << n | t >> (64 - n)) & _M
        for y in range(0, 25, 5):
            c = a[y : y + 5]
            for x in range(5):
                a[y + x] = c[x] ^ (c[(x + 1) % 5] ^ _M) & c[(x + 2) % 5]
        for j in range(7):
            if lfsr & 1:
                a[0] ^= 1 << ((1 << j) - 1)
            lfsr = lfsr << 1 ^ (0x171 if lfsr & 0x80 else 0)


def plain(length, *parts):
    """Steps -> `length` <= 136 bytes of SHAKE256 over the parts."""
    a = [0] * 25
    data = b"".join(bytes(p) for p in parts)
    pad = 136 - len(data) % 136
    data += b"\x1f" + bytes(pad - 1) if pad > 1 else b"\x9f"
    if pad > 1:
        data = data[:-1] + b"\x80"
    for at in range(0, len(data), 136):
        for i in range(17):
            a[i] ^= int.from_bytes(data[at + 8 * i : at + 8 * i + 8], "little")
        yield from _permute(a)
    return b"".join(x.to_bytes(8, "little") for x in a[:17])[:length]


def shake256(length, *parts):
    """Steps -> the same, by hashlib where it can."""
    if _shake:
        return _shake(b"".join(bytes(p) for p in parts)).digest(length)
    return (yield from plain(length, *parts))
