# SPDX-License-Identifier: MIT
"""RationalNumber of ISO 15118-20 and our floats: the one place where values cross to the wire.

value = Value (16 bit, signed) x 10^Exponent (8 bit, signed). Compare numbers, never pairs.
"""

from evcc.compat import const
from evcc.reasons import V2GError

_MOST = const(1e9)  # nothing in a charging session is larger; a peer that says so is wrong


def rational(value, out=None):
    """A RationalNumber of `value`, rounded to 3 decimals or to 16 bits; written to `out` if given.

    Saturates at 32767e9 rather than wrapping.
    """
    if out is None:
        out = {}
    exponent = 0
    if value != int(value):
        exponent = -3
        value *= 1000
    while not -32767.5 < value < 32767.5:
        value /= 10
        exponent += 1
        if exponent > 9:
            value = 32767 if value > 0 else -32767
    out["Exponent"] = exponent
    out["Value"] = int(value + 0.5) if value >= 0 else -int(0.5 - value)
    return out


def number(pair):
    """The float of a RationalNumber dict. Raises V2GError when it is beyond reason."""
    exponent = pair["Exponent"]
    if -10 < exponent < 10:
        value = pair["Value"]
        value = value * 10**exponent if exponent >= 0 else value / 10**-exponent
        if -_MOST <= value <= _MOST:
            return value
    elif exponent < 0 or not pair["Value"]:
        return 0.0
    raise V2GError("UNDECODABLE", "RationalNumber %de%d" % (pair["Value"], exponent))


def optional(message, name, default=None):
    """number(message[name]) or `default` where the field is absent."""
    pair = message.get(name)
    return default if pair is None else number(pair)
