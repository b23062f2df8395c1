# SPDX-License-Identifier: MIT
"""CAN controllers behind one port: two chips on SPI, `machine.CAN`, `canio`."""

import types

import pytest
from drivers import can_mcp251xfd, can_mcp2515
from drivers.can_canio import CanioCan
from drivers.can_machine import MachineCan
from drivers.can_mcp251xfd import Mcp251xFd
from drivers.can_mcp2515 import Mcp2515
from evcc.can_port import EXTENDED, text

from host_tests.drivers.can_chips import Mcp2515Chip, Mcp2518FdChip

CHIPS = [(Mcp2515, Mcp2515Chip), (Mcp251xFd, Mcp2518FdChip)]
IDS = [0x351, 0, 0x7FF, EXTENDED | 0x18FF50E5, EXTENDED | 1, EXTENDED | 0x1FFFFFFF]


@pytest.fixture(params=CHIPS, ids=["MCP2515", "MCP2518FD"])
def pair(request):
    driver, chip = request.param
    chip = chip()
    return driver(chip), chip


def take(bus):
    data = bytearray(8)
    identifier = bus.receive(data)
    return None if identifier is None else (identifier, bytes(data[: bus.length]))


def arrive(chip, identifier, data):
    return chip.arrive(identifier & 0x1FFFFFFF, data, bool(identifier & EXTENDED))


@pytest.mark.parametrize("identifier", IDS, ids=text)
def test_frames_go_both_ways(pair, identifier):
    bus, chip = pair
    assert bus.ready
    for data in (b"", b"\x01", bytes(range(8))):
        assert bus.send(identifier, data)
        assert chip.sent.pop() == (identifier & 0x1FFFFFFF, bool(identifier & EXTENDED), data)
        assert arrive(chip, identifier, data)
        assert take(bus) == (identifier, data)
        assert take(bus) is None
    assert bus.counters["sent"] == bus.counters["received"] == 3


def test_order_is_kept_and_an_overrun_is_counted(pair):
    bus, chip = pair
    n = 0
    while chip.arrive(0x100 + n, bytes((n,))):
        n += 1
    assert n == (2 if isinstance(chip, Mcp2515Chip) else 16)
    bus.poll(0)
    assert bus.counters["overruns"] == 1
    for i in range(n):
        assert take(bus) == (0x100 + i, bytes((i,)))
    bus.poll(200)
    assert bus.counters["overruns"] == 1
    for i in range(100):  # the ring goes round
        assert chip.arrive(i, bytes((i,)))
        assert take(bus) == (i, bytes((i,)))


def test_remote_frames_are_dropped(pair):
    bus, chip = pair
    chip.arrive(0x123, bytes(2), remote=True)
    chip.arrive(0x124, b"\x05")
    assert take(bus) == (0x124, b"\x05")
    assert bus.counters["dropped"] == 1
    chip.arrive(0x1234567, bytes(2), True, remote=True)
    assert take(bus) is None


@pytest.mark.parametrize("wanted", [[0x351], [0x351, 0x355, 0x35A], [EXTENDED | 0x18FF50E5]])
def test_filters(pair, wanted):
    bus, chip = pair
    bus.listen(wanted)
    for identifier in wanted:
        assert arrive(chip, identifier, b"\x01")
        assert take(bus)[0] == identifier
    assert not chip.arrive(0x352, b"\x01")
    assert not chip.arrive(wanted[0] & 0x7FF, b"\x01", not wanted[0] & EXTENDED)
    bus.listen(None)
    assert chip.arrive(0x352, b"\x01")


def test_more_identifiers_than_filters_take_all(pair):
    bus, chip = pair
    bus.listen([0x100 + i for i in range(40)])
    assert chip.arrive(0x700, b"")


def test_full_buffers_refuse(pair):
    bus, chip = pair
    chip.stuck = True
    n = 0
    while bus.send(0x100, b"\x01"):
        n += 1
    assert n == (3 if isinstance(chip, Mcp2515Chip) else 8)
    assert bus.counters["send_refused"] == 1


def test_no_chip_no_bus_and_it_comes_back():
    for driver, chip_class in CHIPS:
        chip = chip_class()
        chip.dead = True
        bus = driver(chip)
        assert not bus.ready and take(bus) is None and not bus.send(1, b"")
        chip.dead = False
        bus.poll(0)
        assert bus.ready and bus.send(1, b"")


def test_a_brown_out_is_noticed_and_settings_come_back(pair):
    bus, chip = pair
    bus.listen([0x351])
    chip.reset()
    assert not chip.arrive(0x351, b"")
    bus.poll(1000)
    assert bus.ready and chip.arrive(0x351, b"") and not chip.arrive(0x352, b"")


@pytest.mark.parametrize("bitrate", [125_000, 250_000, 500_000, 1_000_000])
@pytest.mark.parametrize("clock", [8_000_000, 16_000_000, 20_000_000])
def test_bit_timing_of_the_mcp2515(clock, bitrate):
    if clock == 8_000_000 and bitrate == 1_000_000:
        with pytest.raises(ValueError, match="1000000 bit/s"):
            Mcp2515(Mcp2515Chip(), bitrate, clock)
        return
    chip = Mcp2515Chip()
    assert Mcp2515(chip, bitrate, clock).ready
    rate, sample = chip.bit_rate(clock)
    assert rate == bitrate and 70 <= sample <= 87.5


@pytest.mark.parametrize("bitrate", [125_000, 250_000, 500_000, 1_000_000])
@pytest.mark.parametrize("clock", [20_000_000, 40_000_000])
def test_bit_timing_of_the_mcp2518fd(clock, bitrate):
    chip = Mcp2518FdChip()
    assert Mcp251xFd(chip, bitrate, clock).ready
    rate, sample = chip.bit_rate(clock)
    assert rate == bitrate and 75 <= sample <= 85


def test_impossible_bit_rates():
    for module in (can_mcp2515, can_mcp251xfd):
        with pytest.raises(ValueError, match="500001"):
            module.timing(16_000_000, 500_001)


class FakeMachineCan:
    """machine.CAN as docs/library/machine.CAN.rst has it."""

    FILTERS_MAX = 14
    FLAG_EXT_ID, FLAG_RTR, FLAG_UNORDERED = 2, 1, 4
    STATE_ACTIVE, STATE_BUS_OFF = 1, 4

    def __init__(self):
        self.queue, self.sent, self.filters, self.now = [], [], (), 1

    def set_filters(self, filters):
        if filters is not None and len(filters) > self.FILTERS_MAX:
            raise ValueError
        self.filters = filters

    def recv(self, into):
        if not self.queue:
            return None
        number, data, flags = self.queue.pop(0)
        into[0], into[2], into[3] = number, flags, 0
        into[1] = memoryview(bytearray(data))
        return into

    def send(self, number, data, flags=0):
        if self.now == self.STATE_BUS_OFF:
            raise OSError(5)
        if len(self.sent) >= 3:
            return None
        self.sent.append((number, bytes(data), flags))
        return len(self.sent) - 1

    def state(self):
        return self.now

    def restart(self):
        self.now = self.STATE_ACTIVE


def test_machine_can():
    can = FakeMachineCan()
    bus = MachineCan(can)
    assert can.filters is None
    can.queue = [(0x351, b"\x01\x02", 0), (7, b"", 1), (0x18FF50E5, b"\x03", 2)]
    assert take(bus) == (0x351, b"\x01\x02")
    assert take(bus) == (0x18FF50E5 | EXTENDED, b"\x03")
    assert take(bus) is None and bus.counters["dropped"] == 1
    assert bus.send(0x18FF50E5 | EXTENDED, b"\x09") and can.sent == [(0x18FF50E5, b"\x09", 2)]
    assert bus.send(1, b"") and bus.send(1, b"") and not bus.send(1, b"")
    can.now = can.STATE_BUS_OFF
    bus.poll(0)
    assert not bus.ready and bus.counters["bus_off"] == 1
    bus.poll(200)
    assert bus.ready
    bus.listen([0x351, EXTENDED | 5])
    assert can.filters == [(0x351, 0x7FF, 0), (5, 0x1FFFFFFF, 2)]
    bus.listen(range(20))
    assert can.filters is None


class FakeCanio(types.SimpleNamespace):
    """The canio module: listeners of one CAN object."""

    class BusState:
        ERROR_ACTIVE, BUS_OFF = "active", "off"

    class Message:
        def __init__(self, id, data, *, extended=False):
            self.id, self.data, self.extended = id, data, extended

    class RemoteTransmissionRequest:
        def __init__(self, id, length, *, extended=False):
            self.id = id

    class Match:
        def __init__(self, id, *, mask=None, extended=False):
            self.id, self.extended = id, extended

    class CAN:
        def __init__(self):
            self.queue, self.sent, self.matches, self.state = [], [], None, "active"

        def listen(self, matches=None, *, timeout=10):
            if matches and len(matches) > 4:
                raise ValueError
            self.matches = matches
            return FakeCanio.Listener(self)

        def send(self, message):
            if self.state == "off":
                raise OSError
            self.sent.append((message.id, message.extended, message.data))

        def restart(self):
            self.state = "active"

    class Listener:
        def __init__(self, can):
            self.can = can

        def in_waiting(self):
            return len(self.can.queue)

        def receive(self):
            return self.can.queue.pop(0)

        def deinit(self):
            self.can = None


def test_canio():
    can = FakeCanio.CAN()
    bus = CanioCan(can, FakeCanio)
    can.queue = [
        FakeCanio.Message(0x351, b"\x01"),
        FakeCanio.RemoteTransmissionRequest(1, 2),
        FakeCanio.Message(0x18FF50E5, b"\x02", extended=True),
    ]
    assert take(bus) == (0x351, b"\x01")
    assert take(bus) == (0x18FF50E5 | EXTENDED, b"\x02")
    assert take(bus) is None and bus.counters["dropped"] == 1
    assert bus.send(EXTENDED | 2, b"\x01") and can.sent == [(2, True, b"\x01")]
    bus.listen([1, EXTENDED | 2])
    assert [(m.id, m.extended) for m in can.matches] == [(1, False), (2, True)]
    bus.listen([1, 2, 3, 4, 5])
    assert can.matches is None
    can.state = "off"
    assert not bus.send(1, b"")
    bus.poll(0)
    assert not bus.ready
    bus.poll(100)
    assert bus.ready
