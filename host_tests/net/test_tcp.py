# SPDX-License-Identifier: MIT
"""TCP client, from the SYN to a connection: ports, times, refusals, what the peer offers."""

import pytest

from host_tests.net.frames import Segment
from host_tests.net.line import SE, SE_MAC, Line
from host_tests.net.tcp_peer import ACK, EXAMPLE_SYN, PSH, RST, SYN, Peer


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
