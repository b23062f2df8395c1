# SPDX-License-Identifier: MIT
"""Scenario files: what is read, and what a wrong file tells its author."""

import sys

import pytest

from tools.charger.scenario import ScenarioError, load, loads
from tools.charger.toml_lines import TomlError, parse

GOOD = """\
title = "wrong id # in the loop"   # a comment

[station]
services = ["DC_BPT", "DC"]
max_power_W = 22000
prices = false

[power]
steps = [
  [0, 11000],   # charge
  [60, -7000],  # discharge
]
ramp_W_s = 5000
stop_s = 120
stop = "Pause"

[[fault]]
at = "DC_ChargeLoop"
nth = 5
do = "session_id"

[[fault]]
after_s = 2.5
do = "notify"
notification = "Terminate"
"""


def test_good_file():
    scenario = loads(GOOD)
    assert scenario.title == "wrong id # in the loop"
    assert scenario.config.services == ["DC_BPT", "DC"]
    assert scenario.config.max_power_W == 22000 and scenario.config.prices is False
    assert scenario.plan.steps == [(0, 11000), (60, -7000)]
    assert (scenario.plan.ramp_W_s, scenario.plan.stop_s, scenario.plan.stop) == (
        5000,
        120,
        "Pause",
    )
    faults = scenario.faults().faults
    assert [str(f) for f in faults] == [
        "session_id at DC_ChargeLoop 5",
        "notify notification=Terminate delay_s=0 after 2.5 s",
    ]
    assert scenario.faults() is not scenario.faults()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_same_reading_as_tomllib():
    import tomllib

    tables, lines = parse(GOOD)
    whole = tomllib.loads(GOOD)
    for name, table in tables.items():
        wanted = whole[name] if name else {"title": whole["title"]}
        assert table == wanted
    assert lines[("power", "ramp_W_s")] == 13 and lines[("fault", 1, "do")] == 24


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("name = 1", 1, "unknown key 'name'; allowed: title"),
        ("\n[stattion]\n", 2, "unknown table [stattion]; allowed: station, power, fault"),
        ("[station]\nmax_power = 3", 2, "unknown setting 'max_power'; known: evse_id"),
        ("[station]\n\nmax_power_W = -3", 3, "max_power_W: -3 is outside 0..3750000"),
        ('[station]\nservices = ["WPT"]', 2, "allowed: AC, DC, AC_BPT, DC_BPT, MCS, MCS_BPT"),
        ('[station]\nprices = "no"', 2, "'no' is not a bool"),
        ("[power]\nsteps = 3", 2, "steps"),
        ("[power]\nsteps = [[5, 100]]", 2, "the first step must be at 0 s, not at 5 s"),
        ("[power]\nsteps = [[0, 1], [9, 2], [4, 3]]", 2, "times must rise: 4 s comes after 9 s"),
        ("[power]\nramp_W_s = -1", 2, "not a number >= 0"),
        ('[power]\nstop = "Now"', 2, "stop: 'Now'; allowed: Pause, ExitStandby, Terminate"),
        ('[fault]\ndo = "delay"', 1, "write [[fault]]"),
        ('[[fault]]\ndo = "explode"\nat = "SessionSetup"', 2, "allowed: withhold, delay"),
        ('[[fault]]\ndo = "withhold"', 1, "at = a message, or after_s"),
        ('[[fault]]\ndo = "withhold"\nafter_s = 3', 3, "withhold spoils an answer: use at"),
        ('[[fault]]\ndo = "withhold"\nat = "Loop"', 3, "'Loop' is no message; allowed: "),
        ('[[fault]]\ndo = "delay"\nat = "SessionSetup"', 2, "delay needs ms"),
        ('[[fault]]\ndo = "delay"\nat = "SessionSetup"\nms = "3"', 4, "ms: '3' is not a number"),
        ('[[fault]]\ndo = "withhold"\nat = "SessionStop"\nms = 3', 4, "unknown key 'ms'"),
        ('[[fault]]\ndo = "withhold"\nat = "SessionStop"\nnth = 0', 4, "nth: 0 is not a number"),
        ('[[fault]]\ndo = "code"\nat = "SessionStop"\ncode = "BAD"', 4, "allowed: OK, FAILED"),
        ("[station", 1, "expected [name] or [[name]]"),
        ("[power]\nsteps = [[0, 1],\n", 2, "not closed"),
        ("[power]\n[power]", 2, "[power] is given twice"),
        ("[power]\nstop_s = 1\nstop_s = 2", 3, "stop_s is given twice"),
        ("title = hello", 1, "strings need quotes"),
        ("title", 1, "expected key = value"),
    ],
)
def test_wrong_files(text, line, words):
    with pytest.raises(ScenarioError) as error:
        loads(text, "my.toml")
    assert str(error.value).startswith(f"my.toml:{line}: ")
    assert words in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(ScenarioError, match="none.toml: cannot read"):
        load(tmp_path / "none.toml")


def test_reader_keeps_strings():
    tables, _ = parse('a = \'x # [y] true\'\nb = "\\"q\\" # z" # comment\nc = [true, false]')
    assert tables[""] == {"a": "x # [y] true", "b": '"q" # z', "c": [True, False]}
    with pytest.raises(TomlError):
        parse("a = {b = 1}")


def test_the_scenarios_that_come_along():
    from tools.charger.reference import PAGE

    files = sorted((PAGE.parent / "scenarios").glob("*.toml"))
    assert len(files) >= 5
    for file in files:
        assert load(file).title, file
        assert file.name in PAGE.read_text(), file
