# SPDX-License-Identifier: MIT
"""The command: options become settings, wrong use is told in a line without a traceback."""

import subprocess
import sys

import pytest

from tools import ROOT
from tools.charger.__main__ import build, main, parser
from tools.charger.console import Printer, final
from tools.charger.secc.session import Entry


def options(*arguments):
    return parser().parse_args(["--interface", "lo", *arguments])


def test_options_become_settings(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text('[power]\nsteps = [[0, 1000], [5, -1000]]\nstop = "Pause"\n')
    scenario, plan = build(
        options(
            f"--scenario={file}",
            "--service=MCS_BPT,DC",
            "--sets=Dynamic2",
            "--set=max_power_W=1200000",
            "--set=prices=false",
            "--stop-after=9",
            "--ramp=100",
        )
    )
    assert scenario.config.services == ["MCS_BPT", "DC"] and scenario.config.sets == ["Dynamic2"]
    assert scenario.config.max_power_W == 1200000 and scenario.config.prices is False
    assert (plan.steps, plan.ramp_W_s, plan.stop_s, plan.stop) == (
        [(0, 1000), (5, -1000)],
        100,
        9,
        "Pause",
    )
    assert build(options("--power=0:3k,9:-2k"))[1].steps == [(0, 3000), (9, -2000)]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--interface", "nope9"], "no interface nope9; there are: lo"),
        (["--interface", "lo", "--service", "WPT"], "allowed: AC, DC, AC_BPT, DC_BPT"),
        (["--interface", "lo", "--set", "x=1"], "unknown setting 'x'"),
        (["--interface", "lo", "--set", "x"], "expected NAME=VALUE"),
        (["--interface", "lo", "--power", "much"], "expected WATTS or SECONDS:WATTS"),
        (["--interface", "lo", "--scenario", "/no/file"], "cannot read"),
    ],
)
def test_wrong_use(arguments, words, capsys):
    assert main(arguments) == 2
    out = capsys.readouterr()
    assert out.out == "" and words in out.err and out.err.startswith("charger: ")


def test_scenarios_for_emulation_only_are_refused(tmp_path, capsys):
    file = tmp_path / "s.toml"
    file.write_text('[[fault]]\ndo = "drop_frames"\nms = 3\nat = "DC_ChargeLoop"\n')
    assert main(["--interface", "lo", "--scenario", str(file)]) == 2
    assert "drop_frames works in emulation only" in capsys.readouterr().err


def test_as_a_program():
    command = [sys.executable, "-m", "tools.charger", "--interface", "nope9"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    done = subprocess.run(
        [*command, "--set", "help"], capture_output=True, text=True, cwd=ROOT, timeout=30
    )
    assert done.returncode == 0 and "max_power_W" in done.stdout


def test_printer_thins_the_loop():
    lines = []
    printer = Printer(lines.append, every=10)
    for i in range(20):
        printer(Entry(i, "request", "DC_ChargeLoopReq", {}))
        printer(Entry(i, "response", "DC_ChargeLoopRes", {"ResponseCode": "OK"}))
    assert len(lines) == 4
    message = {"EVSEStatus": {"EVSENotification": "Terminate", "NotificationMaxDelay": 0}}
    printer(Entry(21, "response", "DC_ChargeLoopRes", message))
    assert "notification Terminate" in lines[-1]


def test_final_line():
    from host_tests.tools.charger.car import Car

    car = Car()
    car.until("stop")
    line = final(car.secc.summary())
    assert line.startswith("OK: ISO 15118-20, DC_BPT, Dynamic (mobility needs 1), 3 loops, ")
    assert line.endswith("0 violations by the car, SessionStop(Terminate)")
    car = Car()
    car.until("setup")
    car.loop()
    assert final(car.secc.summary()).startswith(
        "FAILED: ISO 15118-20, no service, no control mode"
    )


def test_reference_page_is_fresh():
    from tools.charger import reference

    old = reference.PAGE.read_text()
    assert reference.page(old) == old, "run python -m tools.charger.reference"


def test_example_of_the_page_is_a_good_scenario():
    from tools.charger.reference import PAGE
    from tools.charger.scenario import loads

    example = PAGE.read_text().partition("```toml\n")[2].partition("```")[0]
    scenario = loads(example)
    assert scenario.plan.stop_s == 120 and len(scenario.rows) == 2
