# SPDX-License-Identifier: MIT
"""GHASH and exclusive or in viper. 32-bit machines only."""

import sys

import micropython

if sys.maxsize > 0x7FFFFFFF:
    raise ImportError("written for 32-bit machine words")


@micropython.viper
def ghash(state, table, data, span):
    """state: 16 bytes, big endian; table: 16 entries of 4 words, then 16 reduction words."""
    s = ptr8(state)
    t = ptr32(table)
    d = ptr8(data)
    at = int(span[0])
    end = int(span[1])
    while at < end:
        n = end - at
        if n > 16:
            n = 16
        i = 0
        while i < n:
            s[i] = s[i] ^ d[at + i]
            i += 1
        at += 16
        a = b = c = e = uint(0)
        i = 31
        while i >= 0:
            x = s[i >> 1]
            if i & 1:
                x = x & 15
            else:
                x = x >> 4
            r = 64 + int(e & uint(15))
            x = x << 2
            e = ((e >> 4) | (c << 28)) ^ uint(t[x + 3])
            c = ((c >> 4) | (b << 28)) ^ uint(t[x + 2])
            b = ((b >> 4) | (a << 28)) ^ uint(t[x + 1])
            a = (a >> 4) ^ uint(t[x]) ^ uint(t[r])
            i -= 1
        i = 24
        x = 0
        while i >= 0:
            s[x] = int(a >> i)
            s[x + 4] = int(b >> i)
            s[x + 8] = int(c >> i)
            s[x + 12] = int(e >> i)
            i -= 8
            x += 1


@micropython.viper
def xor(buf, at: int, other, n: int):
    b = ptr8(buf)
    o = ptr8(other)
    i = 0
    while i < n:
        b[at + i] = b[at + i] ^ o[i]
        i += 1
