# SPDX-License-Identifier: MIT
"""Our EVCC against EcoG's SECC over the kernel's IP: the SECC's own log says what was selected."""

import json
import re

import pytest

from host_tests import netns
from host_tests.conftest import peer
from host_tests.sim.ecog import charge

pytestmark = [pytest.mark.peer, pytest.mark.timeout(150)]

# ParameterSets that EcoG's SECC offers: (ControlMode, MobilityNeedsMode)
MODES = {"Scheduled": (1, 1), "Dynamic by station": (2, 2), "Dynamic by car": (2, 1)}


def logged(secc, name):
    """The JSON of the first message `name` in the SECC's log."""
    found = re.search(r'\{"%s": ?\{.*' % name, secc)
    assert found, "the SECC never logged %s" % name
    return json.JSONDecoder().raw_decode(found.group())[0][name]


def selection(secc):
    """(ServiceID, ControlMode, MobilityNeedsMode) selected, by the SECC's own log."""
    chosen = logged(secc, "ServiceSelectionReq")["SelectedEnergyTransferService"]
    for entry in logged(secc, "ServiceDetailRes")["ServiceParameterList"]["ParameterSet"]:
        if entry["ParameterSetID"] == chosen["ParameterSetID"]:
            values = {p["Name"]: p.get("intValue") for p in entry["Parameter"]}
            return chosen["ServiceID"], values["ControlMode"], values["MobilityNeedsMode"]


def check(outcome, service, mode, loops):
    assert outcome.status == 0, outcome.evcc
    assert outcome.summary["result"] == "USER_STOP"
    assert selection(outcome.secc) == (service, *MODES[mode])
    names = outcome.messages()
    assert names[0] == "supportedAppProtocolReq" and names[-1] == "SessionStopReq"
    assert names.count("DC_ChargeLoopReq") >= loops
    assert names.count("PowerDeliveryReq") == 2 and "DC_WeldingDetectionReq" in names
    assert "Communication session terminated" in outcome.secc
    for word in ("SequenceError", "FAILED", "Traceback"):
        assert word not in outcome.secc, word


def settings(service, mode):
    control, needs = MODES[mode]
    return f"""
services = "{service}"
control_mode = "{"Scheduled" if control == 1 else "Dynamic"}"
mobility_needs_mode = {needs}
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("service", ["DC_BPT", "DC"])
def test_whole_session(tmp_path, service, mode):
    netns.require()
    peer("ecog")
    outcome = charge(tmp_path, settings(service, mode), loops=10)
    check(outcome, {"DC": 2, "DC_BPT": 6}[service], mode, 10)


def test_whole_session_with_mutual_tls(tmp_path):
    """Its only group is P-256, so in the bench profile; it wants the car's certificate."""
    netns.require()
    peer("ecog")
    outcome = charge(tmp_path, settings("DC_BPT", "Dynamic by car"), loops=10, tls=True)
    check(outcome, 6, "Dynamic by car", 10)
    assert "TLS 1.3 TLS_AES_256_GCM_SHA384 P-256" in outcome.evcc, outcome.evcc
    assert "BENCH PROFILE" in outcome.evcc
