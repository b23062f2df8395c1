# SPDX-License-Identifier: MIT
"""The compression function of SHA-2 (FIPS 180-4, 6.2.2, 6.4.2) for both word sizes, in Python."""

import struct

# sigma amounts: Sigma1(e), Sigma0(a) rotations; sigma0(w), sigma1(w): two rotations and a shift
_ROT = {
    64: ((14, 18, 41), (28, 34, 39), (1, 8, 7), (19, 61, 6)),
    32: ((6, 11, 25), (2, 13, 22), (7, 18, 3), (17, 19, 10)),
}


def compress(h, data, at, bits, constants):
    """One block of `data` into the eight words `h`; constants packed, 64I or 80Q."""
    k = struct.unpack("64I" if bits == 32 else "80Q", constants)
    s1, s0, g0, g1 = _ROT[bits]
    mask = (1 << bits) - 1

    def rot(x, n):
        return (x >> n | x << (bits - n)) & mask

    size = bits // 8
    w = [int.from_bytes(data[at + size * i : at + size * (i + 1)], "big") for i in range(16)]
    a, b, c, d, e, f, g, j = h
    for i in range(len(k)):
        if i > 15:
            x = w[(i + 1) & 15]
            y = w[(i + 14) & 15]
            x = rot(x, g0[0]) ^ rot(x, g0[1]) ^ x >> g0[2]
            y = rot(y, g1[0]) ^ rot(y, g1[1]) ^ y >> g1[2]
            w[i & 15] = (w[i & 15] + x + w[(i + 9) & 15] + y) & mask
        t = j + (rot(e, s1[0]) ^ rot(e, s1[1]) ^ rot(e, s1[2])) + (g ^ (e & (f ^ g)))
        t += k[i] + w[i & 15]
        u = (rot(a, s0[0]) ^ rot(a, s0[1]) ^ rot(a, s0[2])) + ((a & b) | (c & (a | b)))
        j, g, f, e, d, c, b, a = g, f, e, (d + t) & mask, c, b, a, (t + u) & mask
    for i, v in enumerate((a, b, c, d, e, f, g, j)):
        h[i] = (h[i] + v) & mask
