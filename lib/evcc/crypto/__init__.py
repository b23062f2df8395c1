# SPDX-License-Identifier: MIT
"""Cryptography behind one small interface: hashes, HKDF, AEAD, and four kinds of keys.

kind: "P-256" "P-521" "X448" "Ed448". Secrets: big-endian scalars (32, 66 bytes) or the RFCs' raw
bytes (56, 57); public keys: 04 X Y or raw. Signatures: DER for ECDSA, 114 bytes for Ed448.
`public`, `agree`, `sign`, `verify` are generators that yield every few ms of work and return the
result: `run(verify(...))` when nothing else waits. A bad key or point is a ValueError.

`aead("aes-gcm" | "chacha20-poly1305", key)` works in place, see gcm.AesGcm. Backends: a C module
`_evcc_crypto`, else the package `cryptography`, else Python; `use(name)` chooses.
"""

from evcc.crypto.kdf import (  # noqa: F401
    SIZE,
    digest,
    hkdf_expand,
    hkdf_extract,
    hmac,
    sha,
)

_b = []
_guard = []


def guard(closed):
    """`closed()`: whether contactors are closed. Then nothing here runs in one piece: only
    generators that somebody steps between two exchanges.
    """
    _guard[:] = [closed]


def closed():
    return bool(_guard) and _guard[0]()


def run(steps):
    """Run such a generator to its end: its return value. RuntimeError with contactors closed."""
    if closed():
        raise RuntimeError("public-key work in one piece while contactors are closed")
    try:
        while True:
            next(steps)
    except StopIteration as e:
        return e.value


def use(name):
    """Choose the backend: "native", "host", "pure"; ImportError when it is not here."""
    if name == "native":
        from evcc.crypto import native as m
    elif name == "host":
        from evcc.crypto import host as m
    else:
        from evcc.crypto import pure as m
    _b[:] = [m]
    return m


def backend():
    """The backend's module in use; its choice is made at the first call."""
    for name in () if _b else ("native", "host", "pure"):
        try:
            use(name)
            break
        except ImportError:
            pass
    return _b[0]


def aead(name, key):
    return backend().aead(name, key)


def random_secret(kind, urandom):
    return backend().random_secret(kind, urandom)


def public(kind, secret, urandom):
    """Steps -> public key of a secret."""
    return backend().public(kind, secret, urandom)


def agree(kind, secret, peer, urandom):
    """Steps -> shared secret of ECDH or X448; `urandom` blinds."""
    return backend().agree(kind, secret, peer, urandom)


def sign(kind, name, secret, message, urandom):
    """Steps -> signature of `message` (hashed with `name`; None for Ed448)."""
    return backend().sign(kind, name, secret, message, urandom)


def verify(kind, name, key, message, signature):
    """Steps -> bool."""
    return backend().verify(kind, name, key, message, signature)
