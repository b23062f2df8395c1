# SPDX-License-Identifier: MIT
"""Safety ticked by an interrupt in MicroPython: a signal with the heap locked, at any bytecode."""

import random

import pytest

from tools.charger.power import PowerPlan
from tools.demo.rig import Rig
from tools.vm import micropython
from tools.vm.build import build

pytestmark = pytest.mark.vm
WORK_MS = 3000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    build(folder, "i386", True)
    return folder


def make(folder, options=(), seconds=3, lines=None, on_message=None):
    plan = PowerPlan(((0, 11000),), ramp_W_s=20000, stop_s=seconds)
    more = dict(timer=True, folder=folder, options=options, limit_s=20, lines=lines)
    return Rig(plan=plan, pack_speed=1, vm="i386", heap="192k",
               vm_more=dict(more, on_message=on_message))  # fmt: skip


def played(rig):
    try:
        assert rig.run(), rig.outcome
    finally:
        rig.close()
    return rig


def check_good(rig):
    assert rig.outcome["result"] == "STATION_TERMINATE", rig.outcome
    assert rig.outcome["forced_openings"] == 0 and rig.plant.violations == []
    assert "A" not in rig.device.counts  # its loop samples nothing


LOCKS = """
import ffi
def handler(number):
    try:
        [number]
    except MemoryError:
        seen_it[0] = 1
seen_it = bytearray(1)
call = ffi.callback("v", handler, "i", lock=True)
libc = ffi.open("libc.so.6")
libc.func("p", "signal", "iC")(10, call)
libc.func("i", "raise", "i")(10)
print(seen_it[0])
"""


def test_the_handler_really_has_its_heap_locked(machine):
    machine("i386")
    done = micropython(LOCKS)
    assert done.stdout == "1\n", done


@pytest.mark.shows("tick in an interrupt of MicroPython", peer="our emulation")
def test_a_session_ticked_by_an_interrupt(folder, machine):
    machine("i386")
    lines = []
    rig = played(make(folder, lines=lines.append))
    check_good(rig)
    assert rig.device.timer.ticks == rig.board.counters["watchdog"]
    assert rig.device.timer.ticks > rig.world.now // 20 - 100
    assert not lines, lines


@pytest.mark.slow
def test_interrupts_at_any_place_of_the_code(folder, machine):
    """Also while the VM works on the answer to a message, and more often than every 20 ms."""
    machine("i386")
    rng = random.Random(5)
    more = []

    def message(kind, index, out, into):
        timer = rig.device.timer
        if kind not in "SWB" and rig.device.counts["B"] and rng.random() < 0.3:
            more.append(kind)
            timer.step(rig.world.now)

    rig = make(folder, on_message=message)
    played(rig)
    check_good(rig)
    assert len(more) > 500


def too_much(rig):
    out = rig.plant.output
    out.enable(True)
    out.volt_s = out.ampere_s = 1e9
    out.target(600, 300, rig.world.now)


def too_hot(rig):
    rig.board.inlet_C[1] = 95.0


def pulled(rig):
    rig.board.unplug(force=True)


def lost(rig):
    rig.pilot.pwm(None)


@pytest.mark.parametrize(
    "act, reason, within",
    [
        (too_much, "LIMIT_EXCEEDED", 100),
        pytest.param(too_hot, "OVER_TEMPERATURE", 100, marks=pytest.mark.slow),
        (pulled, "UNPLUGGED", 40),
        pytest.param(lost, "PILOT_LOST", 120, marks=pytest.mark.slow),
    ],
)
def test_guarded_while_the_vm_computes(act, reason, within, folder, machine):
    machine("i386")
    lines = []
    rig = make(folder, options=[f"busy=5,{WORK_MS}"], lines=lines.append, seconds=10)
    world, device = rig.world, rig.device
    try:
        world.run(500)
        rig.board.plug()
        assert world.run_until(lambda: device.computing, 60_000), device.ended
        began = world.now
        # with nothing wrong it stays closed: it is guarded, not switched off
        world.run(began + 500)
        assert rig.plant.contactors.closed and rig.pilot.s2 and rig.board.resets == 0
        act(rig)
        at = world.now
        assert world.run_until(lambda: not rig.pilot.s2, at + within), "no reaction"
        assert world.run_until(lambda: not rig.plant.contactors.closed, at + 2200)
        assert device.computing and world.now < began + WORK_MS  # nobody else can have done it
        assert world.run_until(lambda: device.finished, 60_000)
        assert device.outcome()["result"] in (reason, "FORCED_OPENING"), device.outcome()
        assert reason in str(device.outcome())
        assert device.outcome()["forced_openings"] == rig.board.forced_openings
        assert [line for line in lines if line.startswith("busy")]
    finally:
        rig.close()
