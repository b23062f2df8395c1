# SPDX-License-Identifier: MIT
"""The emulated SD card: tokens and codes of the specification, and Adafruit's driver on it."""

import random
import sys
import types

import pytest

from tools.emulator.sd_card import SdCard, crc7, crc16


def test_the_specifications_own_checksums():
    """4.5 of the Simplified Specification: CMD0, CMD17, and 512 bytes of 0xFF."""
    assert crc7(bytes.fromhex("4000000000")) == 0x95
    assert crc7(bytes.fromhex("5100000000")) == 0x55
    assert crc7(bytes.fromhex("48000001aa")) == 0x87
    assert crc16(b"\xff" * 512) == 0x7FA1


class Host:
    """A hand that sends bytes."""

    def __init__(self, card):
        self.card = card

    def command(self, index, argument=0, crc=None, answers=1):
        """R1 and what follows it, deselected afterwards."""
        frame = bytes([0x40 | index]) + argument.to_bytes(4, "big")
        frame += bytes([crc7(frame) if crc is None else crc])
        self.card.select(True)
        self.card.exchange(frame)
        for _ in range(9):
            r1 = self.card.transfer(0xFF)
            if r1 < 0x80:
                break
        found = [r1] + [self.card.transfer(0xFF) for _ in range(answers - 1)]
        self.card.select(False)
        self.card.transfer(0xFF)
        return found if answers > 1 else r1

    def begin(self):
        self.card.select(False)
        self.card.exchange(b"\xff" * 10)
        assert self.command(0) == 1
        while self.command(55) == 1 and self.command(41, 0x40000000) == 1:
            pass


def test_nothing_is_said_before_the_clocks_and_a_whole_cmd0():
    card = SdCard()
    hand = Host(card)
    assert hand.command(0) == 0xFF  # no 74 clocks yet
    card.exchange(b"\xff" * 10)
    assert hand.command(0, crc=0x97) == 0xFF
    assert hand.command(8, 0x1AA) == 0xFF
    assert hand.command(0) == 1
    assert len(card.faults) == 3
    assert hand.command(17) == 5  # idle: illegal
    assert hand.command(8, 0x1AA, crc=1) == 0x09  # the only other one whose CRC counts
    assert hand.command(8, 0x1AA, answers=5) == [1, 0, 0, 1, 0xAA]
    assert hand.command(8, 0x2AA, answers=5) == [1, 0, 0, 0, 0xAA]  # 1.8 V: not accepted


def test_a_high_capacity_card_waits_for_a_host_that_knows_it():
    card = SdCard()
    hand = Host(card)
    card.exchange(b"\xff" * 10)
    assert hand.command(0) == 1
    for _ in range(9):
        hand.command(55)
        assert hand.command(41, 0) == 1
    assert hand.command(58, answers=5) == [1, 0, 0xFF, 0x80, 0]
    hand.command(55)
    assert hand.command(41, 0x40000000) == 0
    assert hand.command(58, answers=5) == [0, 0xC0, 0xFF, 0x80, 0]
    assert hand.command(16, 4096) == 0x40 and hand.command(63) == 4


def test_a_block_is_looked_at_where_the_host_wants_that():
    card = SdCard(1024)
    hand = Host(card)
    hand.begin()
    data = bytes(range(256)) * 2

    def write(at, crc):
        assert hand.command(24, at) == 0
        card.select(True)
        card.exchange(b"\xff\xfe" + data + crc.to_bytes(2, "big"))
        answer = card.transfer(0xFF)
        busy = 0
        while card.transfer(0xFF) == 0:
            busy += 1
        card.select(False)
        return answer & 0x1F, busy

    assert write(3, 0) == (5, card.slow) and card.read(3) == data
    assert hand.command(59, 1) == 0
    assert write(4, 0) == (0x0B, 0) and card.read(4) == bytes(512)
    assert write(4, crc16(data)) == (5, card.slow) and card.read(4) == data
    card.refuse = True
    assert write(5, crc16(data)) == (0x0D, 0)
    assert hand.command(24, 1024) == 0x40 and hand.command(17, 1024) == 0x40
    card.select(True)
    card.exchange(bytes([0x40 | 17, 0, 0, 0, 4]) + bytes([crc7(bytes([0x51, 0, 0, 0, 4]))]))
    found = [card.transfer(0xFF) for _ in range(540)]
    at = found.index(0xFE) + 1
    assert bytes(found[at : at + 512]) == data
    assert found[at + 512 : at + 514] == list(crc16(data).to_bytes(2, "big"))


# ---- an independent driver -------------------------------------------------------------------


class Spi:
    """busio.SPI with the card on it."""

    def __init__(self, card):
        self.card = card
        self.locked = False

    def try_lock(self):
        self.locked, before = True, self.locked
        return not before

    def unlock(self):
        self.locked = False

    def configure(self, baudrate, polarity, phase):
        assert self.locked and (polarity, phase) == (0, 0)
        self.card.hz = baudrate

    def write(self, data, start=0, end=None):
        assert self.locked
        self.card.exchange(bytes(data)[start:end])

    def readinto(self, into, start=0, end=None, write_value=0):
        assert self.locked
        for i in range(start, len(into) if end is None else end):
            into[i] = self.card.transfer(write_value)


class Cs:
    def __init__(self, card):
        self.card = card

    def switch_to_output(self, value):
        self.value = value

    @property
    def value(self):
        return not self.card.selected

    @value.setter
    def value(self, level):
        self.card.select(not level)


@pytest.fixture
def adafruit(peer, monkeypatch):
    """Adafruit's module; what it sleeps is not slept."""
    monkeypatch.syspath_prepend(str(peer("adafruit-sd").dir))
    for name, names in (
        ("micropython", {"const": lambda value: value}),
        ("busio", {"SPI": Spi}),  # for its annotations
        ("digitalio", {"DigitalInOut": Cs}),
        ("circuitpython_typing", {"ReadableBuffer": bytes, "WriteableBuffer": bytearray}),
    ):
        fake = types.ModuleType(name)
        fake.__dict__.update(names)
        monkeypatch.setitem(sys.modules, name, fake)
    import adafruit_sdcard

    monkeypatch.setattr(adafruit_sdcard.time, "sleep", lambda s: None)
    yield adafruit_sdcard
    for name in [n for n in sys.modules if n.startswith(("adafruit_sdcard", "adafruit_bus"))]:
        del sys.modules[name]


@pytest.mark.peer
@pytest.mark.shows("the log on an SD card", "the emulated card", peer="Adafruit's driver")
@pytest.mark.parametrize("kind, sectors", [
    ("SDHC", 1024), ("SDHC", 16 << 20), ("SDHC", 60 << 20), ("SDSC", 4093 << 2),
    ("SDSC", 4001 << 10), ("SD1", 3873 << 4),
])  # fmt: skip
def test_adafruits_driver_reads_and_writes(adafruit, kind, sectors):
    card = SdCard(sectors, kind)
    driver = adafruit.SDCard(Spi(card), Cs(card))
    # of C_SIZE it takes 16 of 22 bits (2.0), and not the last two (1.0): sizes where these are 0
    assert driver.count() == sectors
    rng = random.Random(sectors)
    for at, count in ((0, 1), (7, 4), (sectors - 2, 2)):
        data = rng.randbytes(512 * count)
        assert driver.writeblocks(at, data) == 0
        found = bytearray(len(data))
        assert driver.readblocks(at, found) == 0
        assert found == data
        assert b"".join(card.read(at + i) for i in range(count)) == data
    assert driver.readblocks(sectors, bytearray(512)) == 1  # there is none
    assert card.faults == []


@pytest.mark.peer
def test_adafruits_driver_sees_that_there_is_no_card(adafruit):
    card = SdCard()
    card.present = False
    with pytest.raises(OSError, match="no SD card"):
        adafruit.SDCard(Spi(card), Cs(card))
