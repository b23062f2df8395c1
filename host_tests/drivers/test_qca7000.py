# SPDX-License-Identifier: MIT
"""The driver byte by byte: recorded and composed SPI vectors, framing, sending, start."""

import json
import random
from pathlib import Path

import pytest
from drivers.qca7000 import Qca7000

VECTORS = {
    v["name"]: v
    for v in map(json.loads, open(Path(__file__).parent / "vectors" / "spi.jsonl").readlines())
}


class Replay:
    """A bus that answers as the vector's modem did and notes what the driver did besides.

    Chip-select periods that only read may be left out or repeated by the driver (a repeat gets the
    value again, a count of waiting bytes gets 0); writes have to be those of the vector. Reading
    INTR_ENABLE back gives what was written: the recorded host read it at other times.
    """

    READY = {"da00": "aa55", "c200": "0c5b", "cc00": "0000", "c300": "0000", "cd00": "0047"}

    def __init__(self, periods):
        self.periods = [(m, i) for m, i in periods if m[:4] != "cd00"]
        self.writes = []

    def exchange(self, out, into=None):
        mosi = bytes(out).hex()
        if into is None:
            self.writes.append(mosi)
            return
        whole = mosi + "00" * len(into)
        for k, (m, i) in enumerate(self.periods):
            if m == whole or m[:4] == "8000" == mosi and len(m) - len(whole) in (0, 2):
                del self.periods[k]
                into[:] = bytes.fromhex(i[4 : 4 + 2 * len(into)])
                return
        into[:] = bytes.fromhex(self.READY[mosi])


class Registers:
    """A bus with settable registers; read bursts come from `queue`."""

    def __init__(self):
        self.values = {0x1A: 0xAA55, 0x02: 3163, 0x0C: 0, 0x03: 0, 0x0D: 0x47, 0x04: 0}
        self.queue = []
        self.sent = []
        self.level = False
        self.log = []

    def exchange(self, out, into=None):
        out = bytes(out)
        if out[0] == 0x80:
            data = self.queue.pop(0)
            self.log.append(("read", len(into)))
            into[:] = data[: len(into)]
            self.values[0x03] = len(self.queue[0]) if self.queue else 0
            return
        if out[:2] == b"\0\0":
            self.sent.append(out)
            return
        register = out[0] & 0x3F
        if out[0] & 0x80:
            self.log.append(("get", register))
            into[:] = self.values[register].to_bytes(2, "big")
        else:
            self.log.append(("set", register, out[2] << 8 | out[3]))

    def arrive(self, *bursts):
        self.queue += bursts
        self.values[0x03] = len(self.queue[0])
        self.values[0x0C] = 0x0401


def framed(frame):
    n = len(frame)
    head = (n + 10).to_bytes(4, "big") + b"\xaa" * 4 + n.to_bytes(2, "little") + b"\0\0"
    return head + frame + b"\x55\x55"


def frame_of(n, seed=0):
    return random.Random(f"{n}/{seed}").randbytes(n)


def ready(**kw):
    bus = Registers()
    port = Qca7000(bus, **kw)
    port.poll(0)
    assert port.ready
    bus.log.clear()
    return bus, port


def collect(port):
    frames = []
    while (frame := port.receive()) is not None:
        frames.append(bytes(frame))
    return frames


# ---- vectors -----------------------------------------------------------------------------------


def test_power_on_as_recorded():
    vector = VECTORS["power-on"]
    bus = Replay(vector["periods"])
    port = Qca7000(bus)
    port.poll(0)
    assert port.ready and port.restarts == 1
    recorded = [m for m, _ in vector["periods"] if m[0] == "4"]
    assert bus.writes == recorded[1:] == ["4c000440", "4d000047"]  # its interrupts were off before


@pytest.mark.parametrize(
    "name", ["receive after interrupt", "receive burst with rounding byte", "receive"]
)
def test_receive_as_recorded(name):
    vector = VECTORS[name]
    frame = bytes.fromhex(vector["frame"])
    size = len(frame) + 14
    periods = vector["periods"]
    if name == "receive burst with rounding byte":  # this trace shows the burst alone
        periods = [["c3000000", "0000%04x" % size]] + periods
    bus = Replay([])
    port = Qca7000(bus, irq=lambda: name == "receive after interrupt")
    port.poll(0)
    bus.writes.clear()
    bus.periods = [tuple(p) for p in periods]
    port.poll(20)
    assert bytes(port.receive()) == frame
    assert port.receive() is None
    assert "4100%04x" % size in bus.writes
    if name == "receive after interrupt":
        assert bus.writes == [m for m, _ in periods if m[0] == "4"]


def test_send_as_composed():
    vector = VECTORS["send"]
    frame = bytes.fromhex(vector["frame"])
    bus = Replay([])
    port = Qca7000(bus)
    port.poll(0)
    bus.writes.clear()
    assert port.send(frame)
    assert bus.writes == [m for m, _ in vector["periods"][1:]]


# ---- receiving ---------------------------------------------------------------------------------


def test_several_frames_in_one_burst():
    bus, port = ready()
    frames = [frame_of(n) for n in (60, 61, 300, 1522, 1000)]
    bus.arrive(b"".join(map(framed, frames)))
    port.poll(20)
    assert collect(port) == frames
    assert port.counters["received"] == 5


def test_unread_frames_survive_polls():
    bus, port = ready()
    frames = [frame_of(70, i) for i in range(3)]
    bus.arrive(b"".join(map(framed, frames)))
    got = []
    for now in (20, 40, 60, 80):
        port.poll(now)
        if (frame := port.receive()) is not None:
            got.append(bytes(frame))
    assert got == frames


def test_frame_split_over_two_bursts():
    whole = framed(frame_of(200)) + framed(frame_of(90))
    for cut in range(1, len(whole)):
        bus, port = ready()
        bus.arrive(whole[:cut])
        port.poll(20)
        got = collect(port)
        bus.arrive(whole[cut:])
        port.poll(40)
        assert got + collect(port) == [frame_of(200), frame_of(90)], cut
        assert "framing" not in port.counters, cut


@pytest.mark.parametrize("junk", [b"\0", b"\xaa" * 9, b"\0\0\0\x46\xaa\xaa\xaa\xaa", b"\x55" * 30])
def test_resync_after_junk(junk):
    bus, port = ready()
    bus.arrive(junk + framed(frame_of(64)) + junk + framed(frame_of(65)))
    port.poll(20)
    assert collect(port) == [frame_of(64), frame_of(65)]
    assert port.counters["framing"] >= 1


def test_bad_frame_costs_only_itself():
    good, bad = framed(frame_of(100)), bytearray(framed(frame_of(80)))
    for at in (0, 3, 5, 8, 9, len(bad) - 1):
        bus, port = ready()
        broken = bytes(b ^ 0x11 if i == at else b for i, b in enumerate(bad))
        bus.arrive(good + broken + good)
        port.poll(20)
        assert collect(port) == [frame_of(100)] * 2, at
        assert port.counters["framing"] == 1, at


@pytest.mark.parametrize("length", [0, 59, 1523, 0xFFFF])
def test_lengths_out_of_range(length):
    bus, port = ready()
    head = ((length + 10) & 0xFFFFFFFF).to_bytes(4, "big") + b"\xaa" * 4
    bus.arrive(head + length.to_bytes(2, "little") + b"\0\0" + bytes(70) + framed(frame_of(60)))
    port.poll(20)
    assert collect(port) == [frame_of(60)]


@pytest.mark.parametrize("length", [0, 59, 1523, 2000])
def test_whole_frames_of_impossible_length(length):
    bus, port = ready()
    bus.arrive(framed(bytes(length)) + framed(frame_of(60)))
    port.poll(20)
    assert collect(port) == [frame_of(60)]


def test_any_bytes_do_no_harm():
    rng = random.Random(7)
    bus, port = ready()
    for turn in range(1, 400):
        parts = [
            rng.choice((framed(frame_of(rng.randint(60, 200))), rng.randbytes(rng.randint(1, 50))))
            for _ in range(rng.randint(1, 5))
        ]
        block = bytearray(b"".join(parts))
        for _ in range(rng.choice((0, 0, 1, 5))):
            block[rng.randrange(len(block))] ^= 1 << rng.randrange(8)
        bus.queue = [bytes(block)]
        bus.arrive()
        port.poll(turn * 20)
        for frame in collect(port):
            assert 60 <= len(frame) <= 1522
    assert port._end - port._pos <= 3172


def test_implausible_count_is_left_alone():
    bus, port = ready()
    bus.values[0x03] = 3168
    port.poll(20)
    assert port.counters["glitch_rdbuf"] == 1
    assert not [x for x in bus.log if x[0] == "read"]
    bus.arrive(framed(frame_of(60)))
    port.poll(40)
    assert collect(port) == [frame_of(60)]


def test_order_of_the_interrupt_service():
    bus, port = ready(irq=lambda: True)
    bus.arrive(framed(frame_of(60)))
    port.poll(1)
    assert bus.log == [
        ("set", 0x0D, 0),
        ("get", 0x0C),
        ("get", 0x03),
        ("set", 0x01, 74),
        ("read", 74),
        ("set", 0x0C, 0x0401),
        ("get", 0x03),
        ("set", 0x0D, 0x47),
    ]


def test_frame_between_burst_and_acknowledgement_is_fetched_at_once():
    bus, port = ready(irq=lambda: bus.level)
    bus.level = True
    bus.arrive(framed(frame_of(60)), framed(frame_of(61)))
    port.poll(1)
    bus.level = False  # acknowledged with the first one
    assert collect(port) == [frame_of(60)]
    assert port.next_poll(1) == 1
    port.poll(1)
    assert collect(port) == [frame_of(61)]


def test_idle_poll_is_cheap():
    bus, port = ready(irq=lambda: False)
    port.poll(0)
    bus.log.clear()
    port.poll(1)
    assert bus.log == []
    assert port.next_poll(1) <= 20
    port.poll(20)
    assert [x[1] for x in bus.log] == [0x0C, 0x03]


# ---- sending -----------------------------------------------------------------------------------


def test_short_frames_are_padded_with_zeros():
    bus, port = ready()
    port.send(b"\xff" * 300)
    for n in (14, 59, 60, 61, 1518):
        assert port.send(frame_of(n))
        m = max(60, n)
        burst = bus.sent[-1]
        assert (
            burst
            == b"\0\0\xaa\xaa\xaa\xaa"
            + m.to_bytes(2, "little")
            + b"\0\0"
            + frame_of(n)
            + bytes(m - n)
            + b"\x55\x55"
        )
        assert ("set", 0x01, m + 10) in bus.log
    assert port.counters["sent"] == 6


def test_bytearray_and_memoryview_go_as_well():
    bus, port = ready()
    data = frame_of(70)
    assert port.send(bytearray(data)) and port.send(memoryview(data))
    assert bus.sent[0] == bus.sent[1]


def test_wrong_lengths_and_states_are_refused():
    bus, port = ready()
    assert not port.send(bytes(1519)) and not port.send(b"short")
    assert port.counters["send_length"] == 2
    port.sleep()
    assert not port.send(bytes(60))
    assert port.counters["send_not_ready"] == 1
    assert bus.sent == []


def test_room_in_the_modem():
    bus, port = ready()
    bus.values[0x02] = 73  # a 60-byte frame needs 70 and Linux' four more
    assert not port.send(frame_of(60))
    assert port.counters["send_no_room"] == 1
    bus.values[0x02] = 74
    assert port.send(frame_of(60))
    bus.values[0x02] = 3164
    assert not port.send(frame_of(60))
    assert port.counters["glitch_wrbuf"] == 1
    assert port.ready


# ---- start -------------------------------------------------------------------------------------


def test_first_signature_read_is_not_believed():
    bus = Registers()
    values = iter([0xFFFF, 0xAA55, 0xAA55, 0x1234])
    plain = bus.exchange

    def exchange(out, into=None):
        if out[0] == 0xDA:
            bus.values[0x1A] = next(values)
        plain(out, into)

    bus.exchange = exchange
    port = Qca7000(bus)
    port.poll(0)
    assert port.ready
    port = Qca7000(bus)
    port.poll(0)
    assert not port.ready and port.signature == 0x1234


def test_enable_that_does_not_take_is_no_ready():
    bus = Registers()
    bus.values[0x0D] = 0x40
    port = Qca7000(bus)
    port.poll(0)
    assert not port.ready and port.counters["write_lost"] == 1
    bus.values[0x0D] = 0x47
    port.poll(port.next_poll(0))
    assert port.ready


def test_glitches_of_cause_and_signature_change_nothing():
    bus, port = ready()
    plain = bus.exchange
    lie = {}

    def exchange(out, into=None):
        plain(out, into)
        if into is not None and out[0] in lie:
            into[:] = lie.pop(out[0]).to_bytes(2, "big")

    port._exchange = exchange
    for now, what in enumerate(
        ({0xCC: 0xFFFF}, {0xCC: 0x0047}, {0xDA: 0xD6AA}, {0xCC: 0x0442}), 1
    ):
        lie.update(what)
        port.poll(now * 200)
        assert port.ready and port.restarts == 1
    assert port.counters["glitch_cause"] == 3
    once = [2]

    def both_reads_wrong(out, into=None):
        plain(out, into)
        if out[0] == 0xDA and once[0]:
            once[0] -= 1
            into[:] = b"\xff\xff"

    port._exchange = both_reads_wrong
    port.poll(2000)
    assert port.ready and not once[0] and "signature_lost" not in port.counters


def test_no_good_frame_any_more_is_a_reason_to_reset():
    bus, port = ready()
    for turn in range(1, 20):
        bus.queue = [b"\x5a" * 100]
        bus.arrive()
        port.poll(turn * 30)
        assert collect(port) == []
        if not port.ready:
            break
    assert port.counters["reset_framing_lost"] == 1 and turn > 3
    assert ("set", 0x04, 0x40) in bus.log
