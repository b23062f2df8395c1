# SPDX-License-Identifier: MIT
"""`python -m tools.can`: what a person sees, and what the device reads."""

import subprocess
import sys

import pytest

from host_tests.can_rig import DATABASE, EXAMPLE
from tools import ROOT
from tools.can import dbc
from tools.can.__main__ import main

DBC = str(EXAMPLE.with_suffix(".dbc"))
CHOICES = dict(
    reversed(line.partition("#")[2].strip() and (line.partition("#")[2].strip(), line.split()[1]))
    for line in EXAMPLE.read_text().splitlines()[1:]
)


def test_the_example_is_what_the_tool_makes_of_its_dbc(capsys):
    words = [f"{name}={choice}" for name, choice in CHOICES.items()]
    assert main(["make", DBC, *words]) == 0
    out = capsys.readouterr()
    assert out.out == EXAMPLE.read_text() and not out.err


def test_units_become_ours():
    text, _ = dbc.make(DATABASE, {"charge_power": "BMS_Powers.ChargePowerLimit"})
    assert "(100,0) [0|400000]" in text  # 0.1 kW a bit


def test_notes_say_what_to_look_at(tmp_path):
    path = tmp_path / "a.dbc"
    path.write_text(
        'VERSION ""\n\nBU_: B\n\nBO_ 1 M: 8 B\n SG_ S : 0|8@1- (1,0) [0|0] "parsec" Vector__XXX\n'
    )
    text, notes = dbc.make(dbc.read(path), {"soc": "M.S"})
    assert "[-128|127] 1000" in text
    assert any("parsec" in note for note in notes)
    assert any("no range" in note for note in notes)
    assert any("no cycle time" in note for note in notes)
    assert any("pack_voltage is missing" in note for note in notes)


MUX = """VERSION ""

BU_: B

BO_ 5 M: 8 B
 SG_ Which M : 0|8@1+ (1,0) [0|3] "" Vector__XXX
 SG_ Volts m2 : 8|16@1+ (0.1,0) [0|1000] "V" Vector__XXX
"""


def test_multiplexed_signals(tmp_path):
    path = tmp_path / "m.dbc"
    path.write_text(MUX)
    text, _ = dbc.make(dbc.read(path), {"pack_voltage": "M.Volts"})
    assert "when 0|8@1+ = 2" in text


@pytest.mark.parametrize(
    "words, problem",
    [
        (["make", DBC, "soc"], "'soc': name=Message.Signal wanted"),
        (["make", DBC, "speed=A.B"], "'speed' is none of: pack_voltage"),
        (["make", DBC, "soc=BMS_State.No"], "'BMS_State.No': the DBC has no No"),
        (["make", DBC, "soc=No.SOC"], "'No.SOC': the DBC has no No"),
        (["list", "nothing.dbc"], "nothing.dbc: "),
        (["list", __file__], "test_can.py: "),
        (["check", "nothing.txt"], "nothing.txt: No such file"),
        (["watch", str(EXAMPLE), "--interface", "nonsense"], "nonsense can0: "),
    ],
)
def test_errors_are_one_line(words, problem, capsys):
    assert main(words) == 1
    out = capsys.readouterr()
    assert problem in out.err and "Traceback" not in out.err


def test_check_and_list(capsys, tmp_path):
    assert main(["check", str(EXAMPLE)]) == 0
    assert "0x18FF50E5x" in capsys.readouterr().out
    assert main(["list", DBC]) == 0
    assert "BMS_Pack" in capsys.readouterr().out
    path = tmp_path / "few.txt"
    path.write_text("in soc 0x1 0|8@1+ (1,0) [0|100] 100\n")
    assert main(["check", str(path)]) == 1
    assert "no line for pack_voltage" in capsys.readouterr().err


def test_watch_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "tools.can", "watch", str(EXAMPLE), "--interface", "virtual",
         "--seconds", "0.3"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and "never came" in done.stdout, done.stderr
