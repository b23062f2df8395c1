# SPDX-License-Identifier: MIT
"""Settings: what is understood, and that everything else is refused with line and reason."""

import pytest
from evcc import params, params_board, params_ems
from evcc.params import Params, SettingsError, load, parse_mac

from tools import settings_table


def test_subset_of_toml():
    text = """
# a comment
evccid = "TEST # not a comment"   # one
ev_soc = 30          # an integer where a float is wanted
sdp_tls = false
cable_check_s=60
ev_capacity_Wh = 77_000.5
"""
    p = load(text)
    assert p.evccid == "TEST # not a comment" and p.ev_soc == 30.0 and p.sdp_tls is False
    assert p.cable_check_s == 60 and p.ev_capacity_Wh == 77000.5
    assert p.control_mode == "Dynamic"  # default


@pytest.mark.parametrize(
    "line, words",
    [
        ("colour = 3", "unknown key 'colour'"),
        ("cable_check_s = 39", "outside 40..120 s"),
        ("cable_check_s = 121", "outside"),
        ("cable_check_s = 50.0", "whole number"),
        ("cable_check_s = true", "whole number"),
        ('sdp_tls = "yes"', "true or false"),
        ("control_mode = 'Dynamic'", "no text"),
        ('control_mode = "dynamic"', "none of Dynamic, Scheduled"),
        ("tls_max_fragment = 700", "none of 0, 512"),
        ("ev_soc = nan", "no text, number"),
        ("ev_soc = inf", "no text, number"),
        ("ev_soc =", "form key = value"),
        ("ev_soc 4", "form key = value"),
        ('evccid = "abc', "closing quote"),
        ('evccid = "a" b', "after the value"),
        ('evccid = "a\\\\n"', "backslash"),
        ('mac = "01:00:00:00:00:01"', "unicast"),
        ('mac = "02:00"', "unicast"),
        ("[table]", "form key = value"),
        ("ev_soc = 40\nev_soc = 50", "set twice"),
    ],
)
def test_refused_with_line_and_reason(line, words):
    with pytest.raises(SettingsError) as error:
        load("# first\n" + line, source="x.toml")
    assert words in str(error.value)
    assert "x.toml line %d" % (2 + line.count("\n")) in str(error.value)


def test_table_is_sound():
    table = settings_table.rows()
    assert len(table) == sum(len(m.TABLE) for m in (params, params_board, params_ems))
    names = [row[0] for row in table]
    assert len(names) == len(set(names))
    for name, default, low, high, _unit, text in table:
        assert text, name
        Params().set(name, default)
        assert (high is None) == (low is None or isinstance(low, tuple)), name


def test_mac():
    assert parse_mac("02:00:00:0e:0e:01") == bytes.fromhex("0200000e0e01")
