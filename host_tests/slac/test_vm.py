# SPDX-License-Identifier: MIT
"""Driver and SLAC do the same on a 32-bit MicroPython as on CPython; a frame allocates little."""

import pytest

from host_tests.slac.recorded import REPLAY, record
from tools.vm import micropython

pytestmark = pytest.mark.vm
MODULES = (
    "evcc/__init__.py",
    "evcc/compat.py",
    "evcc/homeplug",
    "evcc/slac",
    "drivers/qca7000.py",
    "drivers/qca7000_selftest.py",
    "drivers/spi_machine.py",
    "drivers/spi_circuitpython.py",
)


@pytest.mark.parametrize("seed, knobs", [(1, {}), (2, {"corrupt": 0.1, "lose_irq": 0.3})])
def test_same_on_micropython(mpy, seed, knobs):
    lines, car = record(seed, **knobs)
    done = micropython(
        REPLAY, path=[mpy(MODULES)], heap="64k", stdin="\n".join(lines) + "\n\n", timeout=60
    )
    steps = sum(x.startswith("S") for x in lines)
    want = f"ready True {car.port.counters['received']} {steps} {sorted(car.slac.counters)}\n"
    assert done.stdout == want, done.stdout + done.stderr


def test_other_modules_import(mpy):
    code = """
from evcc.homeplug import decode, local
import drivers.qca7000_selftest, drivers.spi_machine, drivers.spi_circuitpython
buf = bytearray(60)
local.get_sw_req(buf, b"123456")
print(decode.decode(buf)[0])
"""
    done = micropython(code, path=[mpy(MODULES)], heap="96k", timeout=60)
    assert done.stdout == "VS_SW_VER.REQ\n", done.stdout + done.stderr


ALLOCATION = """
import gc, micropython
from drivers.qca7000 import Qca7000
class Bus:
    values = {0xDA: 0xAA55, 0xC2: 3163, 0xCD: 0x47}
    waiting = None
    def exchange(self, out, into=None):
        if into is None:
            return
        if out[0] == 0x80:
            into[:] = self.waiting
            self.waiting = None
            return
        v = self.values.get(out[0], 0)
        if self.waiting is not None and out[0] == 0xC3:
            v = 1014
        if self.waiting is not None and out[0] == 0xCC:
            v = 0x0401
        into[0] = v >> 8
        into[1] = v & 255
bus = Bus()
port = Qca7000(bus, lambda: bus.waiting is not None)
port.poll(0)
frame = bytearray(1000)
burst = bytes((0, 0, 3, 0xF2, 170, 170, 170, 170, 0xE8, 3, 0, 0)) + frame + b"UU"
def turn(n):
    for i in range(n):
        bus.waiting = burst
        port.poll(1)
        f = port.receive()
        assert len(f) == 1000
        port.receive()
        port.send(frame)
def used(n):
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    turn(n)
    after = gc.mem_alloc()
    gc.enable()
    gc.collect()
    return after - before, gc.mem_alloc() - before
used(3)
a, kept_a = used(10)
b, kept_b = used(30)
print((b - a) // 20, kept_b - kept_a)
"""


def test_bytes_allocated_per_frame(mpy):
    """One frame in, one out: views and slices only, nothing that stays."""
    done = micropython(ALLOCATION, path=[mpy(MODULES)], heap="128k", timeout=60)
    assert not done.stderr, done.stderr
    per_frame, kept = map(int, done.stdout.split())
    assert per_frame <= 256 and kept == 0, done.stdout
