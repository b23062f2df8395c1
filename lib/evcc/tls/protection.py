# SPDX-License-Identifier: MIT
"""Protection of records in TLS 1.3 (RFC 8446, 5.2 to 5.5): AEAD, inner type, padding, new keys.

What `record.Records` uses to seal and open; another version has another such class.
"""

from evcc.crypto import aead, hkdf_expand
from evcc.tls import TlsError

# suite: AEAD, key bytes, hash, name
SUITES = {
    0x1302: ("aes-gcm", 32, "sha384", "TLS_AES_256_GCM_SHA384"),
    0x1303: ("chacha20-poly1305", 32, "sha256", "TLS_CHACHA20_POLY1305_SHA256"),
    0x1301: ("aes-gcm", 16, "sha256", "TLS_AES_128_GCM_SHA256"),
}


def expand_label(name, secret, label, context, length):
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(label),)) + label
    return hkdf_expand(name, secret, info + bytes((len(context),)) + context, length)


class Direction:
    """Traffic keys of one direction: secret, sequence number, AEAD."""

    kind = 23  # the type that all protected records have outside
    extra = 256  # bytes by which a record may be longer than its content

    def __init__(self, suite, secret):
        self.suite = suite
        self.set(secret)

    def set(self, secret):
        kind, size, name, _ = SUITES[self.suite]
        self.secret = secret
        self.aead = aead(kind, expand_label(name, secret, b"key", b"", size))
        self.iv = expand_label(name, secret, b"iv", b"", 12)
        self.number = 0
        self.nonce_buf = bytearray(self.iv)
        self.overhead = 1 + self.aead.overhead  # bytes that `seal` adds

    def update(self):
        """Next generation of application keys (7.2)."""
        name = SUITES[self.suite][2]
        self.set(expand_label(name, self.secret, b"traffic upd", b"", len(self.secret)))

    def nonce(self):
        n = self.nonce_buf
        x = self.number
        self.number += 1
        for i in range(11, 3, -1):
            n[i] = self.iv[i] ^ (x & 255)
            x >>= 8
        return bytes(n)

    def open(self, head, buf, start, end, limit):
        """(type, bytes) of the plaintext that is then at `start`. TlsError."""
        n = end - start - self.aead.overhead
        if n < 1 or not self.aead.open(self.nonce(), head, buf, start, start + n):
            raise TlsError("bad_record_mac", "record does not decrypt")
        if n > limit + 1:
            raise TlsError("record_overflow", "record of %d bytes" % n)
        while n and not buf[start + n - 1]:
            n -= 1
        if not n:
            raise TlsError("unexpected_message", "record of padding only")
        n -= 1
        return buf[start + n], n

    def seal(self, head, kind, buf, start, end):
        """Protect buf[start:end] of a type in place; `overhead` bytes behind it are free."""
        buf[end] = kind
        self.aead.seal(self.nonce(), head, buf, start, end + 1)
