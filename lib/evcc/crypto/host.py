# SPDX-License-Identifier: MIT
"""The backend for CPython with the package `cryptography`: fast and constant time."""

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, x448
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from evcc.crypto.pure import random_secret  # noqa: F401

_CURVES = {"P-256": ec.SECP256R1, "P-521": ec.SECP521R1}
_HASHES = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


class _Aead:
    overhead = 16

    def __init__(self, cipher):
        self.cipher = cipher

    def seal(self, nonce, aad, buf, start, end):
        buf[start : end + 16] = self.cipher.encrypt(
            bytes(nonce), bytes(buf[start:end]), bytes(aad)
        )

    def open(self, nonce, aad, buf, start, end):
        try:
            data = self.cipher.decrypt(bytes(nonce), bytes(buf[start : end + 16]), bytes(aad))
        except InvalidTag:
            return False
        buf[start:end] = data
        return True


def aead(name, key):
    return _Aead((ChaCha20Poly1305 if name == "chacha20-poly1305" else AESGCM)(bytes(key)))


def _private(kind, secret):
    if kind in _CURVES:
        return ec.derive_private_key(int.from_bytes(bytes(secret), "big"), _CURVES[kind]())
    return (x448.X448PrivateKey if kind == "X448" else ed448.Ed448PrivateKey).from_private_bytes(
        bytes(secret)
    )


def _public(kind, data):
    if kind in _CURVES:
        if data[:1] != b"\x04":
            raise ValueError("not an uncompressed point")
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[kind](), bytes(data))
    return (x448.X448PublicKey if kind == "X448" else ed448.Ed448PublicKey).from_public_bytes(
        bytes(data)
    )


def public(kind, secret, urandom):
    if False:
        yield
    p = _private(kind, secret).public_key()
    if kind in _CURVES:
        return p.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return p.public_bytes(Encoding.Raw, PublicFormat.Raw)


def agree(kind, secret, peer, urandom):
    if False:
        yield
    key = _private(kind, secret)
    if kind in _CURVES:
        return key.exchange(ec.ECDH(), _public(kind, peer))
    return key.exchange(_public(kind, peer))


def sign(kind, name, secret, message, urandom):
    if False:
        yield
    if kind in _CURVES:
        # the pure backend's nonces are those of RFC 6979 too
        return _private(kind, secret).sign(
            bytes(message), ec.ECDSA(_HASHES[name](), deterministic_signing=True)
        )
    return _private(kind, secret).sign(bytes(message))


def verify(kind, name, key, message, signature):
    if False:
        yield
    try:
        p = _public(kind, key)
        if kind in _CURVES:
            p.verify(bytes(signature), bytes(message), ec.ECDSA(_HASHES[name]()))
        else:
            p.verify(bytes(signature), bytes(message))
    except InvalidSignature:
        return False
    return True
