# SPDX-License-Identifier: MIT
"""TCP client against what is not its peer (RFC 5961), and our two ends on a bad line."""

import random

import pytest

from host_tests.net import frames
from host_tests.net.line import EV_MAC, SE, Inbox, Line
from host_tests.net.tcp_peer import ACK, PSH, RST, SYN, Peer


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
