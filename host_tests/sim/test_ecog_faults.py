# SPDX-License-Identifier: MIT
"""EcoG's SECC does something wrong, or wants to end: every kind of fault at every message.

Each point is a session of its own over real sockets (ecog_matrix.py); the car ends with the
reason of its kind, with contactors open, pilot in B and the lock free. Here at three messages over
plain TCP; the slow part is the whole matrix for DC_BPT in Dynamic mode over mutual TLS 1.3.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from evcc.iso20.flow import FLOW

from host_tests import netns
from host_tests.conftest import peer
from host_tests.sim import ecog_matrix
from tools.chart.tables import rows

pytestmark = [pytest.mark.peer, pytest.mark.timeout(900)]

SAP = "supportedAppProtocol"
MESSAGES = [SAP] + [row[0] for row in rows(FLOW) if not row[0].startswith("AC_")]
THREE = ("ServiceDiscovery", "DC_PreCharge", "DC_ChargeLoop")
LATE_MS = 1000  # above the time that a message has

# kind: the car's reason
KINDS = {
    "code": "RESPONSE_FAILED",
    "id": "WRONG_SESSION_ID",
    "withheld": "MESSAGE_TIMEOUT",
    "late": "MESSAGE_TIMEOUT",
    "duplicate": "UNEXPECTED_MESSAGE",
    "garbled": "UNDECODABLE",
}
WISHES = {"Terminate": "STATION_TERMINATE", "Pause": "STATION_PAUSE"}
CARRIERS = (("PowerDelivery", 1), ("DC_ChargeLoop", 1), ("DC_ChargeLoop", 4))
DC_BPT = 'services = "DC_BPT"\ncontrol_mode = "Dynamic"\n'


def points(messages):
    """[(kind, message, nth, reason)]: what is played, and how it has to end."""
    found = []
    for kind, reason in KINDS.items():
        for message in messages:
            if message == SAP and kind == "id":
                continue  # it carries none
            if message == SAP and kind == "code":
                reason_here = "NO_PROTOCOL"
            elif kind == "duplicate" and message in (SAP, "SessionStop"):
                reason_here = "USER_STOP"  # the handshake's stream, the session was over
            elif (kind, message) == ("withheld", "SessionStop"):
                reason_here = "LINK_LOST"  # its station closes TCP all the same
            else:
                reason_here = reason
            found.append((kind, message, 1, reason_here))
    for wish, reason in WISHES.items():
        found.extend((wish, message, nth, reason) for message, nth in CARRIERS)
    return found


def limit_ms(message):
    """How long the car waits for the answer (field profile)."""
    return next((row[4] for row in rows(FLOW) if row[0] == message), 2000)


def fault(kind, message, nth):
    row = {"do": kind, "at": message + "Res", "nth": nth}
    if kind == "late":
        row["ms"] = limit_ms(message) + LATE_MS
    return row


def play(folder, chosen, **more):
    """{(kind, message, nth): result} of one SECC process; the last point is a good session."""
    rows = [fault(*point[:3]) for point in chosen] + [{"do": "none"}]
    results = ecog_matrix.run(folder, rows, DC_BPT, **more)
    good = results.pop()
    assert good["summary"]["result"] == "USER_STOP" and good["summary"]["loops"] > 3, good
    return {point[:3]: result for point, result in zip(chosen, results)}


def check(result, kind, message, nth, reason):
    assert result["injected"], (result, "the SECC injected nothing")
    summary = result["summary"]
    assert summary["result"] == reason, summary
    assert result["safe"] and summary["forced_openings"] == 0, result
    paused = reason == "STATION_PAUSE"  # then the connector stays locked
    assert result["locked"] == paused
    outputs = result["outputs"]
    names = [SAP] + [row[0] for row in rows(FLOW)]
    if reason == "USER_STOP" or names.index(message) >= names.index("PowerDelivery"):
        # closed once; pilot to B before they open, and only then unlocked
        assert outputs.count("close") == 1
        after = outputs[outputs.index("close") + 1 :]
        assert after[:2] == ["B", "open"] and "C" not in after, outputs
        assert ("unlock" in after) != paused
    else:
        assert "close" not in outputs
    if kind in WISHES or message != SAP:
        assert summary["protocol"] == "iso20_dc"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    netns.require()
    peer("ecog")
    return play(tmp_path_factory.mktemp("ecog"), points(THREE))


@pytest.mark.shows("{kind}", "over plain TCP", peer="EcoG SECC")
@pytest.mark.parametrize("kind, message, nth, reason", points(THREE))
def test_three_messages(plain, kind, message, nth, reason):
    check(plain[kind, message, nth], kind, message, nth, reason)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """The matrix in two namespaces at once, one SECC in each."""
    netns.require()
    peer("ecog")
    chosen = points(MESSAGES)
    folders = [tmp_path_factory.mktemp("ecog_tls") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        parts = list(
            pool.map(lambda i: play(folders[i], chosen[i::2], tls=True), range(len(folders)))
        )
    for folder in folders:
        assert "TLS 1.3 TLS_AES_256_GCM_SHA384 P-256" in (folder / "evcc.log").read_text()
    return {**parts[0], **parts[1]}


@pytest.mark.shows("{kind}", "every message of DC_BPT Dynamic over TLS 1.3", peer="EcoG SECC")
@pytest.mark.slow
@pytest.mark.parametrize("kind, message, nth, reason", points(MESSAGES))
def test_every_message_over_tls(secure, kind, message, nth, reason):
    check(secure[kind, message, nth], kind, message, nth, reason)
