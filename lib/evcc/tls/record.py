# SPDX-License-Identifier: MIT
"""The record layer of TLS (RFC 8446, 5): framing and limits; for protection see protection.py.

Received bytes wait in one buffer that grows with the largest record; records are decrypted in it.
"""

import struct

from evcc.compat import const
from evcc.tls import TlsError

CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
_MAX = const(16384)
_KEEP = const(2048)
_FLOOD = 5 + _MAX + 256 + 4096  # what may wait while a public-key operation runs


class Records:
    """`feed(data)` bytes of the stream; `next()` -> (type, plaintext view) or None."""

    def __init__(self):
        self.buf = bytearray(_KEEP)
        self.at = self.end = 0
        self.out = bytearray(512)
        self.read = self.write = None  # a protection.Direction once keys are there
        self.limit = _MAX  # plaintext bytes in a record, both ways (max_fragment_length)
        self.ccs = True  # change_cipher_spec may still come

    def feed(self, data):
        n = len(data)
        if self.end + n > len(self.buf):
            used = self.end - self.at
            if used + n > _FLOOD:
                raise TlsError("record_overflow", "%d bytes are waiting" % (used + n))
            old, at = self.buf, self.at
            if used + n > len(old):
                size = used + n
                if used >= 5:  # a record of known length
                    size = max(size, 5 + struct.unpack_from(">H", old, at + 3)[0])
                self.buf = bytearray(min(_FLOOD, size))
            elif used == 0 and len(old) > 4 * _KEEP and n <= _KEEP:
                self.buf = bytearray(_KEEP)
            # Bit by bit: a copy of it all would need a second large piece of memory.
            for i in range(0, used, 256):
                end = min(i + 256, used)
                self.buf[i:end] = old[at + i : at + end]
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
            r = self.read
            protected = kind == (r.kind if r else DATA)
            if n > self.limit + (r.extra if r and protected else 0):
                raise TlsError("record_overflow", "record of %d bytes" % n)
            if self.end - at < 5 + n:
                return None
            self.at = at + 5 + n
            start = at + 5
            if kind == CCS:
                if not self.ccs or n != 1 or self.buf[start] != 1:
                    raise TlsError("unexpected_message", "change_cipher_spec")
                continue
            if protected != (r is not None):
                raise TlsError("unexpected_message", "record of type %d now" % kind)
            if r:
                head = bytes(self.buf[at:start])
                kind, n = r.open(head, self.buf, start, start + n, self.limit)
                if kind not in (ALERT, HANDSHAKE, DATA):
                    raise TlsError("unexpected_message", "protected record of type %d" % kind)
            if n == 0 and kind != DATA:
                raise TlsError("unexpected_message", "empty record of type %d" % kind)
            return kind, memoryview(self.buf)[start : start + n]

    def seal(self, kind, *parts):
        """One record with the parts (<= limit in all): a view, valid until the next call."""
        w = self.write
        n = sum([len(part) for part in parts])
        if w:
            n += w.overhead
        if len(self.out) < n + 5:
            self.out = bytearray(n + 5)
        out = self.out
        end = 5
        for part in parts:
            out[end : end + len(part)] = part
            end += len(part)
        struct.pack_into(">BHH", out, 0, w.kind if w else kind, 0x0303, n)
        if w:
            w.seal(bytes(out[:5]), kind, out, 5, end)
        return memoryview(out)[: 5 + n]
