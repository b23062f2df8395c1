# SPDX-License-Identifier: MIT
"""The backend in Python (viper kernels where the VM has them); loads only what is asked for."""

from evcc.compat import const

_CURVES = const(("P-256", "P-521"))


def _curve(kind):
    from evcc.crypto.ec import curve

    return curve(kind)


def aead(name, key):
    if name == "chacha20-poly1305":
        from evcc.crypto.chacha import ChaCha20Poly1305

        return ChaCha20Poly1305(key)
    from evcc.crypto.gcm import AesGcm

    return AesGcm(key)


def random_secret(kind, urandom):
    if kind in _CURVES:
        c = _curve(kind)
        return c.random(urandom).to_bytes(c.size, "big")
    return urandom(56 if kind == "X448" else 57)


def public(kind, secret, urandom):
    if kind in _CURVES:
        return _curve(kind).public(secret, urandom)
    if kind == "X448":
        from evcc.crypto import x448 as m
    else:
        from evcc.crypto import ed448 as m
    return m.public(secret, urandom)


def agree(kind, secret, peer, urandom):
    if kind in _CURVES:
        return _curve(kind).agree(secret, peer, urandom)
    from evcc.crypto import x448

    return x448.agree(secret, peer, urandom)


def sign(kind, name, secret, message, urandom):
    if kind in _CURVES:
        from evcc.crypto import ecdsa

        return ecdsa.sign(_curve(kind), name, secret, message, urandom)
    from evcc.crypto import ed448

    return ed448.sign(secret, message, urandom)


def verify(kind, name, key, message, signature):
    if kind in _CURVES:
        from evcc.crypto import ecdsa

        return ecdsa.verify(_curve(kind), name, key, message, signature)
    from evcc.crypto import ed448

    return ed448.verify(key, message, signature)
