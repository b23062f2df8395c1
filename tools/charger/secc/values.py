# SPDX-License-Identifier: MIT
"""RationalNumber and MessageHeader of ISO 15118-20 (V2G_CI_CommonTypes), both ways.

A value is Value x 10^Exponent with a 16-bit Value; any normalisation is legal on the wire, so
numbers are compared, never pairs.
"""


def rational(x):
    """The RationalNumber nearest to x: smallest exponent from -3 up that fits, no tail of zeros.

    Raises ValueError above 32767e9, which no field of a station needs.
    """
    for exponent in range(-3, 10):
        value = round(x * 10.0**-exponent)
        if -32768 <= value <= 32767:
            while value and value % 10 == 0 and exponent < 3:
                value, exponent = value // 10, exponent + 1
            return {"Exponent": exponent if value else 0, "Value": value}
    raise ValueError(f"{x}: too large for a RationalNumber")


def number(rational, default=None):
    """The RationalNumber as float; `default` when the field is absent."""
    if rational is None:
        return default
    return rational["Value"] * 10.0 ** rational["Exponent"]


def fields(**named):
    """Keyword arguments as RationalNumbers, those that are None left out."""
    return {name: rational(x) for name, x in named.items() if x is not None}
