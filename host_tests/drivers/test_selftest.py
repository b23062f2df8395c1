# SPDX-License-Identifier: MIT
"""The modem's self-test says in words what is wrong: wiring, firmware, sleep, role."""

import pytest
from drivers.qca7000 import Qca7000
from drivers.qca7000_selftest import selftest

import tools  # noqa: F401
from tools.emulator.modem import Modem, StationModem
from tools.emulator.powerline import PowerLine
from tools.emulator.world import World

MAC = bytes.fromhex("0200000e0e01")


def verdict(irq=True, power_ms=1200, **knobs):
    """(verdict, text) for an emulated modem with those knobs; simulated time goes on by itself."""
    world = World()
    modem = Modem(world, bytes.fromhex("0200000ef101"))
    for name, value in knobs.items():
        setattr(modem, name, value)
    modem.reboot()
    world.run(power_ms)

    def clock():
        world.run(world.now + 1)
        return world.now

    port = Qca7000(modem, modem.irq if irq else None)
    return selftest(port, clock, MAC)


@pytest.mark.parametrize("irq, power_ms", [(True, 1200), (False, 1200), (True, 0)])
def test_good(irq, power_ms):
    said, text = verdict(irq, power_ms)
    assert said == "good"
    assert text == ("MAC-QCA7005-EMULATED-1.0: firmware runs, PIB is a car's, no power-line link")


def test_good_with_link():
    world = World()
    line = PowerLine(world)
    modem = line.attach(Modem(world, bytes.fromhex("0200000ef101"), nmk=bytes(16)))
    line.attach(StationModem(world, bytes.fromhex("0200005ef201"), nmk=bytes(16)))
    world.run(4000)

    def clock():
        world.run(world.now + 1)
        return world.now

    said, text = selftest(Qca7000(modem, modem.irq), clock, MAC)
    assert said == "good" and text.endswith("power-line link up")


@pytest.mark.parametrize(
    "knobs, said, words",
    [
        (dict(frozen=True), "wiring", "MISO stuck low"),
        (dict(frozen=True, floating=True), "wiring", "not connected"),
        (dict(powered=False), "wiring", "without power"),
        (dict(boots=False), "wiring", "still booting"),
        (dict(legacy=True), "wiring", "legacy SPI"),
        (dict(lose_write=10**6), "wiring", "not written"),
        (dict(version="BootLoader"), "no firmware", "BootLoader"),
        (dict(mute=True), "asleep", "half a minute"),
        (dict(no_irq=True), "good", "interrupt line never rose"),
        (dict(mute_types=(0xA0B0,)), "good", "PIB cannot be read"),
    ],
)
def test_each_fault_has_its_words(knobs, said, words):
    got, text = verdict(**knobs)
    assert (got, words in text) == (said, True), text


def test_ringing_lines():
    class Ringing:
        def exchange(self, out, into=None):
            if into is not None:
                into[:] = b"\xd6\xaa"[: len(into)].ljust(len(into), b"\0")

    now = iter(range(100_000))
    said, text = selftest(Qca7000(Ringing()), lambda: next(now), MAC)
    assert said == "wiring" and "d6aa" in text and "series" in text


def test_firmware_that_does_not_start():
    class Loader:
        def exchange(self, out, into=None):
            if into is not None:
                into[:] = b"\xaa\x55" if out[0] == 0xDA else b"\0\0"

    now = iter(range(100_000))
    said, text = selftest(Qca7000(Loader()), lambda: next(now), MAC)
    assert said == "no firmware" and "3163" in text


def test_wrong_role_by_pib_and_by_network():
    world = World()
    modem = Modem(world, bytes.fromhex("0200000ef101"), role=2, nmk=bytes(16))
    world.run(1200)

    def clock():
        world.run(world.now + 1)
        return world.now

    said, text = selftest(Qca7000(modem), clock, MAC)
    assert said == "wrong role" and "0xF4 is 2" in text
    modem.pib[0xF4] = modem.pib[0x1653] = 1
    PowerLine(world).attach(modem)
    said, text = selftest(Qca7000(modem), clock, MAC)
    assert said == "wrong role" and "network of its own" in text
