# SPDX-License-Identifier: MIT
"""The Internet checksum (RFC 1071, RFC 8200 section 8.1) over any buffer, any Python.

`add` sums 16-bit big-endian words; a total fits 31 bits for anything an Ethernet frame holds. All
sums are modulo 0xFFFF: a packet is good when the sum over pseudo header and segment, checksum
included, is a multiple of 0xFFFF. It does not know where the pseudo header is: callers start their
total with upper-layer length + next header.
"""

try:
    from evcc.net._fast_checksum import add
except (ImportError, SyntaxError):

    def add(data, total):
        """total + the sum of the 16-bit words of `data` (odd length: a zero byte follows), mod
        0xFFFF.
        """
        # 2**16 = 1 mod 0xFFFF: the remainder of a long number is the sum. Not too long a number: a
        # full heap has small pieces only.
        for i in range(0, len(data), 64):
            part = data[i : i + 64]
            v = int.from_bytes(part, "big")
            total += (v << 8 if len(part) & 1 else v) % 0xFFFF
        return total


def field(total):
    """The checksum field that makes a packet good whose words, with 0 in it, sum up to `total`."""
    return 0xFFFE - (total - 1) % 0xFFFF
