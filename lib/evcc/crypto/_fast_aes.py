# SPDX-License-Identifier: MIT
"""AES block encryption in viper, for VMs without cryptolib. 32-bit machines only."""

import sys

import micropython

if sys.maxsize > 0x7FFFFFFF:
    raise ImportError("written for 32-bit machine words")


@micropython.viper
def _encrypt(buf, at: int, keys, rounds: int, tables):
    b = ptr8(buf)
    k = ptr32(keys)
    sbox = ptr8(tables[0])
    t = ptr32(tables[1])
    o = at
    s0 = uint((b[o] << 24) | (b[o + 1] << 16) | (b[o + 2] << 8) | b[o + 3]) ^ uint(k[0])
    o += 4
    s1 = uint((b[o] << 24) | (b[o + 1] << 16) | (b[o + 2] << 8) | b[o + 3]) ^ uint(k[1])
    o += 4
    s2 = uint((b[o] << 24) | (b[o + 1] << 16) | (b[o + 2] << 8) | b[o + 3]) ^ uint(k[2])
    o += 4
    s3 = uint((b[o] << 24) | (b[o + 1] << 16) | (b[o + 2] << 8) | b[o + 3]) ^ uint(k[3])
    o = 4
    end = rounds * 4
    x0 = x1 = x2 = x3 = uint(0)
    while o < end:
        y = uint(t[(s1 >> 16) & 255])
        z = uint(t[(s2 >> 8) & 255])
        v = uint(t[s3 & 255])
        x0 = uint(t[s0 >> 24]) ^ ((y >> 8) | (y << 24)) ^ ((z >> 16) | (z << 16))
        x0 = x0 ^ ((v >> 24) | (v << 8)) ^ uint(k[o])
        y = uint(t[(s2 >> 16) & 255])
        z = uint(t[(s3 >> 8) & 255])
        v = uint(t[s0 & 255])
        x1 = uint(t[s1 >> 24]) ^ ((y >> 8) | (y << 24)) ^ ((z >> 16) | (z << 16))
        x1 = x1 ^ ((v >> 24) | (v << 8)) ^ uint(k[o + 1])
        y = uint(t[(s3 >> 16) & 255])
        z = uint(t[(s0 >> 8) & 255])
        v = uint(t[s1 & 255])
        x2 = uint(t[s2 >> 24]) ^ ((y >> 8) | (y << 24)) ^ ((z >> 16) | (z << 16))
        x2 = x2 ^ ((v >> 24) | (v << 8)) ^ uint(k[o + 2])
        y = uint(t[(s0 >> 16) & 255])
        z = uint(t[(s1 >> 8) & 255])
        v = uint(t[s2 & 255])
        x3 = uint(t[s3 >> 24]) ^ ((y >> 8) | (y << 24)) ^ ((z >> 16) | (z << 16))
        x3 = x3 ^ ((v >> 24) | (v << 8)) ^ uint(k[o + 3])
        s0 = x0
        s1 = x1
        s2 = x2
        s3 = x3
        o += 4
    i = 0
    while i < 4:
        y = uint(k[o + i])
        b[at] = sbox[s0 >> 24] ^ int(y >> 24)
        b[at + 1] = sbox[(s1 >> 16) & 255] ^ int(y >> 16)
        b[at + 2] = sbox[(s2 >> 8) & 255] ^ int(y >> 8)
        b[at + 3] = sbox[s3 & 255] ^ int(y)
        x0 = s0
        s0 = s1
        s1 = s2
        s2 = s3
        s3 = x0
        at += 4
        i += 1


def encrypt(buf, at, keys, rounds, sbox, table):
    _encrypt(buf, at, keys, rounds, (sbox, table))
