# SPDX-License-Identifier: MIT
"""TCP client, sending: segments, repeats and their times, the window of the peer."""

import random

from host_tests.net.frames import Segment
from host_tests.net.line import Inbox, Line
from host_tests.net.tcp_peer import ACK, PSH, RST, Peer


def test_whole_message_in_one_segment_if_it_fits():
    p = Peer().established()
    for n in (1, 100, 1440):
        p.tcp.send(bytes(n), p.line.now)
        (s,) = p.heard()
        assert len(s.data) == n and s.flags == PSH | ACK
        p.ack += n
        p.say()


def test_big_message_and_two_segments_in_flight():
    p = Peer().established()
    data = random.Random(1).randbytes(8000)
    assert p.tcp.send(data, p.line.now)
    got = b""
    while len(got) < 8000:
        run = p.heard()
        assert 1 <= len(run) <= 2
        for s in run:
            assert s.seq == p.ack
            got += s.data
            p.ack += len(s.data)
            assert bool(s.flags & PSH) == (len(got) == 8000)
        p.say()
    assert got == data and p.tcp._queue is p.tcp._small
    assert not p.tcp.send(bytes(16385), p.line.now)  # nothing is taken
    assert not p.heard()


def test_send_says_no_when_full():
    p = Peer(window=0).established()
    assert p.tcp.send(bytes(10000), p.line.now)
    assert not p.tcp.send(bytes(7000), p.line.now)
    assert p.tcp.send(bytes(6384), p.line.now)
    assert not p.tcp.send(b"x", p.line.now)


def test_queue_goes_round():
    """Many messages with late acknowledgements: the buffer is compacted, never grown, bytes stay
    right.
    """
    p = Peer().established()
    rng = random.Random(5)
    want = got = b""
    for _ in range(500):
        m = rng.randbytes(rng.randrange(1, 700))
        if len(want) - len(got) + len(m) < 2000 and p.tcp.send(m, p.line.now):
            want += m
        run = p.heard()
        if run and rng.random() < 0.7:
            for s in run:
                if s.seq == p.ack:
                    got += s.data
                    p.ack += len(s.data)
            p.say()
        elif run:
            p.line.run(2500)  # repeated
    assert len(p.tcp._queue) <= 2000
    for _ in range(20):
        p.say()
        for s in p.wait(2500):
            if s.seq == p.ack:
                got += s.data
                p.ack += len(s.data)
    assert got == want


def test_retransmission_backs_off_and_gives_up():
    p = Peer().established()
    assert p.tcp.send(b"lost", p.line.now)
    t0 = p.line.now
    assert p.line.run(60000, lambda: p.tcp.state == "CLOSED")
    assert p.tcp.error == "timeout"
    log = [(t - t0, Segment(f)) for t, who, f in p.line.log if who == "ev"]
    gaps = [b[0] - a[0] for a, b in zip(log, log[1:])]
    assert log[-1][1].flags == RST | ACK
    assert all(s.data == b"lost" for _, s in log[:-1]) and len(log) == 14
    assert gaps[0] == 100  # 10 ms were measured: the floor
    assert gaps[1:6] == [200, 400, 800, 1600, 2000] and set(gaps[6:]) == {2000}


def test_rto_follows_the_round_trip():
    p = Peer().established()
    for _ in range(30):
        p.tcp.send(b"x", p.line.now)
        p.line.run(400)
        p.ack += 1
        p.say()
    assert 400 < p.tcp._rto < 600
    p.heard()
    p.tcp.send(b"x", p.line.now)
    assert len(p.wait(400)) == 1
    for _ in range(60):
        p.ack += 1
        p.say()
        p.tcp.send(b"x", p.line.now)
        p.line.run(2)
    assert p.tcp._rto == 100


def test_repeated_segments_measure_nothing():
    p = Peer().established()
    p.tcp.send(b"x", p.line.now)
    before = p.tcp._srtt
    p.line.run(1000)
    p.ack += 1
    p.say()
    assert p.tcp._srtt == before


def test_only_one_segment_is_repeated_until_it_is_acknowledged():
    p = Peer().established()
    p.tcp.send(bytes(2880), p.line.now)
    assert len(p.heard()) == 2
    run = p.wait(150)
    assert [s.seq - p.ack for s in run] == [0] and len(run[0].data) == 1440
    p.ack += 2880  # the second had arrived
    p.say()
    assert not p.wait(5000) and p.tcp._len == 0


def test_timer_starts_again_with_each_acknowledgement():
    p = Peer().established()
    p.tcp.send(bytes(2880), p.line.now)
    p.heard()
    p.line.run(80)
    p.ack += 1440
    p.say()
    assert not p.wait(80)  # 160 ms after sending, 80 after the acknowledgement
    (s,) = p.wait(60)
    assert s.seq == p.ack


def test_lost_ack_is_no_matter():
    p = Peer().established()
    p.say(data=b"abc")
    p.heard()
    for _ in range(3):
        p.say(data=b"abc")  # each repeat is acknowledged at once
        (s,) = p.heard()
        assert s.ack == (p.seq + 3) & 0xFFFFFFFF
    assert p.inbox == b"abc"


def test_device_asleep_for_seconds():
    """7 s without a call: one repeat, no give-up, and what waited in the modem is taken."""
    line = Line(9).ready()
    tcp, conn = line.connect()
    a, b = Inbox(), Inbox()
    tcp.on_data, conn.on_data = a, b
    assert tcp.send(b"before", line.now)
    line.filter = lambda who, frame, now: False
    line.run(5)
    line.filter = None
    for _ in range(5):
        line.asleep = {"ev"}
        conn.send(b"question", line.now)
        line.run(7000)
        line.asleep = set()
        line.run(3000)
    assert b == b"before" and a == b"question" * 5
    assert tcp.state == conn.state == "ESTABLISHED"


def test_window_of_the_peer_is_kept():
    p = Peer(window=500).established()
    p.tcp.send(bytes(1200), p.line.now)
    sizes = []
    for _ in range(3):
        for s in p.heard():
            sizes.append(len(s.data))
            p.ack += len(s.data)
        p.say()
    assert sizes == [500, 500, 200]


def test_small_windows_are_not_filled_with_crumbs():
    p = Peer(window=1500).established()
    p.tcp.send(bytes(2800), p.line.now)
    assert [len(s.data) for s in p.heard()] == [1440]  # 60 more would fit
    p.ack += 1440
    p.say()
    assert [len(s.data) for s in p.heard()] == [1360]


def test_zero_window_is_probed_for_as_long_as_the_peer_answers():
    p = Peer(window=0).established()
    p.tcp.send(b"abc", p.line.now)
    assert not p.heard()
    t0, probes = p.line.now, 0
    while p.line.now - t0 < 60000:
        for s in p.wait(1000):
            probes += 1
            assert s.data == b"a" and s.seq == p.ack
            p.say()
    assert 55 <= probes <= 61 and p.tcp.state == "ESTABLISHED"
    p.say(window=100)
    got = p.heard()
    assert b"".join(s.data for s in got) == b"abc" and got[0].seq == p.ack


def test_zero_window_without_answers_ends():
    p = Peer(window=0).established()
    p.tcp.send(b"abc", p.line.now)
    p.line.run(30000)
    assert p.tcp.error == "timeout"


def test_window_closes_in_the_middle():
    p = Peer().established()
    p.tcp.send(bytes(4000), p.line.now)
    p.heard()
    p.ack += 2880
    p.say(window=0)
    assert not p.wait(900)
    (probe,) = p.wait(200)
    assert len(probe.data) == 1
    p.ack += 1
    p.say(window=8000)  # the probe's byte was taken
    assert sum(len(s.data) for s in p.heard()) == 1119


def test_old_segment_does_not_shrink_the_window():
    p = Peer().established()
    old = p.seq
    p.say(data=b"x")
    p.seq += 1
    p.heard()
    p.say(seq=old, data=b"x", window=0)
    p.heard()
    assert p.tcp.send(b"y", p.line.now) and len(p.heard()) == 1
