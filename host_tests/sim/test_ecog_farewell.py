# SPDX-License-Identifier: MIT
"""An emergency in the car at EcoG's SECC: it takes what is said afterwards as a session's end."""

import pytest
from evcc.iso20.flow import FLOW

from host_tests import netns
from host_tests.conftest import peer
from host_tests.sim import ecog_matrix
from host_tests.sim.test_ecog import messages, settings
from tools.chart.tables import rows

pytestmark = [pytest.mark.peer, pytest.mark.timeout(400)]

STOP, END = ["PowerDeliveryReq", "SessionStopReq"], ["SessionStopReq"]
SILENT = ("SessionSetup", "SessionStop")  # after the first the table allows nothing
DC = [row[0] for row in rows(FLOW) if row[0] not in SILENT]
AC = ["ScheduleExchange", "AC_ChargeLoop"]
POWERED = ("DC_PreCharge", "DC_ChargeLoop", "AC_ChargeLoop")


def play(factory, energy, names):
    """{message: result}; the last session of the SECC is a good one."""
    netns.require()
    peer("ecog")
    rows = [{"do": "none", "emergency": name} for name in names] + [{"do": "none"}]
    text = settings(energy + "_BPT", "Dynamic by car")
    results = ecog_matrix.run(
        factory.mktemp("ecog"), rows, text, protocols="ISO_15118_20_" + energy, limit=300
    )
    assert results.pop()["summary"]["result"] == "USER_STOP"
    return dict(zip(names, results))


@pytest.fixture(scope="module")
def dc(tmp_path_factory):
    return play(tmp_path_factory, "DC", DC)


@pytest.fixture(scope="module")
def ac(tmp_path_factory):
    return play(tmp_path_factory, "AC", AC)


def check(result, message):
    summary, secc = result["summary"], result["secc"]
    assert summary["result"] == "VEHICLE_FAULT" and summary["forced_openings"] == 0, summary
    assert result["safe"] and not result["locked"], result
    names = messages(secc)
    # of the two PowerDelivery that a session has the second is the one at its end
    left = END if message == "PowerDelivery" and names.count("PowerDeliveryReq") == 2 else None
    left = left or (STOP if message in POWERED else END)
    assert names[-len(left) :] == left and names[-len(left) - 1] == message + "Req", names
    for word in ("SequenceError", "FAILED", "Traceback"):
        assert word not in secc, word
    assert "Communication session terminated" in secc


@pytest.mark.shows("emergency in the car", "every message of DC_BPT Dynamic", peer="EcoG SECC")
@pytest.mark.parametrize("message", DC)
def test_dc(dc, message):
    check(dc[message], message)


@pytest.mark.shows("emergency in the car", "AC_BPT Dynamic", peer="EcoG SECC")
@pytest.mark.parametrize("message", AC)
def test_ac(ac, message):
    check(ac[message], message)
