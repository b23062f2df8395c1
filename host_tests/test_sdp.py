# SPDX-License-Identifier: MIT
"""SECC discovery: rhythm, request bytes, every check of an answer, what strangers cannot do."""

import random

import pytest
from evcc.net import Host
from evcc.sdp import Sdp

from host_tests.net import frames
from host_tests.net.line import EV_MAC, SE, SE_MAC, Settings

REQUEST = bytes.fromhex(
    "3333000000010200000e0e0186dd6000000000121140fe80000000000000000000fffe0e0e01ff0200000000"
    "00000000000000000001c3503b0e001254d701fe9000000000021000"
)
RESPONSE = bytes.fromhex(
    "0200000e0e010200005e5e0286dd6000000000241140fe80000000000000000000fffe5e5e02fe8000000000"
    "0000000000fffe0e0e013b0ec3500024aa4501fe900100000014fe80000000000000000000fffe"
    "5e5e02f19b1000"
)


class Rig:
    def __init__(self, tls=False, urandom=lambda n: b"\x03\x50"[-n:], dad=False, **settings):
        self.sent = []
        self.take = True
        random_bytes = random.Random(1).randbytes
        self.host = Host(EV_MAC, self.send, random_bytes, Settings(net_dad=dad))
        self.host.start(0)
        self.sdp = Sdp(self.host, urandom, tls, Settings(**{"sdp_plain_ok": False, **settings}))

    def send(self, frame):
        if self.take and frame[20] == 17:
            self.sent.append(bytes(frame))
        return self.take

    def run(self, start, end, step=10):
        for t in range(start, end, step):
            self.host.step(t)
            self.sdp.step(t)


def answer(
    address=SE, port=61851, security=0x10, transport=0, mark=0x01FE, kind=0x9001, size=20,
    extra=b"", cut=None, **more,
):  # fmt: skip
    payload = mark.to_bytes(2, "big") + kind.to_bytes(2, "big") + size.to_bytes(4, "big") + address
    payload += port.to_bytes(2, "big") + bytes((security, transport)) + extra
    return frames.udp(15118, more.pop("dst", 50000), payload[:cut], **more)


def test_request_and_response_bytes():
    rig = Rig()
    rig.sdp.start(0)
    assert rig.sent == [REQUEST]
    assert answer() == RESPONSE
    rig.host.feed(RESPONSE, 70)
    assert rig.sdp.result == (SE, 61851, False, SE_MAC) and rig.sdp.failure is None
    assert rig.host._neighbours.resolve(SE, 80) == SE_MAC  # no question needed


def test_tls_is_asked_for():
    rig = Rig(tls=True)
    rig.sdp.start(0)
    assert rig.sent[0][-2:] == b"\0\0"
    rig.host.feed(answer(security=0), 1)
    assert rig.sdp.result == (SE, 61851, True, SE_MAC)


def test_rhythm_and_end():
    rig = Rig()
    rig.sdp.start(1000)
    times = []
    for t in range(1000, 20000, 10):
        n = len(rig.sent)
        rig.sdp.step(t)
        if len(rig.sent) > n:
            times.append(t)
        if rig.sdp.failure:
            break
    assert times == [*range(1250, 1000 + 50 * 250, 250)]  # 49 repeats
    assert t == 1000 + 50 * 250
    assert rig.sdp.failure == "no answer to 50 SDP requests" and rig.sdp.result is None
    rig.run(t, t + 5000)
    assert len(rig.sent) == 50
    rig.host.feed(answer(), t)  # too late
    assert rig.sdp.result is None


def test_deadline():
    rig = Rig()
    rig.sdp.start(0)
    assert rig.sdp.step(100) == 250
    assert rig.sdp.step(250) == 500


def test_no_burst_after_a_pause():
    rig = Rig()
    rig.sdp.start(0)
    rig.sdp.step(7000)
    assert len(rig.sent) == 2 and rig.sdp.step(7000) == 7250


def test_waits_for_the_address():
    rig = Rig(dad=True)
    rig.sdp.start(0)
    rig.run(0, 1000)
    assert not rig.sent
    rig.run(1000, 1060)
    assert len(rig.sent) == 1


def test_requests_that_could_not_be_sent_are_told():
    rig = Rig()
    rig.take = False
    rig.sdp.start(0)
    rig.run(0, 20000)
    assert rig.sdp.failure == "no answer to 0 SDP requests, 50 could not be sent"


@pytest.mark.parametrize(
    "bad",
    [
        dict(mark=0x02FE),
        dict(mark=0x01FF),
        dict(kind=0x9000),
        dict(kind=0x9003),
        dict(size=19),
        dict(size=21),
        dict(size=0xFFFFFFFF),
        dict(transport=0x10),
        dict(port=0),
        dict(security=0x20),
        dict(address=frames.ALL_NODES),
        dict(address=bytes(16)),
        dict(address=bytes(15) + b"\1"),
        dict(cut=27),
        dict(cut=0),
    ],
)
def test_bad_answers_are_counted_and_end_nothing(bad):
    rig = Rig()
    rig.sdp.start(0)
    rig.host.feed(answer(**bad), 10)
    assert rig.sdp.counters == {"answers": 0, "bad": 1, "no_tls": 0}
    assert rig.sdp.result is None and rig.sdp.failure is None
    rig.host.feed(answer(), 20)
    assert rig.sdp.result


def test_failure_tells_of_bad_answers():
    rig = Rig()
    rig.sdp.start(0)
    rig.host.feed(answer(port=0), 10)
    rig.run(0, 20000)
    assert rig.sdp.failure == "no answer to 50 SDP requests, 1 bad ones"


@pytest.mark.parametrize(
    "good", [dict(port=1), dict(port=15118), dict(extra=b"more"), dict(security=0)]
)
def test_tolerated(good):
    rig = Rig()
    rig.sdp.start(0)
    rig.host.feed(answer(**good), 10)
    assert rig.sdp.result[1:3] == (good.get("port", 61851), good.get("security") == 0)


def test_wrong_destination_port():
    rig = Rig()
    rig.sdp.start(0)
    rig.host.feed(answer(dst=50001), 10)
    assert rig.sdp.result is None


def test_first_answer_counts():
    rig = Rig()
    rig.sdp.start(0)
    rig.host.feed(answer(), 10)
    first = rig.sdp.result
    other = SE[:15] + b"\x77"
    rig.host.feed(answer(address=other, source=other), 11)
    assert rig.sdp.result is first and rig.host.counters == {"udp_port": 1}


def test_answer_for_another_address_has_no_mac():
    rig = Rig()
    rig.sdp.start(0)
    other = SE[:15] + b"\x77"
    rig.host.feed(answer(address=other), 10)
    assert rig.sdp.result == (other, 61851, False, None)


def test_no_tls_although_asked():
    rig = Rig(tls=True)
    rig.sdp.start(0)
    rig.host.feed(answer(), 10)  # may be forged: goes on asking
    rig.run(0, 1000)
    assert rig.sdp.result is None and len(rig.sent) == 4
    rig.host.feed(answer(security=0), 1010)
    assert rig.sdp.result[2] is True

    rig = Rig(tls=True)
    rig.sdp.start(0)
    rig.host.feed(answer(), 10)
    rig.run(0, 20000)
    assert rig.sdp.failure == "the station offers no TLS"

    rig = Rig(tls=True, sdp_plain_ok=True)
    rig.sdp.start(0)
    rig.host.feed(answer(), 10)
    assert rig.sdp.result == (SE, 61851, False, SE_MAC)


def test_source_port_is_in_the_dynamic_range():
    for seed in range(200):
        port = Rig(urandom=random.Random(seed).randbytes).sdp._port
        assert 49152 <= port <= 65535


def test_again():
    rig = Rig()
    rig.sdp.start(0)
    rig.run(0, 20000)
    assert rig.sdp.failure
    rig.sdp.start(30000)
    assert rig.sdp.failure is None and len(rig.sent) == 51
    rig.host.feed(answer(), 30010)
    assert rig.sdp.result
