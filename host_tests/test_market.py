# SPDX-License-Identifier: MIT
"""Giving power back needs a row of the market profile and limits in the settings."""

import pytest
from evcc import market
from evcc.params import Params, SettingsError
from hypothesis import given
from hypothesis import strategies as st

ROWS = "DE CCS2 DC_BPT - 11000; DE CCS2 AC_BPT 11000 4600; * CCS2 GridForming - 3000"


def settings(**values):
    params = Params()
    values = {
        "market_region": "DE",
        "market_inlet": "CCS2",
        "market_profile": ROWS,
        "ev_discharge_power_W": 9000.0,
        "ev_discharge_current_A": 30.0,
        "ev_ac_discharge_power_W": 7000.0,
        **values,
    }
    profile = values.pop("market_profile")
    for name, value in values.items():
        params.set(name, value)
    params.market_profile = profile  # past the check that settings go through
    return params


def test_by_default_nothing_gives_power_back():
    params = Params()
    for name in ("DC", "AC", "MCS"):
        assert market.allowed(params, name) is None
    for name in ("DC_BPT", "AC_BPT", "MCS_BPT", "GridForming"):
        assert "market_profile" in market.allowed(params, name)


@pytest.mark.parametrize("name", ["DC_BPT", "AC_BPT", "GridForming", "DC", "AC"])
def test_a_row_and_limits_allow_it(name):
    assert market.allowed(settings(), name) is None


@pytest.mark.parametrize(
    "change, name, word",
    [
        ({"market_region": "FR"}, "DC_BPT", "'FR'"),
        ({"market_inlet": "NACS"}, "DC_BPT", "'NACS'"),
        ({}, "MCS_BPT", "MCS_BPT"),
        ({"ev_discharge_power_W": 0.0}, "DC_BPT", "ev_discharge_power_W"),
        ({"ev_discharge_current_A": 0.0}, "DC_BPT", "ev_discharge_current_A"),
        ({"ev_ac_discharge_power_W": 0.0}, "AC_BPT", "ev_ac_discharge_power_W"),
        ({"market_profile": "DE CCS2 DC_BPT - 0"}, "DC_BPT", "no discharge power"),
        ({"market_profile": "DE CCS2 DC_BPT 11000"}, "DC_BPT", "charge_W discharge_W"),
        ({"market_profile": "DE CCS2 DC_BPT - much"}, "DC_BPT", "'DE CCS2 DC_BPT - much'"),
        ({"market_profile": "DE CCS2 DC_BPT - nan"}, "DC_BPT", "nan"),
        ({"market_profile": "DE CCS2 DC_BPT - -1"}, "DC_BPT", "-1"),
    ],
)
def test_why_not_is_said(change, name, word):
    assert word in market.allowed(settings(**change), name)


@pytest.mark.parametrize(
    "name, value",
    [
        ("market_profile", "DE CCS2 DC_BPT 11000"),
        ("ems_departure", "7"),
        ("ems_departure", "25:00"),
        ("ems_cheap_hours", "22-06"),
        ("ems_sell_hours", "18:00-19:00;20:00-21:00"),
    ],
)
def test_settings_refuse_what_cannot_be_read(name, value):
    with pytest.raises(SettingsError, match=name):
        Params().set(name, value)


def test_a_region_for_all_is_no_region_left_out():
    assert market.allowed(settings(market_region="FR"), "GridForming") is None


def test_bands():
    assert market.band(settings(), "DC_BPT") == (None, 11000)
    assert market.band(settings(), "AC_BPT") == (11000, 4600)
    assert market.band(settings(), "DC") is None
    two = settings(market_profile="* * DC_BPT 5000 4000; DE CCS2 DC_BPT - 3000;")
    assert market.band(two, "DC_BPT") == (5000, 3000)
    two = settings(market_profile="* * DC_BPT - 2000; DE CCS2 DC_BPT 7000 3000")
    assert market.band(two, "DC_BPT") == (7000, 2000)


@given(st.text())
def test_any_text_is_judged_without_an_error(text):
    params = settings(market_profile=text)
    assert market.allowed(params, "DC") is None
    up, down = market.bands(params, False)
    assert down == 0 or market.allowed(params, "DC_BPT") is None
    result = market.allowed(params, "DC_BPT")
    assert result is None or isinstance(result, str)
