# SPDX-License-Identifier: MIT
"""Signals in frames, against cantools; and the lines that describe them."""

import cantools
import pytest
from cantools.database.can import Message, Signal
from cantools.database.conversion import BaseConversion
from evcc import can_map
from evcc.can_port import EXTENDED
from hypothesis import given
from hypothesis import strategies as st

NAMES = {"in": ["a", "b"], "out": ["c", "d"]}


@st.composite
def places(draw):
    """start, length, order, signed of a signal that lies within 8 bytes."""
    length = draw(st.integers(1, 64))
    little = draw(st.booleans())
    if little:
        start = draw(st.integers(0, 64 - length))
    else:
        top = draw(st.integers(0, 64 - length))  # bits from the very first one
        start = top // 8 * 8 + 7 - top % 8
    return start, length, little, draw(st.booleans())


def ours(start, length, little, signed):
    return can_map.Place(f"{start}|{length}@{int(little)}{'-' if signed else '+'}")


def theirs(start, length, little, signed):
    signal = Signal(
        "s",
        start,
        length,
        byte_order="little_endian" if little else "big_endian",
        is_signed=signed,
        conversion=BaseConversion.factory(),
    )
    return Message(1, "m", 8, [signal])


@pytest.mark.shows("CAN signals, DBC files", peer="cantools")
@given(places(), st.binary(min_size=8, max_size=8))
def test_every_place_reads_as_cantools_reads_it(place, data):
    assert ours(*place).get(data) == theirs(*place).decode(data)["s"]


@pytest.mark.shows("CAN signals, DBC files", peer="cantools")
@given(places(), st.integers(0, 2**64 - 1))
def test_every_place_writes_as_cantools_writes_it(place, number):
    _, length, _, signed = place
    raw = number % (1 << length) - (1 << length - 1 if signed else 0)
    data = bytearray(8)
    ours(*place).put(data, raw)
    assert bytes(data) == theirs(*place).encode({"s": raw})


def test_a_value_that_does_not_fit_saturates():
    for word, raw, wanted in (("0|8@1+", 300, 255), ("0|8@1+", -3, 0), ("0|8@1-", -300, -128)):
        place, data = can_map.Place(word), bytearray(8)
        place.put(data, raw)
        assert place.get(data) == wanted


def test_lines():
    text = """
    # a comment
    in  a 0x351  0|16@1+ (0.1,-5) [-5|1000] 500 # volts
    in  b 0x18FF50E5x 7|8@0- (1,0) [-128|127] 100 when 8|8@1+ = 3
    out c 2022 0|4@1+ (1,0) [0|15] 100
    out d 2022 4|4@1+ (1,0) [0|15] 100
    """
    found = can_map.load(text.split("\n"), NAMES)
    a, b = found["in"]
    assert (a.name, a.identifier, a.ms) == ("a", 0x351, 500)
    assert b.identifier == EXTENDED | 0x18FF50E5
    a.take(bytes((0x10, 0x27, 0, 0, 0, 0, 0, 0)), 2, 7)
    assert a.value == pytest.approx(995) and a.seen == 7
    b.take(bytes((5, 4, 0, 0, 0, 0, 0, 0)), 8, 7)
    assert b.value is None
    b.take(bytes((0xFB, 3, 0, 0, 0, 0, 0, 0)), 8, 7)
    assert b.value == -5
    data = bytearray(8)
    for signal, value in zip(found["out"], (99, None)):
        signal.give(data, value)
    assert data[0] == 15


def test_stale_implausible_and_short_frames():
    (signal,) = can_map.load(["in a 0x351 0|16@1+ (1,0) [0|100] 500"], NAMES)["in"]
    good, bad = bytes((7, 0, 0, 0, 0, 0, 0, 0)), bytes((0, 7, 0, 0, 0, 0, 0, 0))
    assert signal.stale(0) == "a: CAN frame 0x351 never came"
    signal.take(good, 1, 10)  # one byte is not the signal
    assert signal.stale(10) == "a: CAN frame 0x351 never came"
    signal.take(good, 2, 10)
    assert signal.stale(510) is None
    assert signal.stale(511) == "a: CAN frame 0x351 stopped coming"
    signal.take(bad, 2, 400)
    assert signal.value == 7 and signal.stale(510) is None
    assert signal.stale(511) == "a: 1792.0 is outside 0.0..100.0"


@pytest.mark.parametrize(
    "line, problem",
    [
        ("in a 0x351 0|16@1+ (1,0) [0|100]", "7 words wanted"),
        ("into a 0x351 0|16@1+ (1,0) [0|100] 500", "'into' is neither in nor out"),
        ("in c 0x351 0|16@1+ (1,0) [0|100] 500", "no signal 'c' in; there are a b"),
        ("in a 0x800 0|16@1+ (1,0) [0|100] 500", "0x800 is no identifier"),
        ("in a x 0|16@1+ (1,0) [0|100] 500", "invalid literal"),
        ("in a 0x351 0|16@2+ (1,0) [0|100] 500", "'0|16@2+' is no place"),
        ("in a 0x351 60|16@1+ (1,0) [0|100] 500", "'60|16@1+' is not within 8 bytes"),
        ("in a 0x351 56|16@0+ (1,0) [0|100] 500", "'56|16@0+' is not within 8 bytes"),
        ("in a 0x351 0|16@1+ (0,0) [0|100] 500", "a factor of 0"),
        ("in a 0x351 0|16@1+ 1,0 [0|100] 500", "'1,0' is no pair like (0,1)"),
        ("in a 0x351 0|16@1+ (1,0) [100|100] 500", "an empty range"),
        ("in a 0x351 0|16@1+ (1,0) [0|100] 5", "5 ms is outside"),
        ("in a 0x351 0|16@1+ (1,0) [0|100] 500 when 0|8@1+ is 3", "'when PLACE = VALUE'"),
        ("in a 1 0|8@1+ (1,0) [0|1] 500\nin a 2 0|8@1+ (1,0) [0|1] 500", "a: comes twice"),
        ("out c 1 0|8@1+ (1,0) [0|1] 500\nout d 1 8|8@1+ (1,0) [0|1] 50", "two rates"),
    ],
)
def test_bad_lines_are_refused_with_their_number(line, problem):
    with pytest.raises(can_map.MapError) as error:
        can_map.load(("# here\n" + line).split("\n"), NAMES, "my.txt")
    assert problem in str(error.value)
    assert str(error.value).startswith(f"my.txt line {line.count(chr(10)) + 2}: ")


def test_a_dbc_of_cantools_is_read_the_same():
    """The written form of the place is DBC's own."""
    place = theirs(7, 16, False, True).signals[0]
    database = cantools.database.Database([theirs(7, 16, False, True)])
    assert f" s : {place.start}|{place.length}@0- (1,0)" in database.as_dbc_string()
