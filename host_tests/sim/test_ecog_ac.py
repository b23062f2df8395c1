# SPDX-License-Identifier: MIT
"""Our EVCC against EcoG's SECC, AC and AC_BPT: the SECC's own log says what was selected."""

import pytest

from host_tests import netns
from host_tests.conftest import peer
from host_tests.sim.ecog import charge
from host_tests.sim.test_ecog import MODES, logged, selection, settings

pytestmark = [pytest.mark.peer, pytest.mark.timeout(150)]

AC_ONLY = {"PROTOCOLS": "ISO_15118_20_AC"}


def check(outcome, service, mode, loops):
    assert outcome.status == 0, outcome.evcc
    assert outcome.summary["result"] == "USER_STOP"
    assert outcome.summary["protocol"] == "iso20_ac" and outcome.summary["service"] == service
    assert selection(outcome.secc) == ({"AC": 1, "AC_BPT": 5}[service], *MODES[mode])
    names = outcome.messages()
    assert names[0] == "supportedAppProtocolReq" and names[-1] == "SessionStopReq"
    assert names.count("AC_ChargeLoopReq") >= loops
    assert names.count("PowerDeliveryReq") == 2
    assert not [name for name in names if name.startswith("DC_")]
    assert "Communication session terminated" in outcome.secc
    for word in ("SequenceError", "FAILED", "Traceback"):
        assert word not in outcome.secc, word
    bpt = "BPT_" if service == "AC_BPT" else ""
    assert bpt + "AC_CPDReqEnergyTransferMode" in logged(
        outcome.secc, "AC_ChargeParameterDiscoveryReq"
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("service", ["AC_BPT", "AC"])
def test_whole_session(tmp_path, service, mode):
    netns.require()
    peer("ecog")
    text = settings(service, mode) + "ev_ac_discharge_power_W = 7000.0\n"
    outcome = charge(tmp_path, text, loops=10, secc_env=AC_ONLY)
    check(outcome, service, mode, 10)
