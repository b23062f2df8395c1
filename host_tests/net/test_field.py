# SPDX-License-Identifier: MIT
"""Frames read out of real sessions (not in this repository): our host plays the car of each.

Run with UEVCC_FIELD_DATA naming the folder that holds plc/ip.jsonl.
"""

import json
import random

import pytest
from evcc.net import Host, ipv6
from evcc.params import Params
from evcc.sdp import Sdp

from host_tests.net.frames import Segment
from host_tests.net.line import Settings


@pytest.fixture
def samples(field_data):
    lines = (field_data / "plc" / "ip.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def of(samples, text):
    found = [s for s in samples if text in s["message"]]
    assert found, f"no sample {text!r}"
    return [(bytes.fromhex(s["hex"]), s["decoded"]) for s in found]


def host(mac):
    sent = []
    h = Host(mac, lambda f: sent.append(bytes(f)) or True, random.Random(1).randbytes)
    h.params = Settings(net_dad=False)
    h.start(0)
    h.sent = sent
    return h


def mac_of(text):
    return bytes.fromhex(text.replace(":", ""))


def test_every_sample_has_the_stated_fields(samples):
    for s in samples:
        frame, d = bytes.fromhex(s["hex"]), s["decoded"]
        car = mac_of(d["dst"])
        if (
            car[0] & 1 and car != b"\x33\x33\0\0\0\1"
        ):  # solicited node: complete it from the target
            car = bytes.fromhex(d["target"])
            car = bytes((car[8] ^ 2, *car[9:11], *car[13:]))
        h = host(bytes(6) if car[0] & 1 else car)
        h.address = bytes.fromhex(d["ip_dst"]) if d["ip_dst"][:2] != "ff" else h.address
        h.feed(frame, 0)
        assert not {"checksum", "truncated", "header", "not_ipv6"} & set(h.counters), s["id"]
        assert h.frame_mac == mac_of(d["src"])
        damaged = bytearray(frame)
        damaged[-1] ^= 1
        h.feed(damaged, 0)
        assert h.counters.get("checksum") == 1, s["id"]


def test_sdp_request_is_ours(samples):
    """The same car address and port give the same bytes, hop limit (free) and checksum apart."""
    for frame, d in of(samples, "SDP request"):
        h = host(mac_of(d["src"]))
        assert h.address == bytes.fromhex(d["ip_src"])
        port = d["udp_src"]
        sdp = Sdp(h, bytes, d["security"] == 0, Params())
        sdp._port = port
        sdp.start(0)
        assert h.sent[0][:21] + frame[21:22] + h.sent[0][22:] == frame


def test_solicitation_gets_the_recorded_answer(samples):
    (ask, a), (answer, _) = (
        of(samples, "neighbour solicitation")[0],
        of(samples, "advertisement")[0],
    )
    h = host(answer[6:12])
    h.feed(ask, 0)
    assert h.sent == [answer]
    assert ipv6.solicited_node(h.address) == bytes.fromhex(a["ip_dst"])


def test_sdp_response_is_taken(samples):
    for frame, d in of(samples, "SDP response"):
        h = host(frame[:6])
        h.address = bytes.fromhex(d["ip_dst"])
        sdp = Sdp(h, lambda n: bytes(n), frame[-2] == 0, Params())
        sdp._port = int.from_bytes(frame[56:58], "big")
        sdp.start(0)
        h.feed(frame, 1)
        address, port, tls, mac = sdp.result
        assert address == frame[70:86] and port == int.from_bytes(frame[86:88], "big")
        assert mac in (None, frame[6:12]) and tls == (frame[-2] == 0)


def test_syn_ack_opens_the_connection(samples):
    for frame, _ in of(samples, "SYN-ACK"):
        s = Segment(frame)
        h = host(frame[:6])
        h.address, peer = frame[38:54], frame[22:38]
        h.learn(peer, frame[6:12])
        tcp = h.connect(peer, s.src, 0)
        tcp.local_port = s.dst
        tcp._una, tcp._max = s.ack - 1, s.ack
        h.feed(frame, 1)
        assert tcp.state == "ESTABLISHED" and tcp._wnd == s.window
        assert tcp._mss == min(1440, int.from_bytes(s.options[2:4], "big"))
        ack = Segment(h.sent[-1])
        assert (ack.flags, ack.ack, ack.seq) == (16, (s.seq + 1) & 0xFFFFFFFF, s.ack)
