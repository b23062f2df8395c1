# SPDX-License-Identifier: MIT
"""The SD card driver on the emulated card: every kind of card, every fault, and never for long."""

import pytest
from drivers.sd_spi import SdSpi

import tools  # noqa: F401
from tools.emulator.sd_card import SdCard, Wires

DATA = bytes(range(256)) * 2


class Clocked(Wires):
    """The bus with a clock: a byte takes as long as it does at that rate, and 20 us of Python."""

    def __init__(self, card):
        super().__init__(card)
        self.us = 0
        self.bytes = 0
        self.closed = 0

    def now(self):
        return int(self.us) // 1000

    def _pass(self, count):
        assert not self.closed, "the bus is somebody else's again"
        self.us += 20 + count * 8e6 / self.card.hz
        self.bytes += count

    def write(self, data):
        self._pass(len(data))
        super().write(data)

    def readinto(self, into):
        self._pass(len(into))
        super().readinto(into)

    def close(self):
        self.closed += 1


def opened(card, within=1500):
    bus = Clocked(card)
    return SdSpi(bus, bus.now, within), bus


def at_rest(bus):
    """Others may use the bus: card deselected, clock as it was, and it has let MISO go."""
    return not bus.card.selected and bus.card.hz == 8_000_000


@pytest.mark.parametrize("latency", [0, 1, 8])
@pytest.mark.parametrize("kind, sectors", [
    ("SDHC", 1024), ("SDHC", 15 << 20), ("SDHC", 4 << 30), ("SDSC", 2048), ("SDSC", 4 << 20),
    ("SD1", 61984), ("SD1", 1 << 20),
])  # fmt: skip
def test_every_kind_of_card(kind, sectors, latency):
    card = SdCard(sectors, kind, latency)
    driver, bus = opened(card)
    assert driver.ioctl(4, 0) == sectors and driver.ioctl(5, 0) == 512 and not driver.ioctl(3, 0)
    assert not driver.protected and at_rest(bus)
    last = sectors - 1 if sectors < 1 << 31 else 1 << 30
    for at, count in ((0, 1), (5, 3), (last - 1, 2)):
        data = b"".join(bytes([at + i & 255]) + DATA[1:] for i in range(count))
        assert driver.writeblocks(at, data) == 0, driver.error
        assert at_rest(bus)
        found = bytearray(len(data))
        assert driver.readblocks(at, found) == 0 and found == data
        assert card.read(at) == data[:512]
    assert driver.error is None and card.faults == []
    if sectors < 1 << 31:
        assert driver.readblocks(sectors, bytearray(512)) == -5 and "CMD17: 0x40" in driver.error
        assert driver.writeblocks(sectors, DATA) == -5 and "CMD24: 0x40" in driver.error


def test_it_is_fast_enough():
    """Of 8 MHz, and of Python between the bytes: 32 kB in tenths of a second."""
    driver, bus = opened(SdCard())
    begun = bus.now()
    assert begun < 20
    for at in range(64):
        assert driver.writeblocks(at, DATA) == 0
    assert bus.now() - begun < 250


@pytest.mark.parametrize(
    "faults, words, most_ms",
    [
        (dict(present=False), "no card answers", 110),
        (dict(stuck=0xFF), "no card answers", 110),
        (dict(stuck=0x00), "MISO stays low", 110),
        (dict(stuck=0x55), "no card answers", 110),
        (dict(rounds=10**9), "the card does not get ready", 1100),
    ],
)
def test_no_card_or_none_of_use(faults, words, most_ms):
    card = SdCard()
    for name, value in faults.items():
        setattr(card, name, value)
    bus = Clocked(card)
    with pytest.raises(OSError, match=words):
        SdSpi(bus, bus.now, 1500)
    assert bus.now() <= most_ms and bus.closed == 1 and at_rest(bus)


def test_a_limit_is_kept_whatever_the_card_does():
    card = SdCard()
    card.rounds = 10**9
    bus = Clocked(card)
    with pytest.raises(OSError):
        SdSpi(bus, bus.now, 300)
    assert bus.now() <= 310


def pulled(card):
    card.present = False


def dead(card):
    card.stuck = 0x00


def busy(card):
    card.slow = 10**9


@pytest.mark.parametrize("act", ["read", "write"])
@pytest.mark.parametrize("fault", [pulled, dead, busy])
def test_it_goes_away_in_the_middle(fault, act):
    card = SdCard()
    driver, bus = opened(card)
    assert driver.writeblocks(1, DATA) == 0
    fault(card)
    begun = bus.now()
    wrong = 0
    for _ in range(3):
        if act == "read":
            wrong += driver.readblocks(1, bytearray(512)) == -5
        else:
            wrong += driver.writeblocks(2, DATA) == -5
    assert wrong == (0 if (fault, act) == (busy, "read") else 3)
    assert bus.now() - begun <= 1600 and at_rest(bus)
    driver.limit(0)  # time is over: at once
    begun = bus.now()
    for _ in range(100):
        driver.writeblocks(2, DATA)
    assert bus.now() - begun < 100


@pytest.mark.parametrize(
    "name, words",
    [("refuse", "does not take a block: 0x0d"), ("fails", "did not write a block")],
)
def test_a_block_that_was_not_written_is_told(name, words):
    card = SdCard()
    driver, _ = opened(card)
    setattr(card, name, True)
    assert driver.writeblocks(0, DATA) == -5
    assert words in driver.error and card.blocks == {}


@pytest.mark.parametrize("kind, sectors", [("SDHC", 1024), ("SDSC", 2048)])
def test_protection_stands_in_the_cards_own_register(kind, sectors):
    card = SdCard(sectors, kind)
    card.protected = True
    driver, _ = opened(card)
    assert driver.protected and driver.writeblocks(0, DATA) == -5


def test_what_is_closed_says_no_more_to_anybody():
    """A file that was not closed comes back when garbage is collected: not to another card."""
    card = SdCard()
    driver, bus = opened(card)
    driver.close()
    driver.close()
    count = bus.bytes
    assert driver.writeblocks(0, DATA) == 0 and driver.readblocks(0, bytearray(512)) == 0
    assert bus.bytes == count and bus.closed == 1


def test_a_second_start_of_the_same_card():
    """Mounted for each use: the card is in SPI mode already, maybe still busy."""
    card = SdCard()
    driver, bus = opened(card)
    assert driver.writeblocks(0, DATA) == 0
    driver.close()
    card._busy = 500
    driver, bus = opened(card)
    found = bytearray(512)
    assert driver.readblocks(0, found) == 0 and found == DATA
