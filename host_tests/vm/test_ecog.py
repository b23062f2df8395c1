# SPDX-License-Identifier: MIT
"""The device part in MicroPython charges at EcoG's SECC, raw frames over a virtual cable."""

import json

import pytest

from host_tests import netns
from host_tests.conftest import peer
from host_tests.sim.ecog import charge
from host_tests.sim.test_ecog import selection

pytestmark = [pytest.mark.peer, pytest.mark.vm, pytest.mark.timeout(150)]


@pytest.mark.shows(
    "the device part in MicroPython", "DC_BPT Dynamic over plain TCP", peer="EcoG SECC"
)
def test_a_session_in_micropython_against_ecogs_secc(tmp_path, machine):
    machine("i386")
    peer("ecog")
    netns.require()
    settings = 'services = "DC_BPT"\ncontrol_mode = "Dynamic"\nmobility_needs_mode = 1\n'
    outcome = charge(tmp_path, settings, loops=12, evcc_args=("--vm", "i386"))
    assert outcome.status == 0, outcome.evcc
    assert outcome.summary["result"] == "USER_STOP", json.dumps(outcome.summary)
    assert selection(outcome.secc) == (6, 2, 1)
    assert outcome.secc.count("Decoded message") >= 12
    messages = outcome.summary["messages"]
    assert messages["frames out"] > 30 and messages["frames in"] > 30
    frames = {"frames out", "frames in", "frames waiting?", "link up?"}
    assert set(messages) <= frames | {"clock", "sleep", "pin outputs"}  # the safe levels at boot


@pytest.mark.shows(
    "the device part in MicroPython", "DC_BPT Dynamic over TLS 1.3", peer="EcoG SECC"
)
@pytest.mark.shows("P-256 (bench profile)", peer="EcoG SECC")
@pytest.mark.shows("mutual authentication", peer="EcoG SECC")
def test_a_session_with_tls_in_micropython_against_ecogs_secc(tmp_path, machine):
    machine("i386")
    peer("ecog")
    netns.require()
    settings = 'services = "DC_BPT"\ncontrol_mode = "Dynamic"\nmobility_needs_mode = 1\n'
    outcome = charge(tmp_path, settings, loops=12, evcc_args=("--vm", "i386"), tls=True)
    assert outcome.status == 0, outcome.evcc
    assert outcome.summary["result"] == "USER_STOP", json.dumps(outcome.summary)
    assert selection(outcome.secc) == (6, 2, 1)
    assert outcome.secc.count("Decoded message") >= 12
