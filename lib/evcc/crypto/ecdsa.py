# SPDX-License-Identifier: MIT
"""ECDSA (FIPS 186-5) with deterministic nonces (RFC 6979), signatures in DER or raw.

`sign` and `verify` are generators (see ladder.py). The inversion of the nonce is blinded.
"""

from evcc.crypto.ec import multiply_base, verify_sum
from evcc.crypto.kdf import SIZE, digest, hmac
from evcc.crypto.scalar import inverse


def _number(c, h):
    """Leftmost bits of a hash as an integer."""
    x = int.from_bytes(h, "big")
    extra = 8 * len(h) - c.bits
    return x >> extra if extra > 0 else x


def _nonces(c, name, d, z):
    """RFC 6979, 3.2; None where a slice of work ends."""
    size = SIZE[name]
    seed = d.to_bytes(c.size, "big") + (z % c.n).to_bytes(c.size, "big")
    k = bytes(size)
    v = b"\x01" * size
    for x in (b"\0", b"\1"):
        k = hmac(name, k, v, x, seed)
        v = hmac(name, k, v)
        yield
    while True:
        t = b""
        while 8 * len(t) < c.bits:
            v = hmac(name, k, v)
            t += v
        x = _number(c, t)
        if 0 < x < c.n:
            yield x
        k = hmac(name, k, v, b"\0")
        v = hmac(name, k, v)


def sign(c, name, secret, message, urandom):
    """Steps -> DER signature of `message` hashed with `name`."""
    d = c.scalar(secret)
    n = c.n
    z = _number(c, digest(name, message))
    for k in _nonces(c, name, d, z):
        yield
        if k is None:
            continue
        p = yield from multiply_base(c, k, urandom)
        yield
        r = c.affine(p)[0][0] % n
        yield  # an inverse is 20 ms of an RP2350
        b = c.random(urandom)
        s = inverse(k * b % n, n) * ((b * z + (b * d % n) * r) % n) % n
        if r and s:
            break
    return pack(r, s)


def verify(c, name, public, message, signature):
    """Steps -> bool. `signature` in DER. ValueError for a bad public point."""
    q = c.load(public)
    try:
        r, s = unpack(signature)
    except (ValueError, IndexError):
        return False
    n = c.n
    if not (0 < r < n and 0 < s < n):
        return False
    yield
    w = inverse(s, n)
    yield
    z = _number(c, digest(name, message))
    p = yield from verify_sum(c, z * w % n, r * w % n, q)
    x, _, z = p
    zz = z * z % c.p
    # x / z^2 mod n is r, where x / z^2 < p: compared without a division
    return bool(z) and any((x - k * zz) % c.p == 0 for k in (r, r + n) if k < c.p)


def _head(n):
    return bytes((n,)) if n < 128 else bytes((0x81, n))


def pack(r, s):
    """DER SEQUENCE of two INTEGERs."""
    out = b""
    for x in (r, s):
        b = x.to_bytes(67, "big")
        i = 0
        while i < 66 and b[i] == 0 and b[i + 1] < 128:
            i += 1
        out += b"\x02" + _head(67 - i) + b[i:]
    return b"\x30" + _head(len(out)) + out


def unpack(data):
    """(r, s) from strict DER; ValueError, IndexError."""
    data = bytes(data)

    def head(tag, at):
        n = data[at + 1]
        if data[at] != tag or n > 0x81 or n == 0x80 or (n == 0x81 and data[at + 2] < 128):
            raise ValueError("not DER")
        return (data[at + 2], at + 3) if n == 0x81 else (n, at + 2)

    n, at = head(0x30, 0)
    if at + n != len(data):
        raise ValueError("length")
    out = []
    for _ in range(2):
        n, at = head(2, at)
        b = data[at : at + n]
        if n < 1 or len(b) != n or b[0] > 127 or (n > 1 and b[0] == 0 and b[1] < 128):
            raise ValueError("integer")
        out.append(int.from_bytes(b, "big"))
        at += n
    if at != len(data):
        raise ValueError("length")
    return out
