# SPDX-License-Identifier: MIT
"""SHA-1 (FIPS 180-4) of one byte string, for OCSP's names of certificates on boards without it.

Nothing is signed with it and nothing is trusted because of it.
"""

from evcc.compat import const

_M = const(0xFFFFFFFF)


def sha1(data):
    h = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    n = len(data)
    data = bytes(data) + b"\x80" + bytes((55 - n) % 64) + (8 * n).to_bytes(8, "big")
    for at in range(0, len(data), 64):
        w = [int.from_bytes(data[i : i + 4], "big") for i in range(at, at + 64, 4)]
        a, b, c, d, e = h
        for t in range(80):
            if t > 15:
                x = w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]
                w.append((x << 1 | x >> 31) & _M)
            if t < 20:
                f, k = d ^ (b & (c ^ d)), 0x5A827999
            elif t < 40:
                f, k = b ^ c ^ d, 0x6ED9EBA1
            elif t < 60:
                f, k = (b & c) | (d & (b | c)), 0x8F1BBCDC
            else:
                f, k = b ^ c ^ d, 0xCA62C1D6
            x = ((a << 5 | a >> 27) + f + e + k + w[t]) & _M
            a, b, c, d, e = x, a, (b << 30 | b >> 2) & _M, c, d
        h = [(x + y) & _M for x, y in zip(h, (a, b, c, d, e))]
    return b"".join(x.to_bytes(4, "big") for x in h)
