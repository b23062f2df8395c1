# SPDX-License-Identifier: MIT
"""The slot for a C module: firmware that has `_evcc_crypto` gets it used, function by function.

What the C module may offer (plain calls, bytes in and out, secrets and signatures as in
`evcc.crypto`; ValueError for a bad key or point):
    aead(name, key) -> object with seal and open as in gcm.AesGcm
    public(kind, secret), agree(kind, secret, peer), sign(kind, hash, secret, message),
    verify(kind, hash, key, message, signature) -> bool
A function it lacks, or that raises NotImplementedError for this kind, runs in Python.

kind: "P-256", "P-521", "X448", "Ed448". Secrets: 32, 66, 56, 57 bytes, big-endian scalars for the
first two; public keys 04 X Y (65, 133 bytes) or 56, 57 bytes; agree gives 32, 66, 56 bytes. hash:
"sha256", "sha384", "sha512", None for Ed448; ECDSA signatures in DER, nonces by RFC 6979. bytes,
bytearrays and memoryviews come in. It draws its own random numbers for blinding. A call is not cut
into slices, so it should take less than 100 ms.
"""

import _evcc_crypto as _c

from evcc.crypto import pure
from evcc.crypto.pure import random_secret  # noqa: F401


def aead(name, key):
    try:
        return _c.aead(name, key)
    except (AttributeError, NotImplementedError):
        return pure.aead(name, key)


def _steps(name, args, urandom):
    try:
        return getattr(_c, name)(*args)
    except (AttributeError, NotImplementedError):
        pass
    return (yield from getattr(pure, name)(*(args + urandom)))


def public(kind, secret, urandom):
    return _steps("public", (kind, secret), (urandom,))


def agree(kind, secret, peer, urandom):
    return _steps("agree", (kind, secret, peer), (urandom,))


def sign(kind, name, secret, message, urandom):
    return _steps("sign", (kind, name, secret, message), (urandom,))


def verify(kind, name, key, message, signature):
    return _steps("verify", (kind, name, key, message, signature), ())
