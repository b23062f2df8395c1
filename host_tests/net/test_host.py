# SPDX-License-Identifier: MIT
"""Frames in and out: what is taken, what is dropped and counted under which name."""

import random

import pytest
from evcc.net import Host

from host_tests.net import frames
from host_tests.net.line import EV, EV_MAC, SE, SE_MAC, Settings


@pytest.fixture
def host():
    sent = []
    h = Host(
        EV_MAC,
        lambda f: sent.append(bytes(f)) or True,
        random.Random(1).randbytes,
        Settings(net_dad=False),
    )
    h.sent = sent
    h.start(0)
    h.got = []
    h.udp_bind(50000, lambda *a: h.got.append((a[0], a[1], bytes(a[2]), a[3])))
    return h


def fed(host, frame, what=None):
    """Feeds it; exactly the counter `what` goes up."""
    before = dict(host.counters)
    host.feed(frame, 5)
    after = {k: v - before.get(k, 0) for k, v in host.counters.items() if v != before.get(k, 0)}
    assert after == ({what: 1} if what else {})


def test_udp_in(host):
    fed(host, frames.udp(15118, 50000, b"hello"))
    assert host.got == [(SE, 15118, b"hello", 5)]
    assert host.frame_mac == SE_MAC


def test_udp_to_all_nodes(host):
    fed(host, frames.udp(1, 50000, b"x", to=frames.ALL_NODES))
    assert len(host.got) == 1


def test_rubbish_in_the_padding_does_not_count(host):
    frame = frames.udp(1, 50000, b"")
    fed(host, frame + b"\xa5" * 37)
    assert host.got == [(SE, 1, b"", 5)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer(host, kind):
    fed(host, kind(frames.udp(1, 50000, b"x")))
    assert len(host.got) == 1


def test_udp_checksum_zero_is_refused(host):
    fed(host, frames.ip(17, b"\0\1\xc3\x50\0\x08\0\0"), "checksum")


def test_udp_checksum_that_computes_to_zero_is_sent_as_ffff(host):
    host.learn(SE, SE_MAC)
    for i in range(0x10000):
        if frames.udp(50000, 1, i.to_bytes(2, "big"), source=EV, to=SE)[60:62] == b"\xff\xff":
            break
    assert host.udp_send(SE, 1, 50000, i.to_bytes(2, "big"), 0)
    assert host.sent[-1][60:62] == b"\xff\xff"


@pytest.mark.parametrize("at", range(14, 70))
def test_every_damaged_byte_is_noticed(host, at):
    frame = bytearray(frames.udp(15118, 50000, b"12345678"))
    frame[at] ^= 0x11
    host.feed(frame, 5)
    if at in (15, 16, 17, 21):  # class, flow label and hop limit are in no checksum
        assert len(host.got) == 1
    else:
        assert not host.got and sum(host.counters.values()) == 1


HOP = bytes((0, 0, 5, 2, 0, 0, 1, 0))  # router alert


def test_hop_by_hop_header_is_skipped(host):
    fed(host, frames.udp(1, 50000, b"x", before=b"\x11" + HOP[1:], first=0))
    assert host.got[0][2] == b"x"
    fed(host, frames.udp(1, 50000, b"y", before=b"\x11\x01" + bytes(14), first=0))
    assert host.got[1][2] == b"y"


def test_mld_report_is_dropped_quietly(host):
    mld = frames.icmp(
        143, bytes(24), before=b"\x3a" + HOP[1:], first=0, to=frames.ALL_NODES, hops=1
    )
    fed(host, mld, "icmp_other")


@pytest.mark.parametrize(
    "frame, what",
    [
        (b"", "not_ipv6"),
        (bytes(53), "not_ipv6"),
        (frames.udp(1, 50000, b"")[:12] + b"\x08\0" + bytes(60), "not_ipv6"),
        (frames.udp(1, 50000, b"", mac=SE_MAC), "mac_other"),
        (frames.udp(1, 50000, b"", mac=b"\xff" * 6), "mac_other"),
        (frames.udp(1, 50000, b"", to=SE, mac=EV_MAC), "address_other"),
        (frames.udp(1, 50000, b"", to=bytes.fromhex("ff02" + "0" * 27 + "2")), "address_other"),
        (frames.udp(1, 50000, b"", eth=EV_MAC), "mac_ours"),
        (frames.udp(1, 50000, b"", eth=b"\1" + SE_MAC[1:]), "source_bad"),
        (frames.udp(1, 50000, b"", source=frames.ALL_NODES), "source_bad"),
        (frames.udp(1, 50000, b"", source=bytes(16)), "source_bad"),
        (frames.udp(1, 50000, b"abc")[:-1], "truncated"),
        (frames.udp(1, 50001, b""), "udp_port"),
        (frames.udp(1, 50000, b"", length=9), "udp_length"),
        (frames.udp(1, 50000, b"abc", length=7), "udp_length"),
        (frames.ip(44, b"\x11\0\0\1" + bytes(40)), "fragment"),
        (frames.ip(43, bytes(16)), "header"),
        (frames.ip(60, bytes(16)), "header"),
        (frames.ip(59, b""), "header"),
        (frames.ip(0, b"\x11\xff" + bytes(30)), "header"),
        (frames.ip(0, b"\x11\0"), "header"),
        (frames.ip(0, b""), "header"),
        (frames.ip(0, b"\x2c\0" + bytes(30)), "fragment"),
        (frames.ip(17, bytes(7)), "header"),
        (frames.ip(6, bytes(19)), "header"),
        (frames.ip(58, bytes(3)), "header"),
        (frames.icmp(1, bytes(40)), "icmp_other"),
        (frames.icmp(135, bytes(20), hops=254), "hop_limit"),
        (frames.icmp(136, bytes(20), hops=64), "hop_limit"),
        (frames.icmp(134, bytes(20)), "icmp_other"),
    ],
)
def test_dropped_and_counted(host, frame, what):
    fed(host, frame, what)
    assert not host.got and not host.sent


def test_udp_longer_datagram_uses_its_length(host):
    frame = frames.udp(1, 50000, b"abcdef", length=11)
    fed(host, frame)
    assert host.got[0][2] == b"abc"


def test_echo(host):
    fed(host, frames.icmp(128, b"\0\1\0\2" + b"data", hops=64))
    assert host.sent == [
        frames.icmp(129, b"\0\1\0\2" + b"data", source=EV, to=SE, mac=SE_MAC, eth=EV_MAC)
    ]


def test_echo_to_a_group_is_not_answered(host):
    fed(host, frames.icmp(128, b"\0\1\0\2", to=frames.ALL_NODES), "icmp_other")
    assert not host.sent


def test_udp_send_and_unbind(host):
    host.udp_bind(50000, None)
    fed(host, frames.udp(1, 50000, b""), "udp_port")
    host.learn(SE, SE_MAC)
    assert host.udp_send(SE, 15118, 50000, b"abc", 1)
    assert host.sent == [
        frames.udp(50000, 15118, b"abc", source=EV, to=SE, mac=SE_MAC, eth=EV_MAC)
    ]
    assert not host.udp_send(SE, 15118, 50000, bytes(1453), 1)
    assert host.udp_send(SE, 15118, 50000, bytes(1452), 1)


def test_link_that_takes_nothing_is_told_and_counted(host):
    host.send = lambda f: False
    host.learn(SE, SE_MAC)
    assert not host.udp_send(SE, 1, 2, b"", 0)
    assert host.counters["tx_refused"] == 1


def test_stray_segment_gets_rst(host):
    fed(host, frames.tcp(1000, 2000, 5, 77, 0x10), "tcp_stray")
    s = frames.Segment(host.sent.pop())
    assert (s.src, s.dst, s.seq, s.flags) == (2000, 1000, 77, 4)
    fed(host, frames.tcp(1000, 2000, 5, 0, 0x02, data=b"abc"), "tcp_stray")
    s = frames.Segment(host.sent.pop())
    assert (s.seq, s.ack, s.flags) == (0, 9, 0x14)
    fed(host, frames.tcp(1000, 2000, 5, 0, 0x04), "tcp_stray")  # never a RST for a RST
    assert not host.sent
    fed(host, frames.tcp(1, 2, 5, 0, 2, to=frames.ALL_NODES))  # nor to a group
    assert not host.sent


def test_tcp_header_length_is_checked(host):
    for off in (0, 4, 6, 15):
        f = bytearray(frames.tcp(1, 2, 3, 4, 16))
        f[66] = off << 4
        fed(host, frames.ip(6, bytes(f[54:]), 16), "tcp_length")


def test_memory_stays_the_same():
    """Nothing that comes in makes the host keep more than its bounded tables."""
    rng = random.Random(3)
    h = Host(EV_MAC, lambda f: True, rng.randbytes, Settings(net_dad=False))
    h.start(0)
    for i in range(3000):
        other = SE[:12] + i.to_bytes(4, "big")
        h.feed(frames.ns(source=other, option=b"\1\1\2" + rng.randbytes(5)), i)
        h.feed(frames.na(target=other, source=other), i)
        h.feed(frames.tcp(i, 2, 3, 4, 2, source=other), i)
    assert len(h._neighbours._cache) == 0
    for i in range(100):
        h.udp_send(SE[:12] + i.to_bytes(4, "big"), 1, 2, b"", i)
    assert len(h._neighbours._cache) <= 8
    assert len(h.counters) < 20
