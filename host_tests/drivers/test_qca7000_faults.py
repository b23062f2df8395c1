# SPDX-License-Identifier: MIT
"""Every fault of the modem is recovered from, its reason counted: driver and emulated QCA7000."""

import pytest
from drivers.qca7000 import Qca7000

import tools  # noqa: F401
from tools.emulator.modem import Modem
from tools.emulator.world import World

MAC = bytes.fromhex("0200000e0e01")
GET_SW = bytes.fromhex("00b052000001") + MAC + bytes.fromhex("88e10000a000b052") + bytes(40)


class Rig:
    """A modem without a line and its driver, polled when it wants to be."""

    def __init__(self, seed=1, irq=True, pin=True, **knobs):
        self.world = World(seed)
        self.modem = Modem(self.world, bytes.fromhex("0200000ef101"))
        for name, value in knobs.items():
            setattr(self.modem, name, value)
        self.modem.reboot()
        self.pulses = []
        self.port = Qca7000(
            self.modem, self.modem.irq if irq else None, self.reset if pin else None
        )
        self.frames = []
        self.asking = None  # ms between two GET_SW
        self.asked = 0
        self.next_ask = 0
        self.world.add(self)
        if irq:
            self.modem.on_irq = lambda: self.world.wake(self)

    def reset(self, active):
        self.pulses.append((self.world.now, active))
        self.modem.reset(active)

    def step(self, now):
        port = self.port
        port.poll(now)
        while (frame := port.receive()) is not None:
            self.frames.append(bytes(frame))
        if self.asking and now >= self.next_ask:
            self.next_ask = now + self.asking
            self.asked += port.send(GET_SW)
        return min(port.next_poll(now), self.next_ask if self.asking else 1 << 60)

    def until_ready(self, limit=60_000):
        restarts = self.port.restarts
        assert self.world.run_until(
            lambda: self.port.ready and self.port.restarts > restarts, self.world.now + limit
        ), (self.port.state, self.port.counters)
        return self.world.now

    def answers(self):
        """Does a message come back within 200 ms?"""
        self.frames.clear()
        assert self.port.send(GET_SW)
        self.world.run(self.world.now + 200)
        return len(self.frames) == 1 and b"MAC-QCA7005" in self.frames[0]


@pytest.mark.parametrize("irq", [True, False])
def test_boot(irq):
    rig = Rig(irq=irq)
    assert 850 <= rig.until_ready() <= 870
    assert rig.answers() and rig.port.restarts == 1


@pytest.mark.parametrize("boot_ms", [100, 3100, 9000])
def test_slow_boot_is_not_cut_off(boot_ms):
    rig = Rig(boot_ms=boot_ms)
    rig.until_ready(60_000)
    assert rig.answers()


def test_absent_modem_is_probed_for_ever_then_found():
    for floating in (False, True):
        rig = Rig(frozen=True, floating=floating)
        rig.world.run(40_000)
        assert not rig.port.ready and rig.port.signature == (0xFFFF if floating else 0)
        assert rig.port.counters["reset_no_answer"] >= 2
        rig.modem.frozen = False
        rig.until_ready()
        assert rig.answers()


def test_reset_goes_from_register_to_pin():
    rig = Rig(boots=False)
    rig.world.run(60_000)
    assert rig.pulses[0][0] >= 3000 and len(rig.pulses) % 2 == 0
    for (t0, on), (t1, off) in zip(rig.pulses[::2], rig.pulses[1::2], strict=True):
        assert on and not off and t1 - t0 >= 100
    rig.modem.boots = True
    rig.until_ready()


def test_without_reset_pin_the_register_has_to_do():
    rig = Rig(pin=False)
    rig.until_ready()
    rig.modem.jammed = True
    rig.asking = 50
    rig.until_ready()
    rig.modem.jammed = False
    assert rig.port.counters["reset_tx_jam"] >= 1


def test_restart_of_the_modem_is_noticed():
    rig = Rig()
    rig.until_ready()
    rig.modem.reboot()
    assert rig.until_ready() < rig.world.now + 1
    assert rig.port.restarts == 2 and rig.answers()
    assert {k for k in rig.port.counters if "reset" in k} == set()  # none was needed


def test_quick_restart_between_two_looks():
    rig = Rig(boot_ms=0)
    rig.until_ready()
    rig.modem.reboot()
    rig.until_ready()
    assert rig.port.counters["modem_restarted"] == 1


def test_brown_out():
    rig = Rig()
    rig.until_ready()
    rig.world.run(rig.world.now + 1234)
    rig.modem.power(False)
    rig.world.run(rig.world.now + 300)
    assert not rig.port.ready and rig.port.counters["signature_lost"] == 1
    assert not rig.port.send(GET_SW)
    rig.modem.power(True)
    rig.until_ready()
    assert rig.answers()


def test_freeze_ends_in_a_pulse_on_the_reset_line():
    rig = Rig()
    rig.until_ready()
    rig.modem.frozen = True

    def reset(active, plain=rig.modem.reset):
        rig.modem.frozen = False  # only the pin helps
        plain(active)

    rig.modem.reset = reset
    rig.until_ready(30_000)
    assert rig.answers()


@pytest.mark.parametrize("bit, name", [(2, "reset_rdbuf_err"), (4, "reset_wrbuf_err")])
def test_errors_of_the_buffers_reset(bit, name):
    rig = Rig()
    rig.until_ready()
    rig.modem._raise(bit)
    rig.until_ready()
    assert rig.port.counters[name] == 1 and rig.answers()


def test_host_restart_finds_a_running_modem():
    rig = Rig()
    rig.until_ready()
    rig.modem.jammed = True
    rig.port.send(GET_SW)
    rig.modem.jammed = False
    again = Qca7000(rig.modem, rig.modem.irq, rig.modem.reset)
    rig.port = again
    rig.world.wake(rig)
    rig.until_ready()
    assert rig.answers()


def test_jam_resets_after_a_second():
    rig = Rig()
    rig.until_ready()
    rig.modem.jammed = True
    rig.asking = 20
    begin = rig.world.now
    rig.world.run_until(lambda: not rig.port.ready, begin + 10_000)
    assert 1000 <= rig.world.now - begin <= 3000
    assert rig.port.counters["reset_tx_jam"] == 1
    rig.modem.jammed = False
    rig.asking = None
    rig.until_ready()
    assert rig.answers()


def test_sometimes_full_is_no_jam():
    rig = Rig(drain_ms=30)
    rig.until_ready()
    rig.asking = 5
    rig.world.run(rig.world.now + 10_000)
    assert rig.port.ready and rig.port.restarts == 1


@pytest.mark.parametrize("lose", [0.3, 1.0])
def test_lost_interrupts_cost_time_only(lose):
    rig = Rig(lose_irq=lose)
    rig.until_ready()
    rig.asking = 50
    rig.world.run(rig.world.now + 20_000)
    rig.asking = None
    rig.world.run(rig.world.now + 100)
    assert rig.asked == 400 and len(rig.frames) == 400


def test_lost_interrupt_enable_is_written_again():
    rig = Rig()
    rig.until_ready()
    rig.modem.enable = 0
    assert rig.answers() and rig.modem.enable == 0x47


def test_line_that_was_never_connected():
    rig = Rig(no_irq=True)
    rig.until_ready()
    assert rig.answers()


def test_lost_register_writes():
    rig = Rig(lose_write=3)
    rig.until_ready()
    assert rig.port.counters["write_lost"] >= 1 and rig.answers()


@pytest.mark.parametrize("seed", range(8))
def test_corrupt_bursts(seed):
    rig = Rig(seed, corrupt=0.2)
    rig.until_ready()
    rig.asking = 40
    rig.world.run(60_000)
    rig.modem.corrupt = 0.0
    rig.world.run(rig.world.now + 3000)
    assert rig.port.counters["framing"] > 20
    rig.asking = None
    rig.world.run(rig.world.now + 200)
    good = sum(b"MAC-QCA7005" in f for f in rig.frames)
    assert good > 0.7 * rig.asked, (good, rig.asked, rig.port.counters)
    assert rig.answers(), rig.port.counters


@pytest.mark.parametrize("seed", range(8))
def test_register_glitches(seed):
    rig = Rig(seed)
    rig.until_ready()
    rig.modem.glitch = 0.005
    rig.asking = 40
    rig.world.run(60_000)
    rig.modem.glitch = 0.0
    rig.asking = None
    rig.world.run(rig.world.now + 5000)
    assert len(rig.frames) > 0.95 * rig.asked and rig.asked > 1000, rig.port.counters
    assert rig.port.ready and rig.answers(), rig.port.counters


def test_flood_overflows_the_modem_not_us():
    rig = Rig()
    rig.until_ready()
    for i in range(200):
        rig.modem.to_host(bytes([i]) * 100)
    rig.world.run(rig.world.now + 200)
    assert rig.modem.stats["read_overflow"] > 100
    assert [f[0] for f in rig.frames] == list(range(len(rig.frames))) and rig.frames
    assert rig.answers()


def test_sleep_and_wake():
    for pin in (True, False):
        rig = Rig(pin=pin)
        rig.until_ready()
        rig.port.sleep()
        before = rig.modem.stats["exchanges"]
        rig.world.run(rig.world.now + 5000)
        assert rig.modem.stats["exchanges"] == before
        assert rig.port.state == "asleep" and rig.modem.up is not pin
        rig.port.wake(rig.world.now)
        rig.world.wake(rig)
        rig.world.run(rig.world.now + 1500)
        assert rig.port.ready and rig.answers()
        assert rig.port.restarts == (2 if pin else 1)


def test_restart_on_request():
    rig = Rig()
    rig.until_ready()
    rig.port.restart(rig.world.now)
    assert not rig.port.ready
    rig.world.wake(rig)
    begin = rig.world.now
    assert rig.until_ready() - begin <= rig.modem.boot_ms + 20  # CPU_ON ends the wait
    assert rig.port.counters["reset_requested"] == 1 and rig.port.restarts == 2


def test_legacy_strap_never_hangs():
    rig = Rig(legacy=True)
    rig.until_ready()
    rig.asking = 100
    rig.world.run(30_000)
    assert rig.port.counters["reset_wrbuf_err"] > 1 and not rig.frames
