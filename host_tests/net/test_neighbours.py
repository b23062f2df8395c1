# SPDX-License-Identifier: MIT
"""Duplicate address detection, neighbour discovery both ways, the cache and what strangers cannot
do to it.
"""

import random

from evcc.net import Host

from host_tests.net import frames
from host_tests.net.line import EV, EV_MAC, SE, SE_MAC, Line, Settings

OTHER_MAC = bytes.fromhex("020000666666")
DAD_NS = bytes.fromhex(
    "3333ff0e0e010200000e0e0186dd6000000000183aff00000000000000000000000000000000ff0200000000"
    "000000000001ff0e0e018700610900000000fe80000000000000000000fffe0e0e01"
)
NS_FROM_SECC = bytes.fromhex(
    "3333ff0e0e010200005e5e0286dd6000000000203afffe80000000000000000000fffe5e5e02ff0200000000"
    "000000000001ff0e0e018700a3be00000000fe80000000000000000000fffe0e0e0101010200005e5e02"
)
NA_ANSWER = bytes.fromhex(
    "0200005e5e020200000e0e0186dd6000000000203afffe80000000000000000000fffe0e0e01fe8000000000"
    "0000000000fffe5e5e028800929360000000fe80000000000000000000fffe0e0e0102010200000e0e01"
)
RS = bytes.fromhex(
    "3333000000020200000e0e0186dd6000000000103afffe80000000000000000000fffe0e0e01ff0200000000"
    "0000000000000000000285005f100000000001010200000e0e01"
)


def new(dad=False, **settings):
    sent = []
    h = Host(
        EV_MAC, lambda f: sent.append(bytes(f)) or True, random.Random(1).randbytes,
        Settings(net_dad=dad, **settings),
    )  # fmt: skip
    h.sent = sent
    h.start(0)
    return h


def test_address_is_checked_first():
    h = new(dad=True)
    assert h.sent == [DAD_NS]
    assert not h.ready and not h.udp_send(frames.ALL_NODES, 1, 2, b"", 0)
    assert h.step(0) == 1000
    h.step(999)
    assert not h.ready
    h.step(1000)
    assert h.ready and h.address == EV and len(h.sent) == 1


def test_nothing_is_answered_for_an_address_that_is_not_ours_yet():
    h = new(dad=True)
    h.feed(NS_FROM_SECC, 1)
    h.feed(frames.udp(1, 2, b""), 1)
    h.feed(frames.tcp(1, 2, 3, 4, 2), 1)
    h.feed(frames.icmp(128, bytes(4)), 1)
    assert h.sent == [DAD_NS] and not h.ready


def conflict_by_na():
    return frames.na(
        target=EV,
        flags=0x20,
        option=b"\2\1" + OTHER_MAC,
        source=EV,
        to=frames.ALL_NODES,
        eth=OTHER_MAC,
    )


def test_duplicate_told_by_its_owner():
    h = new(dad=True)
    h.feed(conflict_by_na(), 500)
    assert h.counters == {"duplicate": 1}
    h.step(1499)
    assert not h.ready
    h.step(1500)
    assert h.ready and h.address[:8] == EV[:8] and h.address != EV
    assert h.sent[1][-16:] == h.address  # was checked as well


def test_duplicate_told_by_another_check():
    h = new(dad=True)
    h.feed(frames.ns(source=bytes(16), option=b"", eth=OTHER_MAC), 500)
    h.step(1500)
    assert h.ready and h.address != EV


def test_forged_duplicates_do_not_keep_us_off():
    h = new(dad=True)
    for t in range(0, 3000, 10):
        for target in (EV, h.address, h._neighbours.tentative or EV):
            h.feed(frames.na(target=target, source=SE, to=frames.ALL_NODES), t)
        h.step(t)
    assert h.ready and len(h.sent) < 10


def test_duplicate_later_is_counted_only():
    h = new()
    h.feed(conflict_by_na(), 5)
    assert h.counters == {"duplicate": 1} and h.address == EV and h.ready


def test_solicitation_by_multicast_is_answered():
    h = new()
    h.feed(NS_FROM_SECC, 1)
    assert h.sent == [NA_ANSWER]


def test_solicitation_by_unicast_is_answered():
    h = new()
    h.feed(frames.ns(to=EV, option=b""), 1)
    assert h.sent == [NA_ANSWER]


def test_answer_goes_to_the_mac_in_the_option():
    h = new()
    h.feed(frames.ns(eth=OTHER_MAC), 1)
    assert h.sent == [NA_ANSWER]


def test_check_of_our_address_by_somebody_else():
    h = new()
    h.feed(frames.ns(source=bytes(16), option=b""), 1)
    assert h.sent == [
        frames.na(
            target=EV,
            flags=0x20,
            option=b"\2\1" + EV_MAC,
            source=EV,
            to=frames.ALL_NODES,
            eth=EV_MAC,
        )
    ]


def test_bad_neighbour_messages():
    good = dict(hops=255)
    for frame, what in (
        (frames.ns(hops=254), "hop_limit"),
        (frames.ns(code=1), "nd_bad"),
        (frames.ns(target=frames.ALL_NODES), "nd_bad"),
        (frames.ns(option=b"\1\0" + SE_MAC), "nd_bad"),
        (frames.ns(option=b"\1\2" + SE_MAC), "nd_bad"),
        (frames.ns(option=b"\1"), "nd_bad"),
        (frames.icmp(135, bytes(8), **good), "nd_bad"),
        (frames.ns(target=SE), "ns_other"),
    ):
        h = new()
        h.feed(frame, 1)
        assert h.counters == {what: 1} and not h.sent, what


def test_asks_for_a_neighbour_and_sends_once_it_knows():
    h = new()
    assert not h.udp_send(SE, 1, 2, b"x", 0)
    ask = frames.ns(
        target=SE, option=b"\1\1" + EV_MAC, source=EV, eth=EV_MAC,
        to=bytes.fromhex("ff0200000000000000000001ff5e5e02"),
    )  # fmt: skip
    assert h.sent == [ask]
    assert not h.udp_send(SE, 1, 2, b"x", 299)
    assert len(h.sent) == 1  # not each time
    assert not h.udp_send(SE, 1, 2, b"x", 300)
    assert h.sent == [ask, ask]
    h.feed(frames.na(), 310)
    assert h.udp_send(SE, 1, 2, b"x", 320)
    assert h.sent[-1] == frames.udp(2, 1, b"x", source=EV, to=SE, mac=SE_MAC, eth=EV_MAC)


def test_entry_expires():
    h = new()
    h.learn(SE, SE_MAC, 0)
    assert h.udp_send(SE, 1, 2, b"", 29999) and len(h.sent) == 1
    assert h.udp_send(SE, 1, 2, b"", 30000)  # still used, but checked by unicast
    assert [f[20] for f in h.sent] == [17, 58, 17]
    assert h.sent[1] == frames.ns(
        target=SE, option=b"\1\1" + EV_MAC, source=EV, to=SE, eth=EV_MAC, mac=SE_MAC
    )
    h.feed(frames.na(), 30010)
    h.udp_send(SE, 1, 2, b"", 59999)
    assert [f[20] for f in h.sent] == [17, 58, 17, 17]
    t, sent = 60020, True
    while sent and t < 70000:
        sent = h.udp_send(SE, 1, 2, b"", t)
        t += 100
    assert not sent and 60900 < t < 61500  # three questions without answer: forgotten
    assert h.sent[-1][:6] == bytes.fromhex("3333ff5e5e02")


def test_unasked_advertisements_make_no_entry():
    h = new()
    h.feed(frames.na(), 1)
    h.feed(frames.na(flags=0x20, to=frames.ALL_NODES), 1)
    assert not h.udp_send(SE, 1, 2, b"", 2)


def test_override():
    h = new()
    h.learn(SE, SE_MAC, 0)
    h.feed(frames.na(flags=0x40, option=b"\2\1" + OTHER_MAC), 1)
    h.udp_send(SE, 1, 2, b"", 2)
    assert h.sent[-1][:6] == SE_MAC
    h.feed(frames.na(flags=0x60, option=b"\2\1" + OTHER_MAC), 3)
    h.udp_send(SE, 1, 2, b"", 4)
    assert h.sent[-1][:6] == OTHER_MAC


def test_mac_of_the_peer_stays_while_tcp_runs():
    line = Line().ready()
    tcp, conn = line.connect()
    for flags in (0x20, 0x60):
        line.put("ev", frames.na(flags=flags, option=b"\2\1" + OTHER_MAC, eth=OTHER_MAC))
    line.put("ev", frames.ns(option=b"\1\1" + OTHER_MAC, eth=OTHER_MAC))
    line.run(50)
    line.ev.learn(SE, OTHER_MAC, line.now)
    assert line.ev.counters["mac_kept"] == 3
    line.log.clear()
    assert tcp.send(b"x", line.now) and line.ev.udp_send(SE, 1, 2, b"", line.now)
    assert all(f[:6] == SE_MAC for _, who, f in line.log if who == "ev")
    tcp.abort(line.now)
    line.ev.learn(SE, OTHER_MAC, line.now)
    line.ev.udp_send(SE, 1, 2, b"", line.now)
    assert line.log[-1][2][:6] == OTHER_MAC


def test_cache_is_bounded_and_throws_out_the_oldest():
    h = new()
    for i in range(20):
        h.learn(SE[:15] + bytes((i,)), SE_MAC, i)
    n = len(h.sent)
    assert all(h.udp_send(SE[:15] + bytes((i,)), 1, 2, b"", 20) for i in range(12, 20))
    assert len(h.sent) == n + 8
    assert not h.udp_send(SE[:15] + bytes((11,)), 1, 2, b"", 20)


def test_start_forgets():
    line = Line().ready()
    tcp, _ = line.connect()
    line.ev.start(line.now)
    assert not line.ev.ready and line.ev.tcp is None
    line.run(1100)
    assert line.ev.ready and not line.ev.udp_send(SE, 1, 2, b"", line.now)


def test_unasked_advertisement_confirms_nothing():
    h = new()
    h.learn(SE, SE_MAC, 0)
    h.feed(frames.na(flags=0x20), 29000)
    h.udp_send(SE, 1, 2, b"", 30000)
    assert [f[20] for f in h.sent] == [58, 17]  # is checked all the same


def test_three_questions_then_the_group_again():
    h = new()
    h.learn(SE, SE_MAC, 0)
    for t in range(30000, 31300, 100):
        h.udp_send(SE, 1, 2, b"", t)
    asked = [f[:6] for f in h.sent if f[20] == 58]
    assert asked == [SE_MAC] * 3 + [bytes.fromhex("3333ff5e5e02")] * 2


def test_other_options_are_passed_over():
    h = new()
    h.feed(
        frames.ns(option=b"\x0e\1nonce!" + b"\1\2" + bytes(14) + b"\1\1" + SE_MAC, eth=OTHER_MAC),
        1,
    )
    assert h.sent == [NA_ANSWER]
