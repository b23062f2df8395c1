# SPDX-License-Identifier: MIT
"""HMAC-DRBG (SHA-256, NIST SP 800-90A, 10.1.2), seeded by the port's source and a stored seed.

The source (`os.urandom` of the port) passes a start-up health test in the manner of SP 800-90B
4.4: no byte repeated too often in a row, none too often at all. The stored seed is mixed in and
replaced at once, before the first output, so that no boot ever starts from an old state. Without
a healthy source there is no output: `Unseeded`. It does not judge how much entropy a source that
looks random really has: the ring oscillator of an RP2040 is weak, hence the stored seed.
"""

from evcc.compat import const
from evcc.crypto.kdf import hmac

_SAMPLES = const(256)
_REPEATS = const(6)  # in a row: 2^-40 for a good source
_COMMON = const(16)  # of one value among 256: less than 2^-36 for a good source


class Unseeded(Exception):
    """Random bytes were asked for before a healthy seed came in."""


def health(sample):
    """None, or a text: what is wrong with these bytes of the source."""
    counts = bytearray(256)
    row = 0
    last = -1
    for b in sample:
        row = row + 1 if b == last else 1
        last = b
        if counts[b] < 255:
            counts[b] += 1
        if row >= _REPEATS:
            return "random source is stuck at 0x%02x" % b
        if counts[b] >= _COMMON + len(sample) // 32:
            return "random source prefers 0x%02x" % b
    if len(sample) < 64:
        return "random source gives too little"
    return None


class Rng:
    """`rng(n)` -> n random bytes. `rng.seed(source, stored, store)` once after boot.

    source(n) -> bytes; stored: the seed kept from the last boot (bytes, may be empty at the very
    first); store(bytes): keeps the next one in flash, called before any output.
    """

    def __init__(self):
        self.key = None
        self.count = 0
        self.failure = "not seeded"

    def _update(self, *data):
        for x in (b"\0", b"\1") if data else (b"\0",):
            self.key = hmac("sha256", self.key, self.value, x, *data)
            self.value = hmac("sha256", self.key, self.value)

    def seed(self, source, stored=b"", store=None, extra=b""):
        """True, or False with the reason in `failure`. `extra`: serial number, MAC: no secret."""
        sample = source(_SAMPLES)
        self.failure = health(sample)
        self.key = None
        if self.failure is None and sample == source(_SAMPLES):
            self.failure = "random source repeats itself"
        if self.failure:
            return False
        self.key = bytes(32)
        self.value = b"\1" * 32
        self._update(source(48), sample, stored, extra)
        self.source = source
        self.count = 0
        if store:
            store(self(32))
            self._update()
        return True

    def reseed(self):
        self._update(self.source(48))
        self.count = 0

    def __call__(self, n):
        if self.key is None:
            raise Unseeded(self.failure)
        self.count += 1
        if self.count > 10000:
            self.reseed()
        out = b""
        while len(out) < n:
            self.value = hmac("sha256", self.key, self.value)
            out += self.value
        self._update()
        return out[:n]
