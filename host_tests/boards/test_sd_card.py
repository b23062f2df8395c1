# SPDX-License-Identifier: MIT
"""Each board's SD card: its pins and its bus, beside the CAN chip, while a timer ticks safety."""

import sys
import types

import pytest

from host_tests.boards.bench import Bench
from host_tests.drivers.can_chips import Mcp2515Chip
from tools.boards import boards, load
from tools.emulator.sd_card import SdCard

WITH_CARD = [name for name in boards() if "SD_CS" in load(name).module.PINS]
SHARED = [name for name in WITH_CARD if "SD_SCK" not in load(name).module.PINS]


class FakeVfs:
    """`vfs` of MicroPython, `storage` of CircuitPython: it reads and writes one block."""

    def __init__(self):
        self.mounts = {}

    def module(self, name):
        found = types.ModuleType(name)
        found.VfsFat, found.mount, found.umount = self.VfsFat, self.mount, self.umount
        return found

    class VfsFat:
        def __init__(self, device):
            self.device = device
            block = bytearray(512)
            assert device.readblocks(0, block) == 0, device.error
            assert device.writeblocks(1, block) == 0, device.error

    def mount(self, files, path):
        assert path not in self.mounts
        self.mounts[path] = files

    def umount(self, path):
        if path not in self.mounts:
            raise OSError(22)
        del self.mounts[path]


@pytest.fixture
def fat(monkeypatch):
    fake = FakeVfs()
    monkeypatch.setitem(sys.modules, "vfs", fake.module("vfs"))
    return fake


def bench_with(monkeypatch, name, fat, **settings):
    bench = Bench(monkeypatch, name, sd_card="spi", **settings)
    if bench.board.about["api"] == "circuitpython":
        monkeypatch.setitem(sys.modules, "vfs", None)  # an import of it fails
        monkeypatch.setitem(sys.modules, "storage", fat.module("storage"))
    bench.wiring.sd = SdCard()
    # time goes on with the bytes on the bus, and with it the board's timer
    bench.wiring.passing = lambda ms: bench.world.run(bench.world.now + ms)
    return bench


def test_the_boards_that_have_one():
    assert set(boards()) - set(WITH_CARD) == {"RASPBERRY_PI_BLINKA"}
    assert set(SHARED) == {"RPI_PICO", "RPI_PICO2", "ESP32_GENERIC_S3"}


@pytest.mark.parametrize("name", WITH_CARD)
def test_a_card_at_its_pins(monkeypatch, fat, name):
    bench = bench_with(monkeypatch, name, fat)
    parts = bench.start()
    card = bench.wiring.sd
    assert card.clocks == 0 and card.reads == 0  # building does not touch it
    for _ in range(2):  # mounted for each use
        found = parts.card(parts.clock, 1500)
        assert list(fat.mounts) == ["/sd"] and found.megabytes == 4 and found.folder == "/sd/"
        assert bench.wiring.level["SD_CS"] == 1 and card.hz >= 8_000_000
        found.again()
        found.close()
        assert fat.mounts == {} and card.faults == []
    card.present = False
    begun = bench.world.now
    with pytest.raises(OSError, match="no card answers"):
        parts.card(parts.clock, 1500)
    assert bench.world.now - begun < 200 and fat.mounts == {}
    card.present = True
    parts.card(parts.clock, 1500).close()


@pytest.mark.parametrize("name", boards())
def test_unless_it_is_asked_for_nothing_of_it_moves(monkeypatch, name):
    bench = Bench(monkeypatch, name)
    parts = bench.start()
    assert parts.card is None and "SD_CS" not in bench.wiring.level
    bench = Bench(monkeypatch, "RASPBERRY_PI_BLINKA", sd_card="spi")
    assert bench.start().card is None


@pytest.mark.parametrize("name", WITH_CARD)
def test_an_image_without_its_code_has_no_card(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "drivers.sd_open", None)  # an import of it fails
    assert Bench(monkeypatch, name, sd_card="spi").start().card is None


@pytest.mark.parametrize("name", SHARED)
def test_a_can_chip_on_the_same_bus_goes_on(monkeypatch, fat, name):
    bench = bench_with(monkeypatch, name, fat, can_chip="mcp2515", can_clock_Hz=16_000_000)
    bench.wiring.can = Mcp2515Chip()
    parts = bench.start()
    sent = [(0x123, False, b"\1\2")]
    assert parts.can.ready and parts.can.send(0x123, b"\1\2")
    for present in (True, False, True):
        bench.wiring.sd.present = present
        try:
            parts.card(parts.clock, 1500).close()
        except OSError:
            assert not present
        sent.append((0x124, False, b"\3"))
        assert parts.can.send(0x124, b"\3") and bench.wiring.can.sent == sent
        assert bench.wiring.level["CAN_CS"] == bench.wiring.level["SD_CS"] == 1
        assert bench.wiring.sd.hz == 8_000_000  # the rate that the chip has


@pytest.mark.parametrize("name", [n for n in WITH_CARD if load(n).about["api"] == "machine"])
@pytest.mark.parametrize("fault", ["rounds", "slow"])
def test_safety_ticks_on_while_a_card_keeps_us_waiting(monkeypatch, fat, name, fault):
    bench = bench_with(monkeypatch, name, fat)
    controller = bench.controller()
    bench.world.run(bench.world.now + 500)
    controller.step(bench.parts.clock())
    setattr(bench.wiring.sd, fault, 10**9)
    bench.wiring.history.clear()
    begun = bench.world.now
    with pytest.raises((OSError, AssertionError)):
        bench.parts.card(bench.parts.clock, 1500)
    took = bench.world.now - begun
    assert 400 < took <= 1600
    edges = [t for t, n, _ in bench.wiring.history if n == "CONT_ENABLE"]
    assert len(edges) >= took // 20 - 1 and max(b - a for a, b in zip(edges, edges[1:])) == 20


def test_circuitpython_without_a_folder_to_mount_at(monkeypatch, fat):
    bench = bench_with(monkeypatch, "ADAFRUIT_FEATHER_RP2350", fat)
    parts = bench.start()

    def mount(files, path):
        raise RuntimeError("Mount point directory missing")

    monkeypatch.setattr(sys.modules["storage"], "mount", mount)
    for _ in range(2):  # and the bus is free again
        with pytest.raises(OSError, match="directory missing"):
            parts.card(parts.clock, 1500)
