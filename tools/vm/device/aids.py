# SPDX-License-Identifier: MIT
"""Random numbers that repeat, for tests only."""


def seeded(seed):
    """urandom that repeats: SHA-256 over seed and counter."""
    from hashlib import sha256

    state = [0]

    def urandom(n):
        out = b""
        while len(out) < n:
            state[0] += 1
            out += sha256(b"%s %d" % (seed, state[0])).digest()
        return out[:n]

    return urandom
