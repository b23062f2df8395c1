# SPDX-License-Identifier: MIT
"""Points of P-256 and P-521 on big integers, for processors without the kernel of mont.py.

Points are (X, Y, Z) Jacobian, Z = 0 infinity; table entries are affine (x, y). The scalar
multiplications are those of ladder.py.
"""

from evcc.crypto import ladder


class Points:
    """The arithmetic of one ec.Curve, as ladder.py wants it."""

    zero = (1, 1, 0)

    def __init__(self, curve):
        self.curve, self.p, self.n, self.r = curve, curve.p, curve.n, curve.r
        self.bits, self.affine = curve.bits, curve.affine
        self._base = self._comb = None

    def double(self, p):
        x, y, z = p
        m = self.p
        d = z * z % m
        g = y * y % m
        b = x * g % m << 2
        a = 3 * (x - d) * (x + d) % m
        x = (a * a - b - b) % m
        return x, (a * (b - x) - (g * g << 3)) % m, (y * z << 1) % m

    def add(self, p, q):
        """p + q, q affine."""
        x, y, z = p
        u, v = q
        if not z:
            return u, v, 1
        m = self.p
        d = z * z % m
        h = (u * d - x) % m
        w = (v * (d * z % m) - y) % m
        if not h:
            return self.zero if w else self.double(p)
        d = h * h % m
        u = x * d % m
        d = d * h % m
        x = (w * w - d - u - u) % m
        return x, (w * (u - x) - y * d) % m, z * h % m

    def neg(self, q):
        return q[0], self.p - q[1]

    def blind(self, q, urandom):
        """The same point with a random Z."""
        z = int.from_bytes(urandom(self.curve.size), "big") % self.p or 1
        r = self.r
        zz = r(z * z)
        return r(q[0] * zz), r(q[1] * r(zz * z)), z

    def table(self, q):
        """1, 3, 5 .. 15 times q."""
        two = self.affine(self.double((q[0], q[1], 1)))[0]
        yield
        p = (q[0], q[1], 1)
        out = [p]
        for _ in range(7):
            p = self.add(p, two)
            out.append(p)
        yield
        out = self.affine(*out)
        yield
        return out

    def base(self):
        if self._base is None:
            self._base = yield from self.table(self.curve.g)
        return self._base

    def comb(self):
        """Points for ladder.multiply_base: s columns, T[m] = 2^3s G +- 2^2s G +- 2^s G +- G."""
        if self._comb is None:
            data, n = self.curve.stored(), self.curve.size
            x = [int.from_bytes(data[i : i + n], "big") for i in range(0, 16 * n, n)]
            self._comb = [(x[i], x[i + 1]) for i in range(0, 16, 2)]
        return self._comb


_M521 = pow(2, 521) - 1


class _Points521(Points):
    """The same formulas with the reduction written out: one fold where the value is only
    multiplied again, two where it is kept. Half the time of big integers goes into the folds.
    """

    def double(self, p):
        x, y, z = p
        m = _M521
        d = z * z
        d = (d & m) + (d >> 521)
        a = 3 * (x - d) * (x + d)
        a = (a & m) + (a >> 521)
        z = y * z << 1
        z = (z & m) + (z >> 521)
        d = y * y
        d = (d & m) + (d >> 521)
        y = x * d << 2
        y = (y & m) + (y >> 521)
        x = a * a - y - y
        x = (x & m) + (x >> 521)
        x = (x & m) + (x >> 521)
        y = a * (y - x) - (d * d << 3)
        y = (y & m) + (y >> 521)
        return x, (y & m) + (y >> 521), z  # z: a bit longer with each doubling until `add`

    def add(self, p, q):
        x, y, z = p
        u, v = q
        if not z:
            return u, v, 1
        m = _M521
        d = z * z
        d = (d & m) + (d >> 521)
        h = u * d - x
        h = (h & m) + (h >> 521)
        d *= z
        d = (d & m) + (d >> 521)
        w = v * d - y
        w = (w & m) + (w >> 521)
        z *= h
        z = (z & m) + (z >> 521)
        z = (z & m) + (z >> 521)
        if not z or z == m:
            return self.double(p) if w % m == 0 else self.zero
        d = h * h
        d = (d & m) + (d >> 521)
        u = x * d
        u = (u & m) + (u >> 521)
        h *= d
        h = (h & m) + (h >> 521)
        x = w * w - h - u - u
        x = (x & m) + (x >> 521)
        x = (x & m) + (x >> 521)
        y = w * (u - x) - y * h
        y = (y & m) + (y >> 521)
        return x, (y & m) + (y >> 521), z


def Engine(curve):
    """What ec.py keeps for a curve."""
    return (_Points521 if curve.size == 66 else Points)(curve)


def multiply(curve, k, point, urandom):
    return ladder.multiply(curve.engine, k, point, urandom)


def multiply_base(curve, k, urandom):
    return ladder.multiply_base(curve.engine, k, urandom)


def verify_sum(curve, a, b, point):
    return ladder.verify_sum(curve.engine, a, b, point)
