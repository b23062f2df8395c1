# SPDX-License-Identifier: MIT
"""X448 (RFC 7748): Montgomery ladder with a fixed pattern and blinded start, on big integers."""

from evcc.crypto.scalar import inverse

# pow: shifts would be folded, and stored as 135 digits
_M = pow(2, 448) - 1
P = _M - pow(2, 224)


def r(x):
    """x mod P. One division beats three folds of big integers on MicroPython."""
    return x % P


def multiply(k, u, urandom):
    """Steps -> 56 bytes: scalar times u coordinate, both 56 bytes."""
    if len(k) != 56 or len(u) != 56:
        raise ValueError("x448: 56 bytes needed")
    k = int.from_bytes(bytes(k), "little") & (_M - 3) | pow(2, 447)
    u = int.from_bytes(bytes(u), "little") % P
    z = int.from_bytes(urandom(56), "little") % P or 1
    x2, z2, x3, z3 = 1, 0, r(u * z), z
    s = 0
    for i in range(447, -1, -1):
        b = k >> i & 1
        s ^= b
        x2, x3 = (x2, x3, x2)[s : s + 2]
        z2, z3 = (z2, z3, z2)[s : s + 2]
        s = b
        a, b = x2 + z2, x2 - z2
        c, d = r((x3 - z3) * a), r((x3 + z3) * b)
        a, b = r(a * a), r(b * b)
        x3, z3 = c + d, d - c
        x3, z3 = r(x3 * x3), r(u * r(z3 * z3))
        c = a - b
        x2, z2 = r(a * b), r(c * (a + 39081 * c))
        if i & 3 == 0:
            yield
    if s:
        x2, z2 = x3, z3
    z2 %= P
    x2 = x2 * inverse(z2, P) % P if z2 else 0
    return x2.to_bytes(56, "little")


def agree(secret, public, urandom):
    """Steps -> shared secret; ValueError when the peer's value is of small order."""
    out = yield from multiply(secret, public, urandom)
    if not any(out):
        raise ValueError("x448: shared secret is zero")
    return out


def public(secret, urandom):
    return multiply(secret, b"\x05" + bytes(55), urandom)
