# SPDX-License-Identifier: MIT
"""RationalNumber: rounding, saturation, and refusal of nonsense."""

import pytest
from evcc.iso20.units import number, rational
from evcc.reasons import V2GError
from hypothesis import given
from hypothesis import strategies as st


@given(st.floats(-1e9, 1e9))
def test_round_trip_keeps_four_digits(value):
    pair = rational(value)
    assert -32768 <= pair["Value"] <= 32767 and -3 <= pair["Exponent"] <= 9
    assert number(pair) == pytest.approx(value, rel=2e-4, abs=6e-4)


@pytest.mark.parametrize(
    "value, back", [(400.2, 400.2), (3000, 3000), (3.75e6, 3.75e6), (350000, 350000), (0, 0)]
)
def test_examples(value, back):
    assert number(rational(value)) == back


def test_saturates():
    assert rational(1e20)["Value"] == 32767 and rational(-1e20)["Value"] == -32767


@pytest.mark.parametrize("exponent, value", [(127, 1), (9, 32767), (10, -1), (127, -32768)])
def test_nonsense_is_refused(exponent, value):
    with pytest.raises(V2GError):
        number({"Exponent": exponent, "Value": value})


@given(st.integers(-128, 127), st.integers(-32768, 32767))
def test_any_pair_gives_a_number_or_v2gerror(exponent, value):
    try:
        assert abs(number({"Exponent": exponent, "Value": value})) <= 1e9
    except V2GError:
        pass


def test_writes_in_place():
    out = {}
    assert rational(1.5, out) is out and number(out) == 1.5
