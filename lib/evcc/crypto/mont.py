# SPDX-License-Identifier: MIT
"""Scalar multiplication on P-256 and P-521 as programs for the kernel `_fast_field`.

The same three generators as in ladder.py, with its recodings, on a file of registers instead of
big integers: no garbage, and field operations whose time does not depend on the values. Points
are Jacobian, y^2 = x^3 - 3x + b. The formulas do not know equal or opposite points: they give
Z = 0 and stay there; no random scalar meets them, and a crafted signature is then verified by
ladder.py.
"""

import struct

from evcc.compat import const, forget
from evcc.crypto._fast_field import execute
from evcc.crypto.scalar import naf

_NAMES = const("pk.01uXYZABCDEFGN")  # registers; 0, 1 (in Montgomery's form) and u, plain 1
_ONE = const(4)
_PLAIN = const(5)
_X = const(6)
_Y = const(7)
_Z = const(8)
_N = const(16)
_TABLE = const(17)  # eight points of three registers
_COMB = const(41)  # eight of two
_COUNT = const(57)
_HERE = const("xyzs")  # in a program: the point added, and y or -y; numbers from 250


def _program(text):
    """Words "*dab", "+dab", "-dab" as bytes, and where the point to add stands in them."""
    out = bytearray()
    for word in text.split():
        out.append("?*+-".index(word[0]))
        for c in word[1:]:
            out.append(250 + _HERE.index(c) if c in _HERE else _NAMES.index(c))
    spots = [[i for i, b in enumerate(out) if b == 250 + k] for k in range(4)]
    out.append(0)
    return out, spots


_DOUBLE = const(
    "*DZZ *GYY *BXG -AXD +EXD *AAE +EAA +AAE +BBB +BBB +EBB *FAA -XFE +EEB -EEF "
    "*ZYZ +ZZZ *GGG +GGG +GGG +GGG *YAE -YYG "
)
_MIXED = const(
    "-N0y *DZZ *ADx -AXA *DDZ *BDs -BYB *ZZA *DAA *EXD *AAD *FBB +FFA +GEE -XFG "
    "+EEG -EEF *EBE *AYA -YEA "
)
_once = _program(_DOUBLE)[0]
_four = _program(_DOUBLE * 4)[0]
_mixed = _program(_MIXED)
_general = _program("*Czz *XXC *CCz *YYC " + _MIXED + "*ZZz")
_load = _program("-N0y *Xx1 *Ys1 *Zz1")
_blind = _program("*DZZ *XXD *DDZ *YYD")[0]


def _file(p, n, count):
    """Registers for arithmetic modulo p, n words each: the header, p, 16 p, and `count` more."""
    x = 1
    for _ in range(5):
        x = x * (2 - p * x) & 0xFFFFFFFF  # 1 / p
    size = 4 * n
    regs = bytearray(32 + (2 + count) * size)
    struct.pack_into("6I", regs, 0, n, -x & 0xFFFFFFFF, size, 0, 0, (n - 1) // 2)
    regs[32 : 32 + size] = p.to_bytes(size, "little")
    regs[32 + size : 32 + 2 * size] = (16 * p).to_bytes(size, "little")
    return regs


def proved():
    """Does the kernel, on this very processor, multiply and subtract rightly?"""
    p = (1 << 256) - 189
    a = p // 3
    regs = _file(p, 9, 4)
    regs[140:176] = a.to_bytes(36, "little")
    execute(b"\1\4\3\3\3\5\3\4\2\5\5\3\0", regs)  # b = a * a; a - b + 16 p + a
    b, c = [int.from_bytes(regs[at : at + 36], "little") for at in (176, 212)]
    return ((b << 288) - a * a) % p == 0 and c == 2 * a - b + 16 * p


class Engine:
    """Registers of one curve. A value v is kept as v * 2^(32 n) mod p, n words."""

    def __init__(self, curve):
        n = curve.bits // 32 + 1  # 23 bits or more to spare: sums need no reduction
        self.p, self.size, self.bytes = curve.p, 4 * n, curve.size
        self.regs = _file(curve.p, n, _COUNT - 2)
        self._set(_PLAIN, 1)
        self.put(_ONE, 1)
        data, size = curve.stored(), curve.size
        for i in range(16):
            self.put(_COMB + i, int.from_bytes(data[i * size : (i + 1) * size], "big"))
        forget("evcc.crypto.comb_p521", "evcc.crypto.comb_p256")

    def _set(self, i, value):
        at = 32 + i * self.size
        self.regs[at : at + self.size] = value.to_bytes(self.size, "little")

    def put(self, i, value):
        self._set(i, (value << 8 * self.size) % self.p)

    def get(self, i):
        execute(bytes((1, 9, i, _PLAIN, 0)), self.regs)
        at = 32 + 9 * self.size
        return int.from_bytes(self.regs[at : at + self.size], "little") % self.p

    def point(self):
        return self.get(_X), self.get(_Y), self.get(_Z)

    def run(self, program, x, z, negative=0):
        """Execute a program about the point in registers x, x + 1, z."""
        code, spots = program
        for i in spots[0]:
            code[i] = x
        for i in spots[1]:
            code[i] = x + 1
        for i in spots[2]:
            code[i] = z
        s = (x + 1, _N)[negative]
        for i in spots[3]:
            code[i] = s
        execute(code, self.regs)

    def blind(self, urandom):
        """Another Z for the point in X, Y."""
        self.put(_Z, int.from_bytes(urandom(self.bytes), "big") % self.p or 1)
        execute(_blind, self.regs)

    def keep(self, i):
        """X, Y, Z as entry i of the table."""
        i = _TABLE + 3 * i
        code = (1, i, _X, _ONE, 1, i + 1, _Y, _ONE, 1, i + 2, _Z, _ONE, 0)
        execute(bytes(code), self.regs)

    def table(self):
        """1, 3 .. 15 times the point in X, Y, Z."""
        self.keep(0)
        execute(_once, self.regs)
        self.keep(7)
        self.run(_general, _TABLE, _TABLE + 2)
        for i in range(1, 7):
            self.keep(i)
            self.run(_general, _TABLE + 21, _TABLE + 23)
        self.keep(7)


def _odd(curve, k, urandom):
    """Blinded and odd."""
    n = curve.n
    k += (int.from_bytes(urandom(4), "big") | 0x80000000) * n
    return (k, k + n)[~k & 1]


def multiply(curve, k, point, urandom):
    """k * point, 1 <= k < n secret: always four doublings and one addition."""
    e = curve.engine
    e.put(_X, point[0])
    e.put(_Y, point[1])
    e.blind(urandom)
    e.table()
    yield
    t = (curve.bits + 32) // 4 + 1
    k = _odd(curve, k, urandom)
    i = 4 * t - 4
    x = _TABLE + 3 * (k >> (i + 1))
    e.run(_load, x, x + 2)
    while i:
        i -= 4
        if i & 12 == 0:
            yield
        d = ((k >> (i + 1)) & 15) * 2 - 15
        execute(_four, e.regs)
        x = _TABLE + 3 * ((d if d > 0 else -d) >> 1)
        e.run(_general, x, x + 2, d < 0)
    return e.point()


def _column(k, i, s):
    """Register of the comb's point for bits i, i + s .., and whether it is to be negated."""
    d = (k >> i & 1) | (k >> (i + s) & 1) << 1 | (k >> (i + 2 * s) & 1) << 2
    top = k >> (i + 3 * s) & 1
    return _COMB + 2 * (d ^ (7 * (1 - top))), 1 - top


def _signs(curve, k):
    """(k as bits of +1 and -1, columns of the comb); k odd."""
    s = (curve.bits + 36) // 4
    return (k + (1 << 4 * s) - 1) >> 1, s


def multiply_base(curve, k, urandom):
    """k * G, 1 <= k < n secret: always one doubling and one addition."""
    e = curve.engine
    k, s = _signs(curve, _odd(curve, k, urandom))
    i = s - 1
    x, negative = _column(k, i, s)
    e.run(_load, x, _ONE, negative)
    e.blind(urandom)
    while i:
        i -= 1
        execute(_once, e.regs)
        x, negative = _column(k, i, s)
        e.run(_mixed, x, 0, negative)
        if i & 7 == 0:
            yield
    return e.point()


def verify_sum(curve, a, b, point):
    """a * G + b * point; public values only."""
    e = curve.engine
    e.put(_X, point[0])
    e.put(_Y, point[1])
    e.put(_Z, 1)
    e.table()
    yield
    k, s = _signs(curve, (a, a + curve.n)[~a & 1])
    digits = naf(b)
    i = max(len(digits), s)
    code = _load  # the first point is loaded, all others are added
    while i:
        i -= 1
        if code is not _load:
            execute(_once, e.regs)
        d = digits[i] - 16 if i < len(digits) else 0
        if d:
            x = _TABLE + 3 * (abs(d) >> 1)
            e.run(code, x, x + 2, d < 0)
            code = _general
        if i < s:
            x, negative = _column(k, i, s)
            e.run(_load if code is _load else _mixed, x, _ONE, negative)
            code = _general
        if i & 15 == 0:
            yield
    p = e.point()
    if not p[2]:
        from evcc.crypto import jacobian, ladder

        p = yield from ladder.verify_sum(jacobian.Engine(curve), a, b, point)
    return p
