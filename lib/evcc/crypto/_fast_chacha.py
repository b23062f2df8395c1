# SPDX-License-Identifier: MIT
"""The ChaCha20 block function in viper. 32-bit machines only, little endian."""

import sys

import micropython

if sys.maxsize > 0x7FFFFFFF or sys.byteorder != "little":
    raise ImportError("written for 32-bit little-endian machine words")


@micropython.viper
def block(state, out, quarters):
    s = ptr32(state)
    x = ptr32(out)
    q = ptr8(quarters)
    i = 0
    while i < 16:
        x[i] = s[i]
        i += 1
    n = 0
    while n < 10:
        i = 0
        while i < 32:
            a = uint(x[q[i]])
            b = uint(x[q[i + 1]])
            c = uint(x[q[i + 2]])
            d = uint(x[q[i + 3]])
            a += b
            d = d ^ a
            d = (d << 16) | (d >> 16)
            c += d
            b = b ^ c
            b = (b << 12) | (b >> 20)
            a += b
            d = d ^ a
            d = (d << 8) | (d >> 24)
            c += d
            b = b ^ c
            b = (b << 7) | (b >> 25)
            x[q[i]] = int(a)
            x[q[i + 1]] = int(b)
            x[q[i + 2]] = int(c)
            x[q[i + 3]] = int(d)
            i += 4
        n += 1
    i = 0
    while i < 16:
        x[i] = x[i] + s[i]
        i += 1
