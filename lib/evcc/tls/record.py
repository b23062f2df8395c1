# SPDX-License-Identifier: MIT
"""The record layer of TLS 1.3 (RFC 8446, 5): framing, protection, padding, limits.

Received bytes wait in one buffer that grows with the largest record; records are decrypted in it.
"""

import struct

from evcc.crypto import aead
from evcc.tls import TlsError
from evcc.tls.keys import SUITES, expand_label

CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
_MAX = 16384
_KEEP = 2048
_FLOOD = 5 + _MAX + 256 + 4096  # what may wait while a public-key operation runs


class Direction:
    """Traffic keys of one direction: secret, sequence number, AEAD."""

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


class Records:
    """`feed(data)` bytes of the stream; `next()` -> (type, plaintext view) or None."""

    def __init__(self):
        self.buf = bytearray(_KEEP)
        self.at = self.end = 0
        self.out = bytearray(512)
        self.read = self.write = None  # Direction once protected
        self.limit = _MAX  # plaintext bytes in a record, both ways (max_fragment_length)
        self.ccs = True  # change_cipher_spec may still come

    def feed(self, data):
        n = len(data)
        if self.end + n > len(self.buf):
            used = self.end - self.at
            if used + n > _FLOOD:
                raise TlsError("record_overflow", "%d bytes are waiting" % (used + n))
            keep = self.buf[self.at : self.end]
            if used + n > len(self.buf):
                size = used + n
                if used >= 5:  # a record of known length
                    size = max(size, 5 + struct.unpack_from(">H", keep, 3)[0])
                self.buf = bytearray(min(_FLOOD, size))
            elif used == 0 and len(self.buf) > 4 * _KEEP and n <= _KEEP:
                self.buf = bytearray(_KEEP)
            self.buf[:used] = keep
            self.at, self.end = 0, used
        self.buf[self.end : self.end + n] = data
        self.end += n

    def next(self):
        """TlsError for a record that must end the connection."""
        while True:
            at = self.at
            if self.end - at < 5:
                return None
            kind, version, n = struct.unpack_from(">BHH", self.buf, at)
            if kind not in (CCS, ALERT, HANDSHAKE, DATA) or version >> 8 != 3:
                raise TlsError("unexpected_message", "not a TLS record (type %d)" % kind)
            protected = kind == DATA
            if n > (self.limit + 256 if protected else self.limit):
                raise TlsError("record_overflow", "record of %d bytes" % n)
            if self.end - at < 5 + n:
                return None
            self.at = at + 5 + n
            start = at + 5
            if kind == CCS:
                if not self.ccs or n != 1 or self.buf[start] != 1:
                    raise TlsError("unexpected_message", "change_cipher_spec")
                continue
            if protected != (self.read is not None):
                raise TlsError("unexpected_message", "record of type %d now" % kind)
            if protected:
                kind, n = self._open(at, start, n)
            if n == 0 and kind != DATA:
                raise TlsError("unexpected_message", "empty record of type %d" % kind)
            return kind, memoryview(self.buf)[start : start + n]

    def _open(self, at, start, n):
        r = self.read
        n -= r.aead.overhead
        head = bytes(self.buf[at:start])
        if n < 1 or not r.aead.open(r.nonce(), head, self.buf, start, start + n):
            raise TlsError("bad_record_mac", "record does not decrypt")
        if n > self.limit + 1:
            raise TlsError("record_overflow", "record of %d bytes" % n)
        while n and not self.buf[start + n - 1]:
            n -= 1
        if not n:
            raise TlsError("unexpected_message", "record of padding only")
        n -= 1
        kind = self.buf[start + n]
        if kind not in (ALERT, HANDSHAKE, DATA):
            raise TlsError("unexpected_message", "protected record of type %d" % kind)
        return kind, n

    def waiting(self):
        """Bytes that came after the record read last."""
        return self.end - self.at

    def seal(self, kind, data):
        """One record with `data` (<= limit): a view, valid until the next call."""
        n = len(data)
        w = self.write
        if w:
            n += 1 + w.aead.overhead
        if len(self.out) < n + 5:
            self.out = bytearray(n + 5)
        out = self.out
        out[5 : 5 + len(data)] = data
        struct.pack_into(">BHH", out, 0, DATA if w else kind, 0x0303, n)
        if w:
            end = 5 + len(data)
            out[end] = kind
            w.aead.seal(w.nonce(), bytes(out[:5]), out, 5, end + 1)
        return memoryview(out)[: 5 + n]
