# SPDX-License-Identifier: MIT
"""How an input of several parts is written: records of length (2 bytes), mode (1), content."""

import struct


def records(data):
    """(mode, content) of each record"""
    at = 0
    while at + 3 <= len(data):
        n = data[at] << 8 | data[at + 1]
        yield data[at + 2], data[at + 3 : at + 3 + n]
        at += 3 + n


def pack(*items):
    """The input that `records` takes apart into these (mode, content)."""
    return b"".join(struct.pack(">HB", len(c), m) + c for m, c in items)
