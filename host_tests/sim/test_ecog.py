# SPDX-License-Identifier: MIT
"""Our EVCC against EcoG's SECC over the kernel's IP: the SECC's own log says what was selected.

AC, AC_BPT, DC and DC_BPT in every control mode, over plain TCP and over mutual TLS 1.3.
"""

import json
import re

import pytest

from host_tests import netns
from host_tests.conftest import peer
from host_tests.sim import ecog_matrix

pytestmark = [pytest.mark.peer, pytest.mark.timeout(400)]

# ParameterSets that EcoG's SECC offers: (ControlMode, MobilityNeedsMode)
MODES = {"Scheduled": (1, 1), "Dynamic by station": (2, 2), "Dynamic by car": (2, 1)}
SERVICES = {"AC": 1, "DC": 2, "AC_BPT": 5, "DC_BPT": 6}


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


def settings(service, mode):
    control, needs = MODES[mode]
    return f"""
services = "{service}"
control_mode = "{"Scheduled" if control == 1 else "Dynamic"}"
mobility_needs_mode = {needs}
ev_ac_discharge_power_W = 7000.0
"""


_played = {}


def play(factory, energy, tls):
    """{(service, mode): result}; an SECC that had DC before breaks the AC loop: one for each."""
    if (energy, tls) not in _played:
        netns.require()
        peer("ecog")
        names = [
            (service, mode) for service in SERVICES if service[:2] == energy for mode in MODES
        ]
        folder = factory.mktemp("ecog")
        rows = [{"do": "none", "settings": settings(*name)} for name in names]
        results = ecog_matrix.run(
            folder, rows, tls=tls, protocols="ISO_15118_20_" + energy, limit=300
        )
        _played[energy, tls] = dict(zip(names, results)), (folder / "evcc.log").read_text()
    return _played[energy, tls]


@pytest.mark.shows("{service}", "{mode}", peer="EcoG SECC")
@pytest.mark.shows("{service}", "{transport}", peer="EcoG SECC")
@pytest.mark.shows("SDP, V2GTP", peer="EcoG SECC")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("transport", ["plain TCP", "TLS 1.3"])
def test_whole_session(tmp_path_factory, transport, service, mode):
    energy = service[:2]
    tls = transport == "TLS 1.3"
    results, log = play(tmp_path_factory, energy, tls)
    result = results[service, mode]
    summary, secc = result["summary"], result["secc"]
    assert summary["result"] == "USER_STOP" and result["safe"], summary
    assert not result["locked"]
    assert summary["protocol"] == "iso20_" + energy.lower() and summary["service"] == service
    assert selection(secc) == (SERVICES[service], *MODES[mode])
    assert summary["forced_openings"] == 0
    names = messages(secc)
    assert names[0] == "supportedAppProtocolReq" and names[-1] == "SessionStopReq"
    assert names.count(energy + "_ChargeLoopReq") >= ecog_matrix.LOOPS
    assert names.count("PowerDeliveryReq") == 2
    assert ("DC_WeldingDetectionReq" in names) == (energy == "DC")
    assert not [name for name in names if name[:3] in ("AC_", "DC_") and name[:2] != energy]
    bpt = "BPT_" if service.endswith("BPT") else ""
    limits = logged(secc, energy + "_ChargeParameterDiscoveryReq")
    assert bpt + energy + "_CPDReqEnergyTransferMode" in limits
    assert "Communication session terminated" in secc
    for word in ("SequenceError", "FAILED", "Traceback"):
        assert word not in secc, word
    # Its only group is P-256, so in the bench profile; it wants the car's certificate.
    assert tls == ("TLS 1.3 TLS_AES_256_GCM_SHA384 P-256" in log) == ("BENCH PROFILE" in log)


def messages(secc):
    """Names of the requests that the SECC logs as decoded, in order."""
    names = []
    for line in secc.splitlines():
        if "Decoded message" in line:
            found = [w for w in line.replace('"', " ").split() if w.endswith("Req")]
            names.extend(found[:1])
    return names
