# SPDX-License-Identifier: MIT
"""TCP client in simulated time: against hand-made segments, and against our server over a bad
line.
"""

import random

import pytest

from host_tests.net import frames
from host_tests.net.frames import Segment, segments
from host_tests.net.line import EV_MAC, SE, SE_MAC, Inbox, Line

SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
EXAMPLE_SYN = bytes.fromhex(
    "0200005e5e020200000e0e0186dd6000000000180640fe80000000000000000000fffe0e0e01fe8000000000"
    "0000000000fffe5e5e02c351f19b112233440000000060020b405aed00000204 05a0".replace(" ", "")
)


class Peer:
    """A peer by hand: says what it is told, keeps what it hears. Our host alone, no station."""

    def __init__(self, seed=1, mss=1440, window=8000):
        self.line = Line(seed)
        self.line.se.feed = lambda frame, now: None
        self.line.ready()
        self.host = self.line.ev
        self.host.learn(SE, SE_MAC, self.line.now)
        self.line.log.clear()
        self.tcp = self.host.connect(SE, 61851, self.line.now)
        self.inbox = self.tcp.on_data = Inbox()
        self.mss, self.window = mss, window
        self.iss = self.seq = 0xFFFFFF00  # wraps soon
        self.ack = None

    def say(self, flags=ACK, data=b"", seq=None, ack=None, window=None, options=b"", src=61851):
        """One segment to us, now."""
        frame = frames.tcp(
            src, self.tcp.local_port, self.seq if seq is None else seq,
            (self.ack or 0) if ack is None else ack, flags,
            self.window if window is None else window, data, options,
        )  # fmt: skip
        self.host.feed(frame, self.line.now)

    def heard(self):
        """Segments that we sent since the last time."""
        s = segments(self.line.log)
        self.line.log.clear()
        return s

    def wait(self, ms):
        self.line.run(ms)
        return self.heard()

    def established(self):
        (syn,) = self.heard()
        self.ack = syn.seq + 1
        mss = b"" if self.mss is None else b"\2\4" + self.mss.to_bytes(2, "big")
        self.line.run(10)
        self.say(SYN | ACK, options=mss)
        self.seq += 1
        (ack,) = self.heard()
        assert (ack.flags, ack.seq, ack.ack) == (ACK, self.ack, self.seq & 0xFFFFFFFF)
        assert self.tcp.state == "ESTABLISHED"
        return self


def test_syn_bytes():
    """The composed SYN of the field notes, with our window and the checksum that goes with it."""
    line = Line().ready()
    line.ev.learn(SE, SE_MAC, line.now)
    line.ev._port = 0x350
    line.ev.urandom = lambda n: bytes.fromhex("11223344")
    line.ev.connect(SE, 61851, line.now)
    assert line.log[-1][2][:74] == EXAMPLE_SYN[:70] + line.log[-1][2][70:74]
    s = Segment(line.log[-1][2])
    assert (s.seq, s.window, s.options) == (0x11223344, 2880, b"\2\4\5\xa0")


# ---- opening


def test_handshake_and_data():
    p = Peer().established()
    assert p.tcp.send(b"hello", p.line.now)
    (s,) = p.heard()
    assert (s.flags, s.data, s.seq) == (ACK | PSH, b"hello", p.ack)
    p.ack += 5
    p.say(data=b"world")
    assert p.inbox == b"world"
    (s,) = p.heard()
    assert (s.flags, s.ack, s.data) == (ACK, (p.seq + 5) & 0xFFFFFFFF, b"")


def test_answer_in_on_data_carries_the_ack():
    p = Peer().established()
    p.tcp.on_data = lambda data, now: p.tcp.send(b"answer", now)
    p.say(data=b"question")
    (s,) = p.heard()
    assert s.data == b"answer" and s.ack == (p.seq + 8) & 0xFFFFFFFF


def test_numbers_and_ports_are_random_and_new():
    seen = set()
    for seed in range(50):
        p = Peer(seed)
        (syn,) = p.heard()
        assert 49152 <= syn.src <= 65535
        seen.add((syn.seq, syn.src))
    assert len(seen) == 50
    ports = {p.host.new_port() for _ in range(16384)}
    assert len(ports) == 16384  # none comes again soon


def test_syn_times_and_new_source_ports():
    p = Peer()
    t0 = p.line.now
    assert not p.line.run(20000, lambda: p.tcp.state == "CLOSED") or p.tcp.error == "timeout"
    log = [(t - t0, Segment(f)) for t, who, f in p.line.log if who == "ev"]
    assert [t for t, _ in log] == [0, 300, 900, 2100, 2400, 3000, 4200, 4500, 5100]
    assert len({s.src for _, s in log}) == 3 and len({s.seq for _, s in log}) == 3
    assert {s.flags for _, s in log} == {SYN}


def test_refused_tries_new_ports():
    p = Peer()
    used = []
    for _ in range(3):
        (syn,) = p.heard()
        used.append(syn.src)
        assert p.tcp.state == "SYN_SENT"
        p.say(RST | ACK, seq=0, ack=syn.seq + 1)
        p.line.run(600)
    assert p.tcp.state == "CLOSED" and p.tcp.error == "refused" and len(set(used)) == 3
    assert not p.heard()


def test_refused_first_then_taken():
    line = Line().ready()
    line.ev.learn(SE, SE_MAC, line.now)
    tcp = line.ev.connect(SE, 61851, line.now)
    line.run(100)
    assert tcp.state == "SYN_SENT" and line.se.counters["tcp_stray"] == 1
    line.se.listen(61851, lambda c: None)
    assert line.run(2000, lambda: tcp.state == "ESTABLISHED")


def test_forged_refusal_needs_our_number():
    p = Peer()
    (syn,) = p.heard()
    for ack in (syn.seq, syn.seq + 2, 0):
        p.say(RST | ACK, ack=ack)
    p.say(RST, ack=syn.seq + 1)
    assert p.tcp.state == "SYN_SENT" and not p.heard()
    p.say(SYN | ACK, ack=syn.seq + 2)  # half-open peer: gets a RST, we go on
    (rst,) = p.heard()
    assert (rst.flags, rst.seq) == (RST, syn.seq + 2) and p.tcp.state == "SYN_SENT"
    p.established_ack = p.ack = syn.seq + 1
    p.say(SYN | ACK)
    assert p.tcp.state == "ESTABLISHED"


def test_half_answers_to_a_syn_open_nothing():
    p = Peer()
    (syn,) = p.heard()
    p.say(SYN, seq=5)
    p.say(ACK, ack=syn.seq + 1)
    p.say(PSH, data=b"x", ack=syn.seq + 1)
    assert p.tcp.state == "SYN_SENT" and not p.heard() and not p.inbox


def test_no_neighbour():
    line = Line()
    line.se.feed = lambda frame, now: None
    line.ready()
    t0 = line.now
    tcp = line.ev.connect(SE, 1, line.now)
    assert line.run(10000, lambda: tcp.state == "CLOSED")
    assert tcp.error == "unreachable" and 2000 < line.now - t0 < 4000


def test_neighbour_is_asked_for():
    line = Line().ready()
    tcp, _ = line.connect(known=False)
    assert tcp.mac == SE_MAC


def test_repeated_syn_ack_gets_the_ack_again():
    p = Peer().established()
    for _ in range(3):
        p.wait(1000)
        p.say(SYN | ACK, seq=p.iss)
        (s,) = p.heard()
        assert (s.flags, s.ack, s.seq) == (ACK, p.seq & 0xFFFFFFFF, p.ack)
    assert p.tcp.state == "ESTABLISHED"


def test_close_while_connecting():
    p = Peer()
    p.tcp.close(p.line.now)
    assert p.tcp.state == "CLOSED" and p.tcp.error is None
    assert not p.tcp.send(b"x", p.line.now)


@pytest.mark.parametrize(
    "options, mss",
    [
        (b"", 1220),
        (b"\2\4\1\x5e", 350),
        (b"\2\4\xff\xff", 1440),
        (b"\2\4\0\1", 64),
        (b"\1\1\4\2\2\4\3\xe8", 1000),
        (b"\0\0\0\0\2\4\3\xe8", 1220),
        (b"\3\0\2\4", 1220),
        (b"\3\1\2\4", 1220),
        (b"\x08\x50\1\1", 1220),
        (b"\1\1\1\2", 1220),
        (b"\x0a\4\3\xe8", 1220),
        (b"\2\3\3\0", 1220),
    ],
)
def test_mss(options, mss):
    p = Peer()
    (syn,) = p.heard()
    p.ack = syn.seq + 1
    p.say(SYN | ACK, options=options)
    p.heard()
    p.tcp.send(bytes(mss + 1), p.line.now)
    assert [len(s.data) for s in p.heard()] == [mss, 1]


# ---- sending


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


# ---- window


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


# ---- receiving


def test_order_is_restored():
    for order in ([1, 0], [0, 2, 1], [2, 1, 0], [1, 1, 0, 0, 2, 2]):
        p = Peer().established()
        parts = [b"aaa", b"bbbb", b"cc"]
        starts = [0, 3, 7]
        for i in order:
            p.say(data=parts[i], seq=p.seq + starts[i])
        have = len(p.inbox)
        for i in range(3):
            if starts[i] >= have:
                p.say(data=parts[i], seq=p.seq + starts[i])
        assert p.inbox == b"aaabbbbcc", order


def test_early_segment_is_kept():
    p = Peer().established()
    p.say(data=bytes(1440), seq=p.seq + 1440)
    (s,) = p.heard()
    assert s.ack == p.seq & 0xFFFFFFFF  # what we wait for
    p.say(data=b"\1" * 1440)
    assert p.inbox == b"\1" * 1440 + bytes(1440)
    assert p.heard()[-1].ack == (p.seq + 2880) & 0xFFFFFFFF


def test_overlaps():
    p = Peer().established()
    p.say(data=b"abcd")
    p.say(data=b"abcdef")
    p.say(data=b"ijk", seq=p.seq + 8)
    p.say(data=b"kl", seq=p.seq + 10)
    p.say(data=b"efghij", seq=p.seq + 4)
    assert p.inbox == b"abcdefghijkl"


def test_beyond_the_window_is_not_taken():
    p = Peer().established()
    for seq, n in ((2880, 1), (1441, 1440), (100000, 10), (0x7FFFFFF0, 1)):
        p.line.run(200)
        p.heard()
        p.say(data=bytes(n), seq=p.seq + seq)
        (s,) = p.heard()
        assert s.ack == p.seq & 0xFFFFFFFF
    assert p.tcp._ooo_len == 0 and not p.inbox


@pytest.mark.parametrize("seed", range(30))
def test_any_split_and_order(seed):
    """A stream in random pieces, shuffled, repeated, overlapping: the bytes come once and in
    order.
    """
    rng = random.Random(seed)
    p = Peer(seed).established()
    data = rng.randbytes(6000)
    for _ in range(100000):
        have = len(p.inbox)
        if have == 6000:
            break
        start = max(0, have + rng.choice((0, 0, -20, 5, 300, -1, 1400)))
        end = min(6000, start + rng.choice((1, 2, 50, 700, 1440)))
        p.say(data=data[start:end], seq=p.seq + start)
    assert p.inbox == data


# ---- closing


def test_our_close():
    p = Peer().established()
    p.tcp.send(b"last", p.line.now)
    p.tcp.close(p.line.now)
    run = p.heard()
    assert [(s.data, s.flags) for s in run] == [(b"last", PSH | ACK), (b"", FIN | ACK)]
    assert p.tcp.state == "FIN_WAIT_1" and not p.tcp.send(b"x", p.line.now)
    p.ack += 5
    p.say()
    assert p.tcp.state == "FIN_WAIT_2"
    p.say(data=b"late")
    assert p.inbox == b"late"
    p.seq += 4
    p.heard()
    p.say(FIN | ACK)
    assert p.tcp.state == "TIME_WAIT" and p.heard()[-1].ack == (p.seq + 1) & 0xFFFFFFFF
    p.say(FIN | ACK)  # our last ACK got lost
    assert p.heard()[-1].ack == (p.seq + 1) & 0xFFFFFFFF
    p.line.run(2500)
    assert p.tcp.state == "CLOSED" and p.tcp.error is None and not p.heard()


def test_close_waits_for_the_data():
    p = Peer().established()
    p.tcp.send(bytes(4000), p.line.now)
    p.tcp.close(p.line.now)
    assert not any(s.flags & FIN for s in p.heard())
    p.ack += 2880
    p.say()
    (s,) = p.heard()
    assert s.flags & FIN and len(s.data) == 1120


def test_lost_fin_is_repeated():
    p = Peer().established()
    p.tcp.close(p.line.now)
    assert len(p.heard()) == 1
    run = p.wait(750)
    assert len(run) == 3 and all(s.flags == FIN | ACK and s.seq == p.ack for s in run)


def test_peer_that_never_closes():
    p = Peer().established()
    p.tcp.close(p.line.now)
    p.ack += 1
    p.say()
    assert p.line.run(6000, lambda: p.tcp.state == "CLOSED") and p.tcp.error is None


def test_close_at_the_same_time():
    p = Peer().established()
    p.tcp.close(p.line.now)
    p.say(FIN | ACK)
    assert p.tcp.state == "CLOSING"
    p.ack += 1
    p.say(seq=p.seq + 1)
    assert p.tcp.state == "TIME_WAIT"


def test_peer_closes():
    p = Peer().established()
    p.say(FIN | PSH | ACK, data=b"bye")
    assert p.inbox == b"bye" and p.tcp.error == "closed by peer"
    run = p.heard()
    assert run[-1].flags & FIN and run[-1].ack == (p.seq + 4) & 0xFFFFFFFF
    assert p.tcp.state == "LAST_ACK"
    p.ack += 1
    p.say(seq=p.seq + 4)
    assert p.tcp.state == "CLOSED" and p.tcp.error == "closed by peer"


def test_nothing_comes_after_a_fin():
    p = Peer().established()
    p.say(FIN | ACK)
    p.say(data=b"more", seq=p.seq + 1)
    p.say(data=b"more", seq=p.seq)
    assert not p.inbox and p.tcp.error == "closed by peer"


def test_peer_closes_then_resets():
    p = Peer().established()
    p.say(FIN | ACK)
    p.say(RST, seq=p.seq + 1)
    assert p.tcp.state == "CLOSED" and p.tcp.error == "closed by peer"


def test_early_fin_comes_again():
    p = Peer().established()
    p.say(FIN | ACK, data=b"def", seq=p.seq + 3)
    assert p.tcp.state == "ESTABLISHED"
    p.say(data=b"abc")
    assert p.inbox == b"abcdef" and p.tcp.state == "ESTABLISHED"
    p.say(FIN | ACK, data=b"def", seq=p.seq + 3)
    assert p.tcp.error == "closed by peer" and p.inbox == b"abcdef"


def test_abort():
    p = Peer().established()
    p.tcp.abort(p.line.now)
    (s,) = p.heard()
    assert s.flags & RST and s.seq == p.ack and p.tcp.state == "CLOSED"
    p.say(data=b"x")
    (s,) = p.heard()
    assert s.flags & RST and not p.inbox


# ---- RFC 5961 and strangers


def test_rst_only_with_the_exact_number():
    p = Peer().established()
    for ahead in (1, 100, 2879):
        p.line.run(200)
        p.heard()
        p.say(RST, seq=p.seq + ahead)
        (s,) = p.heard()
        assert (s.flags, s.seq, s.ack) == (ACK, p.ack, p.seq & 0xFFFFFFFF)  # challenge
    for ahead in (2880, -1, -5000, 1 << 20):
        p.say(RST, seq=p.seq + ahead)
    assert p.tcp.state == "ESTABLISHED" and not p.heard()
    p.say(RST)
    assert p.tcp.state == "CLOSED" and p.tcp.error == "reset"


def test_syn_in_a_connection_is_challenged():
    p = Peer().established()
    p.say(SYN, seq=p.seq + 5)
    (s,) = p.heard()
    assert s.flags == ACK and p.tcp.state == "ESTABLISHED"


def test_challenges_are_limited():
    p = Peer().established()
    for _ in range(1000):
        p.say(RST, seq=p.seq + 1)
        p.say(SYN)
        p.say(ack=p.ack + 1000)
    assert len(p.heard()) == 1


def test_ack_of_what_was_never_sent():
    p = Peer().established()
    p.tcp.send(b"abc", p.line.now)
    p.heard()
    for wrong in (4, 1000, 1 << 30):
        p.line.run(30)
        p.heard()
        p.say(ack=p.ack + wrong, data=b"evil")
    assert not p.inbox and p.tcp._len == 3
    p.say(ack=p.ack - 70000, data=b"evil")
    assert not p.inbox


def test_other_ports_and_addresses_are_strays():
    p = Peer().established()
    p.say(RST, src=61852)
    p.host.feed(
        frames.tcp(61851, p.tcp.local_port, p.seq, 0, RST, source=SE[:15] + b"\x77"), p.line.now
    )
    assert p.tcp.state == "ESTABLISHED" and p.host.counters["tcp_stray"] == 2


def test_segment_without_ack_is_dropped():
    p = Peer().established()
    p.say(PSH, data=b"x")
    p.say(0, data=b"x")
    assert not p.inbox and p.host.counters["tcp_flags"] == 2


def test_link_that_takes_nothing_for_a_while():
    p = Peer().established()
    p.line.up = False
    p.tcp.send(b"abc", p.line.now)
    p.say(data=b"q")
    p.line.run(5000)
    p.line.up = True
    run = p.wait(60)
    assert run[0].data == b"abc" and run[0].ack == (p.seq + 1) & 0xFFFFFFFF


def test_new_connection_ends_the_old_one():
    p = Peer().established()
    port = p.tcp.local_port
    new = p.host.connect(SE, 61851, p.line.now)
    rst, syn = p.heard()
    assert rst.flags & RST and rst.src == port and syn.flags == SYN and syn.src != port
    assert p.tcp.state == "CLOSED" and new.state == "SYN_SENT"


# ---- both ends ours, bad line


@pytest.mark.parametrize("seed", range(12))
def test_bad_line(seed):
    """10 % loss, duplication, reordering: 60 kB each way, byte-exact, closed in order."""
    line = Line(seed, loss=0.1, double=0.1, reorder=0.1).start()
    assert line.run(5000, lambda: line.ev.ready)
    tcp, conn = line.connect()
    rng = random.Random(seed)
    want = {"up": rng.randbytes(60000), "down": rng.randbytes(60000)}
    up, down = Inbox(), Inbox()
    conn.on_data, tcp.on_data = up, down
    sent = {tcp: 0, conn: 0}

    def more():
        for end, data in ((tcp, want["up"]), (conn, want["down"])):
            n = min(60000 - sent[end], rng.choice((80, 500, 3000)))
            if n and end._len < 4000 and end.send(data[sent[end] : sent[end] + n], line.now):
                sent[end] += n
        return len(up) == len(down) == 60000

    assert line.run(600000, more)
    assert up == want["up"] and down == want["down"]
    tcp.close(line.now)
    assert line.run(60000, lambda: tcp.state == conn.state == "CLOSED")
    assert conn.error in ("closed by peer", "timeout") and tcp.error is None


@pytest.mark.parametrize("seed", range(8))
def test_question_and_answer_on_a_bad_line_stays_quick(seed):
    """A charge loop's exchange at 10 % loss: the repeat comes soon enough for a 2 s limit."""
    line = Line(seed, loss=0.1).start()
    assert line.run(5000, lambda: line.ev.ready)
    tcp, conn = line.connect()
    got = Inbox()
    tcp.on_data = got
    conn.on_data = lambda data, now: conn.send(bytes(data), now)
    times = []
    for i in range(300):
        t0 = line.now
        assert tcp.send(bytes(80), line.now)
        assert line.run(10000, lambda i=i: len(got) == 80 * (i + 1))
        times.append(line.now - t0)
        line.run(50)
    assert max(times) < 2000 and sorted(times)[-9] <= 500, sorted(times)[-12:]
    assert EV_MAC == line.ev.mac
