# SPDX-License-Identifier: MIT
"""SHA-512 compression in viper: 64-bit words as pairs (hi, lo). 32-bit machines only."""

import sys

import micropython

if sys.maxsize > 0x7FFFFFFF:
    raise ImportError("written for 32-bit machine words")


@micropython.viper
def block(state, k, work, data, at: int):
    """One block of 128 bytes at data[at]; state: 8 pairs; k: 80 pairs; work: 192 bytes."""
    h = ptr32(state)
    kk = ptr32(k)
    w = ptr32(work)
    d = ptr8(data)
    i = 0
    while i < 32:
        j = at + (i << 2)
        w[i] = (d[j] << 24) | (d[j + 1] << 16) | (d[j + 2] << 8) | d[j + 3]
        i += 1
    i = 0
    while i < 16:
        w[32 + i] = h[i]
        i += 1
    t = 0
    while t < 80:
        p = (t & 15) << 1
        if t > 15:
            # w[t] += sigma0(w[t-15]) + w[t-7] + sigma1(w[t-2])
            q = (p + 2) & 31
            xh = uint(w[q])
            xl = uint(w[q + 1])
            yh = ((xh >> 1) | (xl << 31)) ^ ((xh >> 8) | (xl << 24)) ^ (xh >> 7)
            yl = ((xl >> 1) | (xh << 31)) ^ ((xl >> 8) | (xh << 24)) ^ ((xl >> 7) | (xh << 25))
            lo = uint(w[p + 1])
            hi = uint(w[p]) + yh
            lo += yl
            if lo < yl:
                hi += uint(1)
            q = (p + 18) & 31
            yl = uint(w[q + 1])
            hi += uint(w[q])
            lo += yl
            if lo < yl:
                hi += uint(1)
            q = (p + 28) & 31
            xh = uint(w[q])
            xl = uint(w[q + 1])
            yh = ((xh >> 19) | (xl << 13)) ^ ((xl >> 29) | (xh << 3)) ^ (xh >> 6)
            yl = ((xl >> 19) | (xh << 13)) ^ ((xh >> 29) | (xl << 3)) ^ ((xl >> 6) | (xh << 26))
            hi += yh
            lo += yl
            if lo < yl:
                hi += uint(1)
            w[p] = int(hi)
            w[p + 1] = int(lo)
        # the eight variables live in w[32..47], rotating by t: a at 32 + ((0 - t) & 7) * 2
        o = 0 - t - t
        q = 32 + ((o + 14) & 15)
        hi = uint(w[q]) + uint(kk[t + t])
        lo = uint(w[q + 1])
        yl = uint(kk[t + t + 1])
        lo += yl
        if lo < yl:
            hi += uint(1)
        hi += uint(w[p])
        yl = uint(w[p + 1])
        lo += yl
        if lo < yl:
            hi += uint(1)
        q = 32 + ((o + 8) & 15)
        xh = uint(w[q])
        xl = uint(w[q + 1])
        hi += ((xh >> 14) | (xl << 18)) ^ ((xh >> 18) | (xl << 14)) ^ ((xl >> 9) | (xh << 23))
        yl = ((xl >> 14) | (xh << 18)) ^ ((xl >> 18) | (xh << 14)) ^ ((xh >> 9) | (xl << 23))
        lo += yl
        if lo < yl:
            hi += uint(1)
        q = 32 + ((o + 10) & 15)
        i = 32 + ((o + 12) & 15)
        yh = uint(w[i])
        yl = uint(w[i + 1])
        hi += yh ^ (xh & (yh ^ uint(w[q])))
        yl = yl ^ (xl & (yl ^ uint(w[q + 1])))
        lo += yl
        if lo < yl:
            hi += uint(1)
        # d += t1
        q = 32 + ((o + 6) & 15)
        yl = uint(w[q + 1]) + lo
        yh = uint(w[q]) + hi
        if yl < lo:
            yh += uint(1)
        w[q] = int(yh)
        w[q + 1] = int(yl)
        # h = t1 + Sigma0(a) + maj(a, b, c)
        q = 32 + (o & 15)
        xh = uint(w[q])
        xl = uint(w[q + 1])
        hi += ((xh >> 28) | (xl << 4)) ^ ((xl >> 2) | (xh << 30)) ^ ((xl >> 7) | (xh << 25))
        yl = ((xl >> 28) | (xh << 4)) ^ ((xh >> 2) | (xl << 30)) ^ ((xh >> 7) | (xl << 25))
        lo += yl
        if lo < yl:
            hi += uint(1)
        q = 32 + ((o + 2) & 15)
        i = 32 + ((o + 4) & 15)
        yh = uint(w[q])
        yl = uint(w[q + 1])
        hi += (xh & yh) | (uint(w[i]) & (xh | yh))
        yl = (xl & yl) | (uint(w[i + 1]) & (xl | yl))
        lo += yl
        if lo < yl:
            hi += uint(1)
        q = 32 + ((o + 14) & 15)
        w[q] = int(hi)
        w[q + 1] = int(lo)
        t += 1
    i = 0
    while i < 16:
        lo = uint(h[i + 1])
        yl = uint(w[33 + i])
        hi = uint(h[i]) + uint(w[32 + i])
        lo += yl
        if lo < yl:
            hi += uint(1)
        h[i] = int(hi)
        h[i + 1] = int(lo)
        i += 2
