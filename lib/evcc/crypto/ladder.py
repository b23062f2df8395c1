# SPDX-License-Identifier: MIT
"""Scalar multiplication for any curve class with double, add, neg, table, blind (ec.py, ed448.py).

All are generators: they yield after every window of bits, so that a caller can do other work
between, and return the point. `multiply` is for secret scalars: the sequence of operations is
the same for all scalars, coordinates and scalar are blinded. `verify_sum` is for public values.
Pure Python cannot promise more: the big integers below take a time that depends on their value.
"""

from evcc.crypto.scalar import naf


def multiply(curve, k, point, urandom):
    """k * point, 1 <= k < n secret. Signed windows of four bits, every digit odd: always four
    doublings and one addition.
    """
    n = curve.n
    t = (curve.bits + 32) // 4 + 1
    k += (int.from_bytes(urandom(4), "big") | 0x80000000) * n  # bits + 32 bits, 33 with the carry
    k = (k, k + n)[~k & 1]  # n is odd
    table = yield from curve.table(point)
    i = 4 * t - 4
    p = curve.blind(table[k >> (i + 1)], urandom)
    while i:
        i -= 4
        yield
        d = ((k >> (i + 1)) & 15) * 2 - 15
        e = table[(d if d > 0 else -d) >> 1]
        e = (e, curve.neg(e))[d < 0]
        for _ in range(4):
            p = curve.double(p)
        p = curve.add(p, e)
    return p


def multiply_base(curve, k, urandom):
    """k * G, 1 <= k < n secret. A comb of four teeth over a stored table: every bit of the blinded
    scalar is +1 or -1, so it is always one doubling and one addition, a quarter as often.
    """
    n = curve.n
    k += (int.from_bytes(urandom(4), "big") | 0x80000000) * n
    k = (k, k + n)[~k & 1]
    table = curve.comb()
    s = (curve.bits + 36) // 4  # columns
    k = (k + (1 << 4 * s) - 1) >> 1  # bits: 1 for +1, 0 for -1
    p = None
    i = s
    while i:
        i -= 1
        d = (k >> i & 1) | (k >> (i + s) & 1) << 1 | (k >> (i + 2 * s) & 1) << 2
        top = k >> (i + 3 * s) & 1
        e = table[d ^ (7 * (1 - top))]
        e = (curve.neg(e), e)[top]
        if p is None:
            p = curve.blind(e, urandom)
        else:
            p = curve.add(curve.double(p), e)
        if i & 3 == 0:
            yield
    return p


def verify_sum(curve, a, b, point):
    """a * G + b * point; public values only."""
    table = yield from curve.table(point)
    base = yield from curve.base()
    a, b = naf(a), naf(b)
    p = curve.zero
    i = max(len(a), len(b))
    while i:
        i -= 1
        if i & 3 == 0:
            yield
        p = curve.double(p)
        for digits, points in ((a, base), (b, table)):
            if i < len(digits) and digits[i] != 16:
                d = digits[i] - 16
                p = curve.add(p, points[d >> 1] if d > 0 else curve.neg(points[-d >> 1]))
    return p
