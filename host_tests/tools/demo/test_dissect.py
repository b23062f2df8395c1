# SPDX-License-Identifier: MIT
"""The recording's own way up the layers, on frames composed here."""

import random
import struct

from evcc import exi

from tools.demo.dissect import Dissector, address_text

CAR, STATION = bytes.fromhex("020000000e01"), bytes.fromhex("020000000e02")
A, B = bytes.fromhex("fe80" + "00" * 13 + "01"), bytes.fromhex("fe80" + "00" * 13 + "02")


def ether(kind, payload, source=CAR, target=STATION):
    return (target + source + struct.pack(">H", kind) + payload).ljust(60, b"\xaa")


def ipv6(header, payload, source=A, target=B):
    return struct.pack(">IHBB", 6 << 28, len(payload), header, 64) + source + target + payload


def tcp(number, data=b"", flags=0x10, back=False):
    ports = (61000, 50000) if not back else (50000, 61000)
    head = struct.pack(">HHIIBBHHH", *ports, number & 0xFFFFFFFF, 0, 5 << 4, flags, 1000, 0, 0)
    ends = (B, A) if back else (A, B)
    macs = (STATION, CAR) if back else (CAR, STATION)
    return ether(0x86DD, ipv6(6, head + data, *ends), *macs)


def v2g(kind, schema, name, message):
    payload = exi.encode(schema, name, message)
    return struct.pack(">BBHI", 1, 0xFE, kind, len(payload)) + payload


SAP = v2g(0x8001, "sap", "supportedAppProtocolRes", {"ResponseCode": "OK_SuccessfulNegotiation"})
STOP = v2g(
    0x8002,
    "iso20_common",
    "SessionStopReq",
    {"Header": {"SessionID": bytes(8), "TimeStamp": 5}, "ChargingSession": "Terminate"},
)


def names(rows):
    return [row["name"] for row in rows]


def test_slac_names_and_senders():
    d = Dissector({CAR: "car"})
    for kind, name in (
        (0x6064, "CM_SLAC_PARM.REQ"),
        (0x606A, "CM_START_ATTEN_CHAR.IND"),
        (0x606F, "CM_ATTEN_CHAR.RSP"),
        (0x6076, "CM_MNBC_SOUND.IND"),
        (0x607D, "CM_SLAC_MATCH.CNF"),
        (0x6086, "CM_ATTEN_PROFILE.IND"),
        (0xA14E, "MME a14e"),
    ):
        (row,) = d.feed(ether(0x88E1, b"\x01" + struct.pack("<H", kind)), 7)
        assert (row["name"], row["layer"], row["from"]) == (name, "SLAC", "car")
    assert d.feed(ether(0x88E1, b"\x01\x64\x60", STATION), 8)[0]["from"] == "02:00:00:00:0e:02"


def test_sdp_fields():
    d = Dissector()
    ask = bytes.fromhex("01fe9000000000021000")
    udp = struct.pack(">HHHH", 50001, 15118, 8 + len(ask), 0) + ask
    (row,) = d.feed(ether(0x86DD, ipv6(17, udp)), 1)
    assert row["name"] == "SECCDiscoveryReq" and row["fields"] == {"security": "none"}
    answer = bytes.fromhex("01fe900100000014") + B + struct.pack(">HBB", 50000, 0x10, 0)
    udp = struct.pack(">HHHH", 15118, 50001, 8 + len(answer), 0) + answer
    (row,) = d.feed(ether(0x86DD, ipv6(17, udp)), 1)
    assert row["fields"] == {"address": "fe80::2", "port": 50000, "security": "none"}
    assert address_text(A) == "fe80::1"


def test_messages_across_any_segments_repeats_and_order():
    for seed in range(40):
        rng = random.Random(seed)
        d, found = Dissector(), []
        start = rng.choice((1000, 0xFFFFFFF0))
        assert names(d.feed(tcp(start, flags=2), 0)) == ["SYN"]
        data = SAP + STOP + STOP
        pieces, at = [], 0
        while at < len(data):
            n = rng.randrange(1, 40)
            pieces.append((start + 1 + at, data[at : at + n]))
            at += n
        pieces += rng.choices(pieces, k=3)  # sent twice
        if rng.random() < 0.7:  # some out of order, but the line reorders little
            i = rng.randrange(len(pieces) - 1)
            pieces[i], pieces[i + 1] = pieces[i + 1], pieces[i]
        for number, piece in pieces:
            found += [row for row in d.feed(tcp(number, piece), 1) if row["layer"] == "V2G"]
        assert names(found) == ["supportedAppProtocolRes"] + ["SessionStopReq"] * 2, f"seed {seed}"
        assert found[1]["message"]["ChargingSession"] == "Terminate"
        assert not d.errors


def test_both_directions_and_the_end():
    d = Dissector()
    rows = d.feed(tcp(1, flags=2), 0) + d.feed(tcp(9, flags=18, back=True), 1)
    assert names(rows) == ["SYN", "SYN-ACK"]
    assert names(d.feed(tcp(2, STOP), 2)) == ["SessionStopReq"]
    assert names(d.feed(tcp(10, SAP, back=True), 3)) == ["supportedAppProtocolRes"]
    assert names(d.feed(tcp(2, STOP), 4)) == ["retransmission"]
    assert names(d.feed(tcp(50, flags=0x11), 5)) == ["FIN"]
    assert names(d.feed(tcp(50, flags=4), 5)) == ["RST"]


def test_what_cannot_be_read_is_a_row_with_an_error():
    d = Dissector()
    bad = struct.pack(">BBHI", 1, 0xFE, 0x8002, 3) + b"\x80\xff\xff"
    (row,) = d.feed(tcp(1, bad), 0)
    assert row["error"] and row["layer"] == "V2G"
    (row,) = d.feed(tcp(12, struct.pack(">BBHI", 1, 0xFE, 0xB000, 0)), 0)
    assert "no schema" in row["error"]
    (row,) = d.feed(tcp(20, b"GET / HTTP/1.1"), 0)
    assert "V2GTP" in row["error"]
    assert d.errors == 3


def test_random_and_cut_frames_never_raise():
    rng = random.Random(5)
    d = Dissector()
    good = [tcp(1, flags=2), tcp(2, STOP), ether(0x88E1, b"\x01\x64\x60")]
    for _ in range(2000):
        frame = bytearray(rng.choice(good))
        for _ in range(rng.randrange(4)):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        d.feed(frame[: rng.randrange(len(frame) + 1)], 0)
    assert d.frames == 2000
