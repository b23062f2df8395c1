# SPDX-License-Identifier: MIT
"""Inverses and signed digits of numbers: what both ways of scalar multiplication need."""


def inverse(a, m):
    """a ** -1 mod m by Euclid; takes a time that depends on a: blind secrets before."""
    r, s, u, v = m, a % m, 0, 1
    while s:
        q = r // s
        r, s, u, v = s, r - q * s, v, u - q * v
    if r != 1:
        raise ValueError("no inverse")
    return u % m


def naf(k):
    """Digits 0, +-1 .. +-15 (odd), lowest first, each plus 16; k public."""
    out = bytearray()
    while k:
        d = 0
        if k & 1:
            d = k & 31
            if d > 15:
                d -= 32
            k -= d
        out.append(d + 16)
        k >>= 1
    return out
