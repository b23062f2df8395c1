# SPDX-License-Identifier: MIT
"""V2GTP framing: any cut of the stream gives the same messages; every error of the header."""

import random
import tracemalloc

import pytest
from evcc import v2gtp


def message(kind, payload, mark=b"\x01\xfe"):
    return mark + kind.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload


@pytest.fixture
def framer():
    f = v2gtp.Framer(lambda kind, data, now: f.got.append((kind, bytes(data), now)))
    f.got = []
    return f


def test_header():
    b = bytearray(10)
    v2gtp.pack_header(memoryview(b)[1:], v2gtp.DC, 0x123456)
    assert b.hex() == "0001fe8004001234560" + "0"


def test_types():
    assert [v2gtp.SAP, v2gtp.MAIN, v2gtp.AC, v2gtp.DC] == [*range(0x8001, 0x8005)]
    assert (v2gtp.SCHEDULE, v2gtp.METERING) == (0x8101, 0x8102)
    assert (v2gtp.SDP_REQ, v2gtp.SDP_RES) == (0x9000, 0x9001)


@pytest.mark.parametrize("seed", range(60))
def test_any_cut(framer, seed):
    rng = random.Random(seed)
    want, stream = [], b""
    for _ in range(rng.randrange(1, 9)):
        kind = rng.choice(
            (0x8001, 0x8002, 0x8006, 0x8101, 0x8104, 0x8000, 0x8007, 0x8105, 0x9001, 0xA000)
        )
        payload = rng.randbytes(rng.choice((0, 1, 7, 8, 9, 80, 300, 3000)))
        stream += message(kind, payload)
        if payload and kind in (0x8001, 0x8002, 0x8006, 0x8101, 0x8104):
            want.append((kind, payload))
    n = 0
    while n < len(stream):
        step = rng.choice((1, 2, 7, 8, 9, 100, 1440, 5000))
        framer.feed(stream[n : n + step], 7)
        n += step
    assert [g[:2] for g in framer.got] == want and framer.error is None
    assert all(g[2] == 7 for g in framer.got)
    assert framer.counters["messages"] == len(want)


def test_one_byte_at_a_time(framer):
    for b in message(0x8004, b"abc") + message(0x8002, b"defg"):
        framer.feed(bytes((b,)), 1)
    assert framer.got == [(0x8004, b"abc", 1), (0x8002, b"defg", 1)]


def test_whole_message_is_not_copied(framer):
    seen = []
    framer.on_message = lambda kind, data, now: seen.append(data.obj)
    source = bytearray(message(0x8004, b"abc"))
    framer.feed(source, 0)
    assert seen[0] is source


@pytest.mark.parametrize("cut", [0, 3, 8, 12])
def test_unknown_type_and_empty_are_skipped(framer, cut):
    stream = message(0x9001, b"sdp answer") + message(0x8002, b"") + message(0x8002, b"x")
    framer.feed(stream[:cut], 0)
    framer.feed(stream[cut:], 0)
    assert framer.got == [(0x8002, b"x", 0)] and framer.error is None
    assert (framer.counters["unknown_type"], framer.counters["empty"]) == (1, 1)


@pytest.mark.parametrize("mark", ["02fe", "01fd", "0000", "fe01", "1603"])
@pytest.mark.parametrize("step", [1, 100])
def test_bad_header_ends_the_stream(framer, mark, step):
    stream = (
        message(0x8002, b"ok")
        + message(0x8002, b"no", bytes.fromhex(mark))
        + message(0x8002, b"late")
    )
    for i in range(0, len(stream), step):
        framer.feed(stream[i : i + step], 0)
    assert framer.got == [(0x8002, b"ok", 0)]
    assert mark in framer.error and framer.counters["bad_header"] == 1


@pytest.mark.parametrize("kind", [0x8002, 0x9000])
@pytest.mark.parametrize("step", [1, 8])
def test_length_is_checked_before_memory_is_taken(kind, step):
    framer = v2gtp.Framer(None, limit=100)
    head = message(kind, b"")[:4] + (0xFFFFFFFF).to_bytes(4, "big")
    tracemalloc.start()
    for i in range(0, 8, step):
        framer.feed(head[i : i + step], 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "4294967295" in framer.error and framer.counters["too_long"] == 1
    assert peak < 5000


def test_limit_is_exact(framer):
    framer.limit = 100
    framer.feed(message(0x8002, bytes(100)), 0)
    assert framer.error is None and len(framer.got) == 1
    framer.feed(message(0x8002, bytes(101)), 0)
    assert framer.error


def test_buffer_is_used_again(framer):
    big, small = message(0x8002, bytes(2000)), message(0x8002, b"abc")
    framer.feed(big[:50], 0)
    framer.feed(big[50:], 0)
    body = framer._body
    for _ in range(3):
        framer.feed(small[:9], 0)
        framer.feed(small[9:], 0)
    assert framer._body is body and framer.got[-1] == (0x8002, b"abc", 0)


def test_error_inside_a_handler_stops_the_rest():
    got = []

    def on_message(kind, data, now):
        got.append(bytes(data))
        framer.error = "enough"

    framer = v2gtp.Framer(on_message)
    framer.feed(message(0x8002, b"a") + message(0x8002, b"b"), 0)
    assert got == [b"a"]
