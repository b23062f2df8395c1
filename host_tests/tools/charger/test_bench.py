# SPDX-License-Identifier: MIT
"""The station on kernel sockets: our own EVCC charges at it with raw frames, in a namespace."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host_tests import netns

BACK = """ev_target_soc = 80
ev_discharge_power_W = 11000
ev_discharge_current_A = 40
market_profile = "* * DC_BPT - 11000"
"""
SETTINGS = "sdp_tls = false\nallow_iso20_without_tls = true\n" + BACK
SECURE = 'sdp_tls = true\nocsp_policy = "lenient"\npki_dir = "%s"\n' + BACK


def session(folder, *options):
    """What runs inside: both programs; returns what they said, as JSON on stdout."""
    folder = Path(folder)
    (folder / "car.toml").write_text(
        SECURE % options[options.index("--pki") + 1] if "--pki" in options else SETTINGS
    )
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


@pytest.mark.peer  # the kernel's sockets, in real time
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


@pytest.mark.peer  # the kernel's sockets, in real time
@pytest.mark.timeout(100)
def test_with_mutual_tls_on_p521(tmp_path):
    from tools.pki.maker import make

    pki = tmp_path / "pki"
    make(pki, "P-521")
    result = run(
        tmp_path, "--pki", str(pki), "--service=DC_BPT", "--power=8k", "--stop-after=1",
        "--set=cable_check_ms=200", "--set=loop_timeout_ms=3000",
    )  # fmt: skip
    assert result["station"] == 0 and result["car"] == 0, result
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["summary"]["charged_Wh"] > 0.1


def matching(folder):
    """Inside: the station with SLAC on s0; on e0 a car's SLAC and, as wires, both PLC modems."""
    from evcc.params import Params
    from evcc.slac import Slac

    from host_tests.slac.scripted import EV, EVSE, KEY, SOUND, key_cnf, mme
    from tools.rawlink import RawLink

    out = open(Path(folder) / "station.txt", "w")
    command = [sys.executable, "-u", "-m", "tools.charger", "--interface=s0", "--wait=12"]
    station = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    link = RawLink("e0", EV, (0x88E1,))
    answers = []

    def send(frame):
        frame = bytes(frame)
        kind = frame[15] | frame[16] << 8
        if kind == KEY:
            answers.append(key_cnf())
        link.send(frame)
        if kind == SOUND:
            profile = EV + bytes((58, 0)) + bytes((20,)) * 58
            link.send(mme(0x6086, profile, b"\2\0\0\0\xf1\xf2", EVSE))
        return True

    slac = Slac(EV, send, os.urandom, Params())
    begin, keys = time.monotonic(), 0
    now = lambda: int((time.monotonic() - begin) * 1000)  # noqa: E731
    time.sleep(1.5)
    slac.start(now())
    while now() < 10000 and slac.state not in ("joining", "ready", "failed"):
        link.poll(now())
        while (frame := link.receive()) is not None:
            if frame[15] | frame[16] << 8 == KEY:  # the station's own modem takes its key
                keys += 1
                link.send(mme(0x6009, b"\1" + bytes(12), b"\2\0\0\0\xf1\xf2", EVSE))
            slac.feed(bytes(frame), now())
        while answers:
            slac.feed(answers.pop(), now())
        slac.step(now())
        time.sleep(0.002)
    time.sleep(0.2)
    station.terminate()
    station.wait(5)
    said = (Path(folder) / "station.txt").read_text()
    print(json.dumps({"state": slac.state, "failure": slac.failure, "keys": keys, "said": said}))


@pytest.mark.peer  # the kernel's sockets, in real time
@pytest.mark.timeout(60)
def test_slac_over_raw_frames(tmp_path):
    result = run(tmp_path, "matching")
    assert result["state"] in ("joining", "ready"), result
    assert "SLAC: matched with 02:00:00:0e:0e:01" in result["said"]
    assert 1 <= result["keys"] <= 3


if __name__ == "__main__":
    if sys.argv[2:] == ["matching"]:
        matching(sys.argv[1])
    else:
        session(*sys.argv[1:])
