# SPDX-License-Identifier: MIT
"""AES-128/256 (FIPS 197) without cryptolib: one 1 kB table, made at first use; viper: `_fast_aes`.

Table look-ups depend on secrets: on a processor with a data cache their timing is not constant.
"""

import struct

try:
    from evcc.crypto._fast_aes import encrypt as _fast
except (ImportError, SyntaxError):
    _fast = None

_cache = []


def _tables():
    """(sbox, t): t[x] = bytes 2s, s, s, 3s of s = sbox[x] as one word, in machine byte order."""
    if not _cache:
        sbox = bytearray(256)
        p = q = 1
        while True:  # p runs through all powers of 3, q through their inverses
            p = (p ^ (p << 1) ^ (0x11B if p & 0x80 else 0)) & 0xFF
            q ^= q << 1
            q ^= q << 2
            q = (q ^ (q << 4)) & 0xFF
            if q & 0x80:
                q ^= 0x09
            r = q * 0x101
            sbox[p] = (q ^ r >> 7 ^ r >> 6 ^ r >> 5 ^ r >> 4 ^ 0x63) & 0xFF
            if p == 1:
                break
        sbox[0] = 0x63
        t = bytearray(1024)
        for x in range(256):
            s = sbox[x]
            d = (s << 1) ^ (0x11B if s & 0x80 else 0)
            struct.pack_into("I", t, 4 * x, d << 24 | s << 16 | s << 8 | (d ^ s))
        _cache.append((bytes(sbox), bytes(t)))
    return _cache[0]


def expand(key):
    """Round keys as words in machine byte order; (rounds, bytearray)."""
    sbox, _ = _tables()
    n = len(key) // 4
    rounds = n + 6
    w = list(struct.unpack(">%dI" % n, key))
    rcon = 1
    for i in range(n, 4 * rounds + 4):
        x = w[i - 1]
        if i % n == 0:
            x = (x << 8 | x >> 24) & 0xFFFFFFFF
        if i % n == 0 or (n == 8 and i % n == 4):
            b = struct.pack(">I", x)
            x = int.from_bytes(bytes(sbox[c] for c in b), "big")
        if i % n == 0:
            x ^= rcon << 24
            rcon = (rcon << 1) ^ (0x11B if rcon & 0x80 else 0)
        w.append(w[i - n] ^ x)
    return rounds, struct.pack("%dI" % len(w), *w)


def _plain(buf, at, keys, rounds, sbox, table):
    """One block of `buf` at `at`, in place."""
    t = struct.unpack("256I", table)
    k = struct.unpack("%dI" % (4 * rounds + 4), keys)
    s = [x ^ y for x, y in zip(struct.unpack_from(">4I", buf, at), k)]
    for r in range(4, 4 * rounds, 4):
        n = []
        for i in range(4):
            b = t[(s[(i + 1) & 3] >> 16) & 255]
            c = t[(s[(i + 2) & 3] >> 8) & 255]
            d = t[s[(i + 3) & 3] & 255]
            x = t[s[i] >> 24] ^ (b >> 8 | b << 24) ^ (c >> 16 | c << 16) ^ (d >> 24 | d << 8)
            n.append((x & 0xFFFFFFFF) ^ k[r + i])
        s = n
    for i in range(4):
        x = sbox[s[i] >> 24] << 24 | sbox[(s[(i + 1) & 3] >> 16) & 255] << 16
        x |= sbox[(s[(i + 2) & 3] >> 8) & 255] << 8 | sbox[s[(i + 3) & 3] & 255]
        struct.pack_into(">I", buf, at + 4 * i, x ^ k[4 * rounds + i])


def encrypt(buf, keys, rounds):
    """Every 16-byte block of `buf` in place."""
    sbox, t = _tables()
    for at in range(0, len(buf), 16):
        (_fast or _plain)(buf, at, keys, rounds, sbox, t)
