# SPDX-License-Identifier: MIT
"""The key schedule of TLS 1.3 (RFC 8446, 7), the transcript hash (4.4.1), the ephemeral key."""

from evcc import crypto
from evcc.crypto import SIZE, digest, hkdf_extract, hmac, sha
from evcc.tls.profile import GROUPS
from evcc.tls.protection import expand_label


def ephemeral(t, group):
    """Steps -> the public share; the secret stays in t.ephemeral."""
    kind = GROUPS[group]
    t.ephemeral = crypto.random_secret(kind, t.urandom)
    return (yield from crypto.public(kind, t.ephemeral, t.urandom))


class Transcript:
    """Hash of all handshake messages; can be read (`digest`) up to six times on the way."""

    def __init__(self):
        self.first = b""  # until the hash is known
        self.hashes = None

    def update(self, data):
        if self.hashes is None:
            self.first += bytes(data)
            return
        for h in self.hashes:
            h.update(data)

    def start(self, name, retry=False):
        """The suite is known. retry: what came so far was the first hello of two (4.4.1)."""
        if self.hashes is None:
            # MicroPython's hashlib objects can be read only once: one for each reading
            self.hashes = [sha(name)]
            if not hasattr(self.hashes[0], "copy"):
                self.hashes += [sha(name) for _ in range(6)]
            first = self.first
            self.first = b""
            if retry:
                h = digest(name, first)
                first = b"\xfe\0\0" + bytes((len(h),)) + h
            self.update(first)

    def digest(self):
        h = self.hashes
        return (h[0] if len(h) == 1 else h.pop()).digest()


class Schedule:
    """early -> handshake -> master secret; hands out traffic secrets and says them to `log`."""

    def __init__(self, name, random, log):
        self.name, self.random, self.log = name, random, log
        self.secret = hkdf_extract(name, b"", bytes(SIZE[name]))

    def next(self, value=None):
        n = self.name
        salt = self.derive(b"derived", digest(n))
        self.secret = hkdf_extract(n, salt, value or bytes(SIZE[n]))

    def derive(self, label, context):
        return expand_label(self.name, self.secret, label, context, SIZE[self.name])

    def traffic(self, label, context, log_label):
        s = self.derive(label, context)
        if self.log:
            hexed = ["".join("%02x" % b for b in x) for x in (self.random, s)]
            self.log("%s %s %s" % (log_label, hexed[0], hexed[1]))
        return s

    def finished(self, secret, context):
        n = self.name
        return hmac(n, expand_label(n, secret, b"finished", b"", SIZE[n]), context)
