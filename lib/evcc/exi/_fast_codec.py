# SPDX-License-Identifier: MIT
"""Viper kernels of the codec: what the two of them keep, and the rules for both.

The whole walk of a message is one function each way, in _fast_decode.py and _fast_encode.py. Same
rules as `plain`, for the usual forms only: whatever is not (an error, an escape, a full array
in the wide form, characters beyond ASCII, KeyInfo) ends the kernel without result, and `plain`
decides or names the error. Viper ints are machine words; 32 bits are assumed.

The first three variables live in registers, hence the arguments' order; acc and x come in with
anything. The last argument, `st`, is the list that `state` makes.
"""

import struct
import sys
from array import array

import uctypes

from evcc.compat import const

if sys.maxsize > 0x7FFFFFFF:
    raise ImportError("32-bit kernels")

# occurrence index -> max; 0 unbounded; index 1 has min 2
_MAX = const((1, 255, 0, 2, 3, 4, 5, 6, 8, 10, 16, 20, 24, 32, 128, 255, 1024, 2048))

_bases = bytearray(128)


def addresses(tabs, base):
    """Where record 0 would lie if the table of a page began there, for every page."""
    for i in range(32):
        if tabs[i] is not None:
            at = uctypes.addressof(tabs[i]) - 4 * base[i] & 0xFFFFFFFF
            struct.pack_into("<I", _bases, 4 * i, at)


def _big(high, b, a, more, sign):
    n = (high << 28 | b) << 28 | a if more > 1 else high << 28 | b
    return -n - 1 if sign else n


def state(tabs, base, names, name, index):
    """What the kernels need and keep."""
    empty = [{}.copy]
    for n in range(1, 17):
        room = {}.fromkeys(("a",) * n)  # n places, one taken
        del room["a"]
        empty.append(room.copy)
    addresses(tabs, base)
    ints = bytearray(4 * (64 + len(_MAX)))
    struct.pack_into("<19I", ints, 4 * 63, 64, *_MAX)
    return [
        _bases,  # 0
        names,
        [None] * 60,  # 2, stack of objects
        ints,  # 3, stack of ints; at 63 the size of the scratch buffer, from 64 on _MAX
        bytearray(64),  # 4, scratch buffer
        {name(0): 0, name(1): 0}.copy,  # 5, makes a RationalNumber
        empty,  # 6, makes a dict with room for so many
        name,
        uctypes.bytes_at,  # 8
        uctypes.bytearray_at,
        str,  # 10
        (False, True),
        _big,  # 12
        array("O", (None, True, False)),  # 13, to see the word that is an object; then those two
        None,  # 14
        index,
        28,  # 16
        type,
    ]
