# SPDX-License-Identifier: MIT
"""ChaCha20-Poly1305 (RFC 8439), in place on a bytearray; same interface as gcm.AesGcm.

The block function has a viper kernel in `_fast_chacha`; Poly1305 uses big integers.
"""

import struct

from evcc.compat import const
from evcc.crypto.gcm import Aead

try:
    from evcc.crypto._fast_chacha import block as _fast
except (ImportError, SyntaxError):
    _fast = None

_P = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
_QUARTERS = const(
    b"\x00\x04\x08\x0c\x01\x05\x09\x0d\x02\x06\x0a\x0e\x03\x07\x0b\x0f"
    b"\x00\x05\x0a\x0f\x01\x06\x0b\x0c\x02\x07\x08\x0d\x03\x04\x09\x0e"
)


def _block(state, out):
    m = 0xFFFFFFFF
    s = struct.unpack("<16I", state)
    x = list(s)
    for _ in range(10):
        for i in range(0, 32, 4):
            a, b, c, d = _QUARTERS[i : i + 4]
            for n1, n2 in ((16, 12), (8, 7)):
                x[a] = (x[a] + x[b]) & m
                v = x[d] ^ x[a]
                x[d] = (v << n1 | v >> (32 - n1)) & m
                x[c] = (x[c] + x[d]) & m
                v = x[b] ^ x[c]
                x[b] = (v << n2 | v >> (32 - n2)) & m
    for i in range(16):
        struct.pack_into("<I", out, 4 * i, (x[i] + s[i]) & m)


class ChaCha20Poly1305(Aead):
    """Key of 32 bytes, nonce of 12."""

    def __init__(self, key):
        if len(key) != 32:
            raise ValueError("ChaCha20 key of %d bytes" % len(key))
        self.state = bytearray(b"expand 32-byte k" + bytes(key) + bytes(16))
        self.out = bytearray(64)

    def _next(self, counter, nonce=None):
        if nonce is not None:
            self.state[52:64] = nonce
        struct.pack_into("<I", self.state, 48, counter)
        if _fast:
            _fast(self.state, self.out, _QUARTERS)
        else:
            _block(self.state, self.out)

    def _tag(self, nonce, aad, buf, start, end):
        self._next(0, nonce)
        r = int.from_bytes(self.out[:16], "little") & _CLAMP
        s = int.from_bytes(self.out[16:32], "little")
        a = 0
        lengths = struct.pack("<QQ", len(aad), end - start)
        for data, i, stop in ((aad, 0, len(aad)), (buf, start, end), (lengths, 0, 16)):
            while i < stop:
                n = int.from_bytes(bytes(data[i : min(i + 16, stop)]), "little")
                a = (a + n + (1 << 128)) * r % _P  # zero padded to 16: the bit stands at 128
                i += 16
        return ((a + s) & ((1 << 128) - 1)).to_bytes(16, "little")

    def _crypt(self, nonce, buf, start, end):
        n = 1
        for at in range(start, end, 64):
            self._next(n, nonce)
            n += 1
            k = min(64, end - at)
            x = int.from_bytes(bytes(buf[at : at + k]), "little")
            x ^= int.from_bytes(self.out[:k], "little")
            buf[at : at + k] = x.to_bytes(k, "little")
