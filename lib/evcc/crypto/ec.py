# SPDX-License-Identifier: MIT
"""NIST curves P-256 and P-521 (SP 800-186) on big integers, and ECDH (SEC 1, 3.3.1).

Points are (X, Y, Z) Jacobian, Z = 0 infinity; table entries are affine (x, y). `Curve.r` brings
an integer into [0, p], both ends included. Only uncompressed points are read.
"""

from evcc.crypto.scalar import inverse

try:  # the kernel of this processor, else big integers
    from evcc.crypto.mont import Engine, multiply, multiply_base, proved, verify_sum

    if not proved():
        raise ImportError
except (ImportError, SyntaxError):
    from evcc.crypto.jacobian import (  # noqa: F401
        Engine,
        multiply,
        multiply_base,
        verify_sum,
    )


class Curve:
    """y^2 = x^3 - 3x + b over p, order n, generator g."""

    def __init__(self, name, size, r, p, b, n, x, y):
        self.name, self.size, self.r = name, size, r  # size: bytes of a coordinate
        self.p, self.b, self.n, self.g = p, b, n, (x, y)
        self.bits = 521 if size == 66 else 8 * size
        self.engine = Engine(self)  # does its scalar multiplications

    def affine(self, *points):
        """Jacobian to affine, with one inversion for all; ValueError for infinity."""
        r, p = self.r, self.p
        a = 1
        products = []
        for q in points:
            products.append(a)
            a = r(a * q[2])
        a = inverse(a, p)
        out = []
        for q in reversed(points):
            i = r(a * products.pop())
            a = r(a * q[2])
            ii = r(i * i)
            out.append((q[0] * ii % p, q[1] * r(ii * i) % p))
        out.reverse()
        return out

    def stored(self):
        """x and y of the comb's eight points, one after the other."""
        if self.size == 66:
            from evcc.crypto.comb_p521 import TABLE
        else:
            from evcc.crypto.comb_p256 import TABLE
        return TABLE

    def load(self, data):
        """Point from 0x04 + X + Y; ValueError unless it is on the curve."""
        n = self.size
        p = self.p
        if len(data) != 2 * n + 1 or data[0] != 4:
            raise ValueError("%s: not an uncompressed point" % self.name)
        x = int.from_bytes(bytes(data[1 : n + 1]), "big")
        y = int.from_bytes(bytes(data[n + 1 :]), "big")
        if x >= p or y >= p or (y * y - (x * x - 3) * x - self.b) % p:
            raise ValueError("%s: point is not on the curve" % self.name)
        return x, y

    def scalar(self, data):
        """Secret from bytes; ValueError outside 1 .. n - 1."""
        k = int.from_bytes(bytes(data), "big")
        if not 0 < k < self.n:
            raise ValueError("%s: secret out of range" % self.name)
        return k

    def random(self, urandom):
        while True:
            k = int.from_bytes(urandom(self.size), "big") & ((1 << self.bits) - 1)
            if 0 < k < self.n:
                return k

    def public(self, secret, urandom):
        """Steps -> uncompressed public point of a secret (bytes)."""
        p = yield from multiply_base(self, self.scalar(secret), urandom)
        yield
        x, y = self.affine(p)[0]
        return b"\x04" + x.to_bytes(self.size, "big") + y.to_bytes(self.size, "big")

    def agree(self, secret, public, urandom):
        """Steps -> x coordinate of secret * public; ValueError for a bad point."""
        q = self.load(public)
        p = yield from multiply(self, self.scalar(secret), q, urandom)
        yield
        return self.affine(p)[0][0].to_bytes(self.size, "big")


_M521 = pow(2, 521) - 1  # pow: shifts would be folded, and stored as 157 digits


def _r521(x):
    x = (x & _M521) + (x >> 521)
    return (x & _M521) + (x >> 521)


_P256 = pow(2, 256) - pow(2, 224) + pow(2, 192) + pow(2, 96) - 1


def _r256(x):
    return x % _P256


def _h(s):
    return int(s.replace(" ", ""), 16)


_curves = {}


def curve(name):
    """ "P-256" or "P-521"; made at first use."""
    if name not in _curves:
        if name == "P-521":
            c = Curve(
                name,
                66,
                _r521,
                _M521,
                _h(
                    "51953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E"
                    "937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00"
                ),
                _M521
                + 1
                - _h("5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7"),
                _h(
                    "C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE7"
                    "5928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66"
                ),
                _h(
                    "11839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF"
                    "42640C550B9013FAD0761353C7086A272C24088BE94769FD16650"
                ),
            )
        elif name == "P-256":
            c = Curve(
                name,
                32,
                _r256,
                _P256,
                _h("5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B"),
                _h("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"),
                _h("6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"),
                _h("4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"),
            )
        else:
            raise ValueError("unknown curve " + name)
        _curves[name] = c
    return _curves[name]
