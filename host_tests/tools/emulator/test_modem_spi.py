# SPDX-License-Identifier: MIT
"""The emulated QCA7000 answers as the recorded one, every MISO byte of it; its faults."""

import json
from pathlib import Path

import pytest

from tools.emulator.modem import Modem, StationModem
from tools.emulator.powerline import PowerLine
from tools.emulator.world import World

FOLDER = Path(__file__).parent.parent.parent / "drivers" / "vectors"
VECTORS = {v["name"]: v for v in map(json.loads, open(FOLDER / "spi.jsonl").readlines())}


def booted(seed=1, **knobs):
    world = World(seed)
    modem = Modem(world, bytes.fromhex("0200000ef1f1"))
    for name, value in knobs.items():
        setattr(modem, name, value)
    world.run(modem.boot_ms)
    return world, modem


def get(modem, command):
    into = bytearray(2)
    modem.exchange(bytes.fromhex(command), into)
    return into.hex()


def put(modem, command):
    modem.exchange(bytes.fromhex(command))


def replay(modem, periods, skip=0):
    modem._last = int(next(i for _, i in periods[skip:] if i)[:2], 16)
    for mosi, miso in periods[skip:]:
        got = modem.transfer(bytes.fromhex(mosi)).hex()
        if miso is not None:
            assert got == miso, mosi


def test_power_on_as_recorded():
    world, modem = booted()
    assert modem.irq()
    replay(modem, VECTORS["power-on"]["periods"], skip=1)  # the very first one read a stale value
    assert not modem.irq()


def test_receive_as_recorded():
    vector = VECTORS["receive after interrupt"]
    world, modem = booted()
    put(modem, "4c000440")
    put(modem, "4d000047")
    modem.to_host(bytes.fromhex(vector["frame"]))
    assert modem.irq()
    replay(modem, vector["periods"])
    assert not modem.irq()


def test_burst_with_rounding_byte_as_recorded():
    vector = VECTORS["receive burst with rounding byte"]
    world, modem = booted()
    modem.to_host(bytes.fromhex(vector["frame"]))
    put(modem, "4100008f")
    replay(modem, vector["periods"])
    assert get(modem, "cc00") == "0441"


def test_composed_receive():
    vector = VECTORS["receive"]
    world, modem = booted()
    modem.to_host(bytes.fromhex(vector["frame"]))
    modem._last = 0
    for mosi, miso in vector["periods"]:
        got = modem.transfer(bytes.fromhex(mosi)).hex()
        if miso:
            assert got[4:] == miso[4:]


@pytest.mark.parametrize("junk", ["", "00", "ffff"])
def test_composed_send(junk):
    vector = VECTORS["send"]
    world, modem = booted()
    line = PowerLine(world)
    line.attach(modem)
    line.attach(StationModem(world, bytes(5) + b"\2", nmk=bytes(16)))
    seen = []
    line.on_frame = lambda frame, now: seen.append(frame)
    periods = [p[0] for p in vector["periods"]]
    assert get(modem, periods[0][:4]) == "0c5b"
    put(modem, periods[1])
    put(modem, periods[2] + junk)
    assert get(modem, "c200") == "%04x" % (3163 - 70)
    world.run(world.now + 5)
    assert seen == [bytes.fromhex(vector["frame"])]
    assert get(modem, "c200") == "0c5b"


def test_booting_and_absent():
    world = World()
    modem = Modem(world, bytes(6))
    for t in (0, 400, 849):
        world.run(t)
        assert get(modem, "da00") == "0000" and not modem.irq()
    world.run(850)
    assert get(modem, "da00") == "aa55" and modem.irq() and get(modem, "cc00") == "0440"
    modem.frozen = True
    assert get(modem, "da00") == "0000"
    modem.floating = True
    assert get(modem, "da00") == "ffff"


def test_register_reset_and_reset_line():
    world, modem = booted()
    put(modem, "4c000440")
    put(modem, "44000040")
    assert get(modem, "da00") == "0000"
    world.run(world.now + 850)
    assert get(modem, "cc00") == "0440"
    modem.reset(True)
    world.run(world.now + 5000)
    assert get(modem, "da00") == "0000"
    modem.reset(False)
    world.run(world.now + 850)
    assert get(modem, "cd00") == "0040" and modem.restarts == 3


@pytest.mark.parametrize(
    "size, burst, bit",
    [
        ("0046", "aaaaaaaa3c000000" + "00" * 60 + "5556", 4),  # no tail
        ("0046", "aaaaaaab3c000000" + "00" * 60 + "5555", 4),  # no head
        ("0050", "aaaaaaaa3c000000" + "00" * 60 + "5555", 4),  # size not that of the burst
        ("0000", "aaaaaaaa3c000000" + "00" * 60 + "5555", 4),  # size not written
        ("0045", "aaaaaaaa3b000000" + "00" * 59 + "5555", 4),  # shorter than 60
    ],
)
def test_bad_write(size, burst, bit):
    world, modem = booted()
    put(modem, "4c000440")
    put(modem, "4100" + size)
    put(modem, "0000" + burst)
    assert int(get(modem, "cc00"), 16) & bit


def test_write_buffer_overflow_and_bad_reads():
    world, modem = booted(jammed=True)
    put(modem, "4c000440")
    burst = "0000aaaaaaaae8030000" + "00" * 1000 + "5555"
    for _ in range(3):
        put(modem, "410003f2")
        put(modem, burst)
    assert get(modem, "c200") == "%04x" % (3163 - 3030) and get(modem, "cc00") == "0000"
    put(modem, "410003f2")
    put(modem, burst)
    assert get(modem, "cc00") == "0404"
    put(modem, "4c000404")
    put(modem, "41000010")  # read what is not there
    modem.transfer(bytes.fromhex("8000") + bytes(16))
    assert get(modem, "cc00") == "0402"
    put(modem, "4c000402")
    get(modem, "ff00")
    assert get(modem, "cc00") == "0408"


def test_read_buffer_overflow():
    world, modem = booted()
    for _ in range(50):
        modem.to_host(bytes(100))
    assert get(modem, "c300") == "%04x" % (3167 // 114 * 114)
    assert modem.stats["read_overflow"] == 50 - 3167 // 114


def test_lost_edge_stays_lost_until_acknowledged():
    world, modem = booted(lose_irq=1.0)
    put(modem, "4c000440")
    put(modem, "4d000047")
    modem.to_host(bytes(60))
    modem.lose_irq = 0.0
    modem.to_host(bytes(60))
    assert not modem.irq() and get(modem, "cc00") == "0401"
    put(modem, "4c000401")
    modem.to_host(bytes(60))
    assert modem.irq()


def test_same_seed_same_damage():
    def bursts(seed):
        world, modem = booted(seed, corrupt=0.5)
        got = []
        for _ in range(20):
            modem.to_host(bytes(60))
            put(modem, "4100004a")
            got.append(modem.transfer(bytes.fromhex("8000") + bytes(74)))
        return got

    assert bursts(1) == bursts(1) != bursts(2)
