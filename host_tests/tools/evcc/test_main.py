# SPDX-License-Identifier: MIT
"""The command line of the EVCC on a PC: clear words and exit statuses, never a traceback."""

import subprocess
import sys

import pytest

from tools import ROOT
from tools.evcc.__main__ import report

GOOD = {
    "protocol": "iso20_dc",
    "service": "DC_BPT",
    "control_mode": "Dynamic",
    "charged_Wh": 12.34,
    "discharged_Wh": 0.0,
    "loops": 20,
    "result": "COMPLETED",
    "detail": "",
}


def run(*arguments):
    command = [sys.executable, "-m", "tools.evcc", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "text, words",
    [
        ("colour = 3\n", "line 1: unknown key 'colour'"),
        ("# x\nprecharge_s = 500\n", "line 2: precharge_s: 500 is outside"),
        ("evccid = 7\n", "line 1: evccid: a text wanted"),
    ],
)
def test_bad_settings_are_refused(tmp_path, text, words):
    file = tmp_path / "my.toml"
    file.write_text(text)
    done = run("--interface", "lo", "--settings", str(file))
    assert done.returncode == 2 and words in done.stderr and str(file) in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_file_and_interface():
    done = run("--interface", "lo", "--settings", "no/such.toml")
    assert done.returncode == 2 and "no/such.toml" in done.stderr
    done = run("--interface", "nosuchif0")
    assert done.returncode == 2
    assert "nosuchif0" in done.stderr or "permission" in done.stderr
    assert "Traceback" not in done.stderr


def test_last_line_and_status(capsys):
    assert report(GOOD, False) == 0
    line = capsys.readouterr().out.strip()
    for word in ("OK", "iso20_dc", "DC_BPT", "Dynamic", "12.3 Wh", "COMPLETED"):
        assert word in line
    bad = dict(GOOD, result="LINK_LOST", detail="reset")
    assert report(bad, False) == 1
    words, line = capsys.readouterr().out.strip().splitlines()
    assert "connection to the station broke" in words
    assert "FAILED" in line and "LINK_LOST (reset)" in line
