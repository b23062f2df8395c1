# SPDX-License-Identifier: MIT
"""Ed448 (RFC 8032, pure, empty context) on big integers; verification without cofactor."""

from evcc.compat import const
from evcc.crypto.ladder import multiply, verify_sum
from evcc.crypto.scalar import inverse
from evcc.crypto.shake import shake256
from evcc.crypto.x448 import P, r

_D = const(-39081)
_L = pow(2, 446) - 0x8335DC163BB124B65129C96FDE933D8D723A70AADC873D6D54A7BB0D
_DOM = const(b"SigEd448\0\0")


class _Edwards:
    """x^2 + y^2 = 1 + d x^2 y^2; points (X, Y, Z), table entries (x, y); see ladder.py."""

    zero = (0, 1, 1)
    n = _L
    bits = 446
    _base = None

    def double(self, p):
        x, y, z = p
        b = x + y
        b = r(b * b)
        c = r(x * x)
        d = r(y * y)
        e = c + d
        j = e - 2 * r(z * z)
        return r((b - e) * j), r(e * (c - d)), r(e * j)

    def add(self, p, q):
        x, y, a = p
        u, v = q
        b = r(a * a)
        c = r(x * u)
        d = r(y * v)
        e = r(c * d) * _D
        f = r(a * (b - e))
        g = b + e
        h = r((x + y) * (u + v)) - c - d
        return r(f * h), r(r(a * g) * (d - c)), r((b - e) * g)

    def neg(self, q):
        return P - q[0], q[1]

    def blind(self, q, urandom):
        z = int.from_bytes(urandom(56), "little") % P or 1
        return r(q[0] * z), r(q[1] * z), z

    def affine(self, p):
        i = inverse(p[2] % P, P)
        return p[0] * i % P, p[1] * i % P

    def table(self, q):
        two = self.affine(self.double((q[0], q[1], 1)))
        out = [q]
        for _ in range(7):
            yield
            out.append(self.affine(self.add((out[-1][0], out[-1][1], 1), two)))
        return out

    def base(self):
        if not self._base:
            self._base = yield from self.table((yield from _root(_Y, 0)))
        return self._base


_Y = int(
    "693F46716EB6BC248876203756C9C7624BEA73736CA3984087789C1E05A0"
    "C2D73AD3FF1CE67C39C4FDBD132C4ED7C8AD9808795BF230FA14",
    16,
)
_edwards = _Edwards()


def _power(a):
    """Steps -> a ** ((P - 3) / 4) = a ** (2^446 - 2^222 - 1) by a chain of 2^n - 1."""
    x, n, kept = a, 1, {}
    for more in (1, 1, 3, 3, 9, 1, 18, 37, 37, 111, 1):
        kept[n] = x
        y = a if more == 1 else kept[more]
        for i in range(more):
            x = x * x % P
            if i & 15 == 15:
                yield
        x = x * y % P
        n += more
    for i in range(223):
        x = x * x % P
        if i & 15 == 15:
            yield
    return x * kept[222] % P


def _root(y, sign):
    """Steps -> (x, y) with x of the given lowest bit; ValueError when there is none."""
    u = (y * y - 1) % P
    v = (_D * y * y - 1) % P
    w = u * u % P * u * v % P
    x = w * (yield from _power(w * u * u % P * v * v % P)) % P
    if v * x * x % P != u or (not x and sign):
        raise ValueError("ed448: not a point")
    return (P - x if x & 1 != sign else x), y


def _decode(b):
    if len(b) != 57 or b[56] & 127:
        raise ValueError("ed448: not a point")
    y = int.from_bytes(bytes(b[:56]), "little")
    if y >= P:
        raise ValueError("ed448: not a point")
    return (yield from _root(y, b[56] >> 7))


def _encode(p):
    x, y = _edwards.affine(p)
    return y.to_bytes(56, "little") + bytes(((x & 1) << 7,))


def _secret(seed):
    h = yield from shake256(114, seed)
    s = int.from_bytes(h[:56], "little") & (pow(2, 447) - 4) | pow(2, 447)
    return s % _L, h[57:]


def _hash(*parts):
    return int.from_bytes((yield from shake256(114, _DOM, *parts)), "little") % _L


def public(seed, urandom):
    """Steps -> 57 bytes."""
    if len(seed) != 57:
        raise ValueError("ed448: 57 bytes needed")
    g = yield from _root(_Y, 0)
    s, _ = yield from _secret(seed)
    p = yield from multiply(_edwards, s, g, urandom)
    return _encode(p)


def sign(seed, message, urandom, own=None):
    """Steps -> 114 bytes; `own` public key, if known, saves one multiplication."""
    own = own or (yield from public(seed, urandom))
    s, prefix = yield from _secret(seed)
    k = yield from _hash(prefix, message)
    g = yield from _root(_Y, 0)
    p = yield from multiply(_edwards, k, g, urandom)
    p = _encode(p)
    h = yield from _hash(p, own, message)
    return p + ((k + h * s) % _L).to_bytes(57, "little")


def verify(key, message, signature):
    """Steps -> bool; ValueError for a bad public key."""
    a = yield from _decode(key)
    if len(signature) != 114:
        return False
    s = int.from_bytes(bytes(signature[57:]), "little")
    if s >= _L:
        return False
    k = yield from _hash(signature[:57], key, message)
    p = yield from verify_sum(_edwards, s, k, _edwards.neg(a))
    return _encode(p) == bytes(signature[:57])
