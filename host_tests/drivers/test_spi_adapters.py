# SPDX-License-Identifier: MIT
"""The SPI adapters drive chip select, lock and bus as their ports want; fakes of both ports."""

import pytest
from drivers import spi_circuitpython, spi_machine
from drivers.qca7000 import Qca7000

import tools  # noqa: F401
from tools.emulator.modem import Modem
from tools.emulator.world import World


class Wire:
    """The bus between a fake port and the emulated modem: collects bytes while selected."""

    def __init__(self, modem):
        self.modem, self.out, self.selected, self.log = modem, b"", False, []

    def select(self, on):
        if on and not self.selected:
            self.out = b""
            self.read = False
        elif not on and self.selected and self.out and not self.read:
            self.modem.exchange(self.out)
        self.selected = on

    def write(self, data):
        assert self.selected
        self.out += bytes(data)

    def readinto(self, into):
        assert self.selected
        self.read = True
        self.modem.exchange(self.out, into)


class Pin:
    """machine.Pin as far as it is called, digitalio as far as `value` goes."""

    def __init__(self, changed=None):
        self.level, self.changed = None, changed

    def __call__(self, value=None):
        if value is None:
            return self.level
        self.level = value
        if self.changed:
            self.changed(value)

    value = property(lambda self: self.level, lambda self, v: self(v))


class BusioSPI:
    """busio.SPI: usable while locked only."""

    def __init__(self, wire, busy=0):
        self.wire, self.busy, self.locked, self.settings = wire, busy, False, []

    def try_lock(self):
        if self.busy:
            self.busy -= 1
            return False
        assert not self.locked
        self.locked = True
        return True

    def unlock(self):
        assert self.locked
        self.locked = False

    def configure(self, *, baudrate, polarity, phase):
        assert self.locked
        self.settings.append((baudrate, polarity, phase))

    def write(self, data):
        assert self.locked
        self.wire.write(data)

    def readinto(self, data):
        assert self.locked
        self.wire.readinto(data)


def session(make):
    """Boot, send and receive one frame through the adapter."""
    world = World()
    modem = Modem(world, bytes.fromhex("0200000ef101"))
    wire = Wire(modem)
    cs = Pin(lambda value: wire.select(not value))
    port = Qca7000(make(wire, cs))
    got = []
    for now in range(0, 2000, 5):
        world.run(now)
        port.poll(now)
        while (frame := port.receive()) is not None:
            got.append(bytes(frame))
        if now == 1500:
            assert port.ready
            port.send(bytes.fromhex("00b0520000010200000e0e0188e10000a000b052"))
    assert len(got) == 1 and b"MAC-QCA7005" in got[0]
    assert cs.level
    return cs


def test_machine_spi():
    session(lambda wire, cs: spi_machine.MachineSpi(wire, cs))


@pytest.mark.parametrize("busy", [0, 5])
def test_busio_spi(busy):
    made = []

    def make(wire, cs):
        made.append(BusioSPI(wire, busy))
        return spi_circuitpython.BusioSpi(made[0], cs)

    session(make)
    assert set(made[0].settings) == {(8_000_000, 1, 1)} and not made[0].locked


def test_bus_that_stays_locked():
    spi = BusioSPI(None, busy=10**9)
    cs = Pin()
    with pytest.raises(OSError, match="locked"):
        spi_circuitpython.BusioSpi(spi, cs).exchange(b"\xda\0", bytearray(2))
    assert cs.level


class Broken:
    def write(self, data):
        raise OSError(5)


def test_errors_of_the_port_release_chip_select_and_lock():
    cs = Pin()
    with pytest.raises(OSError):
        spi_machine.MachineSpi(_Both(Broken()), cs).exchange(b"\0\0")
    assert cs.level
    spi, cs = BusioSPI(Broken()), Pin()
    with pytest.raises(OSError):
        spi_circuitpython.BusioSpi(spi, cs).exchange(b"\0\0")
    assert cs.level and not spi.locked


class _Both:
    def __init__(self, wire):
        self.write, self.readinto = wire.write, None


@pytest.mark.parametrize("module", [spi_machine, spi_circuitpython])
def test_reset_line_is_active_low(module):
    pin = Pin()
    reset = module.reset_low(pin)
    assert pin.level
    reset(True)
    assert not pin.level
    reset(False)
    assert pin.level


def test_level_of_an_input():
    pin = Pin()
    pin.level = True
    assert spi_circuitpython.level(pin)() is True
