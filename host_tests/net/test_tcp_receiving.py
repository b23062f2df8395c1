# SPDX-License-Identifier: MIT
"""TCP client, receiving in any order, and closing from either side."""

import random

import pytest

from host_tests.net.tcp_peer import ACK, FIN, PSH, RST, Peer


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
