# SPDX-License-Identifier: MIT
"""HMAC (RFC 2104), HKDF (RFC 5869), and the choice of the best hash this Python has.

`sha(name, data)` has update(data) and digest(); of a TLS transcript see tls/keys.py.
"""

try:
    import hashlib
except ImportError:
    hashlib = None

SIZE = {"sha256": 32, "sha384": 48, "sha512": 64, "sha1": 20}


def sha(name, data=b""):
    """A running hash "sha256", "sha384" or "sha512": hashlib's when it has that name."""
    h = getattr(hashlib, name, None)
    if h:
        return h(data)
    from evcc.crypto.sha2 import Sha2

    return Sha2(name, data)


def digest(name, *parts):
    if name == "sha1" and not hasattr(hashlib, name):
        from evcc.crypto.sha1 import sha1

        return sha1(b"".join(bytes(p) for p in parts))
    h = sha(name)
    for p in parts:
        h.update(p)
    return h.digest()


def _pad(key, x, size):
    n = int.from_bytes(bytes(key), "big") << 8 * (size - len(key))
    return (n ^ int.from_bytes(bytes((x,)) * size, "big")).to_bytes(size, "big")


def hmac(name, key, *parts):
    """HMAC over the parts, one after the other."""
    size = 64 if name == "sha256" else 128
    if len(key) > size:
        key = digest(name, key)
    return digest(name, _pad(key, 0x5C, size), digest(name, _pad(key, 0x36, size), *parts))


def hkdf_extract(name, salt, secret):
    return hmac(name, salt or bytes(SIZE[name]), secret)


def hkdf_expand(name, key, info, length):
    """At most 255 hash lengths."""
    out = t = b""
    i = 1
    while len(out) < length:
        t = hmac(name, key, t, info, bytes((i,)))
        out += t
        i += 1
    return out[:length]
