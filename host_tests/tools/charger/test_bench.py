# SPDX-License-Identifier: MIT
"""The station on kernel sockets: our own EVCC charges at it with raw frames, in a namespace."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host_tests import netns

SETTINGS = "sdp_tls = false\nallow_iso20_without_tls = true\nev_target_soc = 80\n"


def session(folder, *options):
    """What runs inside: both programs; returns what they said, as JSON on stdout."""
    folder = Path(folder)
    (folder / "car.toml").write_text(SETTINGS)
    python = [sys.executable, "-u", "-m"]
    station = subprocess.Popen(
        [*python, "tools.charger", "--interface=s0", "--no-slac", "--once", "--wait=40", *options,
         f"--log={folder}/log.jsonl"],
        stdout=open(folder / "station.txt", "w"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    for _ in range(100):
        if "ready" in (folder / "station.txt").read_text():
            break
        time.sleep(0.1)
    car = subprocess.run(
        [*python, "tools.evcc", "--interface=e0", "--no-slac", f"--settings={folder}/car.toml",
         "--json", "--limit=40"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=50, check=False,
    )  # fmt: skip
    status = station.wait(20)
    said = (folder / "station.txt").read_text()
    print(json.dumps({"station": status, "said": said, "car": car.returncode, "out": car.stdout}))


def run(tmp_path, *options):
    netns.require()
    done = netns.run([sys.executable, __file__, tmp_path, *options], timeout=80)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.timeout(100)
def test_our_car_charges_and_gives_back(tmp_path):
    result = run(
        tmp_path, "--service=DC_BPT", "--sets=Dynamic1", "--power=0:11k,1:-5k", "--stop-after=2",
        "--set=cable_check_ms=200", "--set=loop_timeout_ms=3000",
    )  # fmt: skip
    assert result["station"] == 0 and result["car"] == 0, result
    assert "OK: ISO 15118-20, DC_BPT, Dynamic (mobility needs 1)" in result["said"]
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    summary = json.loads(lines[-1])["summary"]
    assert summary["charged_Wh"] > 0.5 and summary["discharged_Wh"] > 0.2
    late = [text for text in summary["violations"] if not text.startswith("late")]
    assert late == []  # a busy computer may be late, nothing else
    names = [json.loads(line)["name"] for line in lines[:-1]]
    assert names[0] == "supportedAppProtocolReq" and names[-1] == "SessionStopRes"


if __name__ == "__main__":
    session(*sys.argv[1:])
