# SPDX-License-Identifier: MIT
"""The ring of events: order, wrapping, limits, and that nothing grows."""

import random

import pytest
from evcc.trace import FRAME, MESSAGE, STEP, Trace

from tools.vm import micropython


def test_keeps_frames_messages_and_steps_in_order():
    t = Trace(1000)
    t.frame(True, b"\x01" * 60, 5)
    t.message(True, "SessionSetupReq", {"EVCCID": "X"}, 6)
    t.message(False, "SessionSetupRes", {"ResponseCode": "OK"}, 7)
    t.step("link ready", 8)
    assert list(t) == [
        (5, FRAME, True, b"\x01" * 60, 60),
        (6, MESSAGE, True, "SessionSetupReq", 2),
        (7, MESSAGE, False, "SessionSetupRes OK", 2),
        (8, STEP, False, "link ready", 10),
    ]
    assert t.lost == 0 and t.records == 4


def test_the_newest_survive_and_the_oldest_are_counted():
    t = Trace(300)
    for i in range(100):
        t.step("step %d" % i, i)
    kept = [data for _, _, _, data, _ in t]
    assert kept == ["step %d" % i for i in range(100 - len(kept), 100)]
    assert len(kept) > 10
    assert t.lost == 100 - len(kept)


def test_random_records_against_a_list():
    for seed in range(30):
        rng = random.Random(seed)
        t, model = Trace(rng.randrange(200, 700)), []
        for now in range(200):
            data = rng.randbytes(rng.randrange(0, 180))
            t.frame(bool(now & 1), data, now)
            model.append((now, FRAME, bool(now & 1), data, len(data)))
        kept = list(t)
        assert kept == model[len(model) - len(kept) :], f"seed {seed}"
        # as many as fit: with the next older one the ring would overflow
        size = sum(10 + len(r[3]) for r in model[len(model) - len(kept) - 1 :])
        assert size > len(t.buf), f"seed {seed}"


def test_long_frames_are_cut_and_keep_their_length():
    t = Trace(1000, snap=100)
    t.frame(False, bytes(range(200)), 1)
    assert list(t) == [(1, FRAME, False, bytes(range(100)), 200)]


def test_what_can_never_fit_is_counted_not_raised():
    t = Trace(64, snap=2000)
    t.step("before", 1)
    t.frame(True, bytes(500), 2)
    assert t.lost == 1 and [r[3] for r in t] == ["before"]


def test_long_text_is_cut_at_a_character():
    t = Trace(1000)
    t.step("ä" * 150, 1)
    ((_, _, _, text, _),) = list(t)
    assert text == "ä" * 100
    t.clear()
    t.step("x" + "€" * 100, 1)
    ((_, _, _, text, _),) = list(t)
    assert text == "x" + "€" * 66
    assert list(t) and not t.clear() and not list(t)


def test_memoryviews_are_copied():
    t = Trace(500)
    buf = bytearray(b"abcdef")
    t.frame(True, memoryview(buf)[1:4], 1)
    buf[:] = b"zzzzzz"
    assert list(t)[0][3] == b"bcd"


def test_names_are_references_and_bounded():
    t = Trace(5000)
    for i in range(300):
        t.message(True, "Name%d" % i, None, i)
    assert len(t.names) < 150
    assert list(t)[-1][3].startswith("?")
    assert len(t.buf) == 5000


def test_sink_hears_everything_at_once():
    heard = []
    t = Trace(200, snap=10, sink=lambda *a: heard.append(a))
    t.frame(True, b"0123456789abc", 1)
    t.message(False, "M", {"ResponseCode": "OK"}, 2)
    t.step("s", 3)
    assert heard == [
        (FRAME, True, b"0123456789abc", 1),
        (MESSAGE, False, ("M", {"ResponseCode": "OK"}), 2),
        (STEP, False, "s", 3),
    ]


def test_times_beyond_32_bits_wrap_without_error():
    t = Trace(200)
    t.step("late", (1 << 32) + 5)
    assert list(t)[0][0] == 5


SCRIPT = """
import gc
from evcc.pcap import dump
from evcc.trace import Trace

t = Trace(1500)
frame = bytearray(90)
grown = []
for i in range(300):
    frame[i % 90] = i & 255
    t.frame(i & 1, memoryview(frame)[: 60 + i % 30], i * 10_000_000)
    t.message(True, "DC_ChargeLoopReq", {}, i)
    t.message(False, "DC_ChargeLoopRes", {"ResponseCode": "OK"}, i)
    t.step("schritt ä %d" % i, i)
    if i >= 100 and hasattr(gc, "mem_alloc"):
        gc.collect()
        grown.append(gc.mem_alloc())
out = bytearray()
dump(t, out.extend, epoch_us=1_700_000_000_000_000)
print(out.hex())
# the list itself may double now and then
print(max(grown) - min(grown) if grown else 0)
"""


@pytest.mark.vm
def test_same_bytes_in_micropython_and_nothing_grows(mpy, machine):
    import contextlib
    import io

    here = io.StringIO()
    with contextlib.redirect_stdout(here):
        exec(SCRIPT, {})
    path = [mpy(("evcc/__init__.py", "evcc/compat.py", "evcc/trace.py", "evcc/pcap.py"))]
    done = micropython(SCRIPT, machine=machine("i386"), heap="64k", path=path)
    assert done.returncode == 0, done.stderr
    data, grown = done.stdout.split()
    assert data == here.getvalue().split()[0]
    assert int(grown) < 4000
