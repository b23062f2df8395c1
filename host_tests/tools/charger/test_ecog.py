# SPDX-License-Identifier: MIT
"""EcoG's EVCC charges at our station over kernel IP; what happened is read from ITS log.

It is a simulation with fixed figures (20 kV at the inlet, 200 A asked for), so our judge has to
complain about exactly those, and about nothing else.
"""

import json
import re

import pytest

from host_tests import netns
from host_tests.tools.charger import ecog

pytestmark = [pytest.mark.peer, pytest.mark.timeout(150)]

SERVICE = {"DC": 2, "DC_BPT": 6}
MODE = {"Scheduled": 1, "Dynamic1": 2, "Dynamic2": 2}
_LINE = re.compile(r"(?:Decoded message|Message to encode) \(ns=[^)]*\): (\{.*\})")


def messages(log):
    """(name, content) of every message that the car sent or understood, in order."""
    for line in log.splitlines():
        if found := _LINE.search(line):
            ((name, content),) = json.loads(found[1]).items()
            yield name, content


def run(peer, tmp_path, service, sets, *options, loops=20):
    netns.require()
    options = ("--set=cable_check_ms=300", "--set=loop_timeout_ms=3000", *options)
    return ecog.charge(peer("ecog"), tmp_path, service, sets, loops, options)


@pytest.mark.shows("for other cars", "{service} {kind}", peer="EcoG EVCC")
@pytest.mark.parametrize(
    "service, kind",
    [("DC", "Scheduled"), ("DC", "Dynamic2"), ("DC_BPT", "Scheduled"), ("DC_BPT", "Dynamic1")],
)
def test_charges(peer, tmp_path, service, kind):
    done, station, log = run(peer, tmp_path, service, kind, "--power=0:8k,60:-4k")
    assert done.returncode == 0, station + done.stderr + log[-3000:]
    seen = list(messages(log))
    names = [name for name, _ in seen]
    of = {name: content for name, content in seen}
    assert "Traceback" not in log and "FAILED" not in log
    # its own words about what it chose, and the whole way to the end
    chosen = of["ServiceSelectionReq"]["SelectedEnergyTransferService"]
    assert chosen == {"ServiceID": SERVICE[service], "ParameterSetID": 1}
    assert f"Selected Control Mode: {MODE[kind]}" in log
    detail = of["ServiceDetailRes"]["ServiceParameterList"]["ParameterSet"][0]["Parameter"]
    needs = {p["Name"]: p["intValue"] for p in detail}["MobilityNeedsMode"]
    assert needs == (2 if kind == "Dynamic2" else 1)
    block = ("BPT_" if service == "DC_BPT" else "") + kind.rstrip("12") + "_DC_CLResControlMode"
    assert block in of["DC_ChargeLoopRes"]
    assert names.count("DC_ChargeLoopRes") >= 15
    if kind == "Scheduled":
        tuples = of["ScheduleExchangeRes"]["Scheduled_SEResControlMode"]["ScheduleTuple"]
        assert "AbsolutePriceSchedule" in tuples[0]["ChargingSchedule"]
    if kind == "Dynamic2":
        assert of["ScheduleExchangeRes"]["Dynamic_SEResControlMode"]["TargetSOC"] == 80
    assert names[-2:] == ["SessionStopReq", "SessionStopRes"]
    assert of["SessionStopRes"]["ResponseCode"] == "OK"
    # ours: nothing to complain but its figures
    summary = json.loads((tmp_path / "station.jsonl").read_text().splitlines()[-1])["summary"]
    assert summary["good"] and summary["service"] == service
    kinds = {text.partition(":")[0] for text in summary["violations"]}
    assert kinds == {"limits", "present voltage"}


def test_obeys_terminate(peer, tmp_path):
    done, station, log = run(
        peer, tmp_path, "DC_BPT", "Dynamic1", "--stop-after=0.6", loops=100000
    )
    assert done.returncode == 0, station + log[-3000:]
    seen = list(messages(log))
    notices = [c["EVSEStatus"] for n, c in seen if n == "DC_ChargeLoopRes" and "EVSEStatus" in c]
    assert notices[0] == {"NotificationMaxDelay": 0, "EVSENotification": "Terminate"}
    assert seen[-1][0] == "SessionStopRes"


def test_sees_a_fault(peer, tmp_path):
    """A scenario's wrong SessionID reaches an independent car."""
    file = tmp_path / "wrong_id.toml"
    file.write_text('[[fault]]\ndo = "session_id"\nat = "DC_ChargeLoop"\nnth = 3\n')
    done, station, log = run(peer, tmp_path, "DC", "Dynamic1", f"--scenario={file}", "--wait=20")
    assert done.returncode == 1, station
    loops = [c["Header"]["SessionID"] for n, c in messages(log) if n == "DC_ChargeLoopRes"]
    assert len(loops) == 3 and loops[0] == loops[1] != loops[2]
    assert "FAILED: ISO 15118-20, DC, Dynamic" in station
