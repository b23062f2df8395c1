# SPDX-License-Identifier: MIT
"""The vehicle on CAN and the chip's driver inside MicroPython: same values, and nothing grows."""

import pytest

from host_tests.can_rig import EXAMPLE
from tools import ROOT
from tools.vm import micropython

pytestmark = pytest.mark.vm

SCRIPT = """
import gc, sys
from drivers.can_mcp2515 import Mcp2515
from evcc.vehicle_can import CanVehicle
from can_chips import Mcp2515Chip
from evcc import params
from evcc.compat import Settings
settings = params.defaults(Settings())
settings.ev_discharge_power_W, settings.ev_discharge_current_A = 1e4, 40.0
chip = Mcp2515Chip()
bus = Mcp2515(chip)
with open(sys.argv[1]) as lines:
    vehicle = CanVehicle(bus, None, settings, lines)
FRAMES = [(0x351, bytes((0x94, 0x11, 0xe8, 3, 0x90, 1, 0xb8, 0x0b)), False),
          (0x352, bytes((1, 0xf4, 0, 100)), False),
          (0x18FF50E5, bytes((0x74, 0x0e, 0xb2, 0xfe, 25, 0)), True)]
def turn(now):
    for number, data, extended in FRAMES:
        chip.arrive(number, data, extended)
        vehicle.update(now)
    chip.arrive(0x355, bytes((19, 136, 23, 112, 0, now // 50 % 16 << 4, 0, 0)), False)
    vehicle.update(now)
    chip.sent.clear()
    return vehicle.limits(), vehicle.demand(), vehicle.measured()
for now in range(0, 1000, 50):
    turn(now)
gc.collect()
before = gc.mem_alloc()
for now in range(1000, 21000, 50):
    lim, d, m = turn(now)
gc.collect()
print(gc.mem_alloc() - before, vehicle.fault(), bus.counters["received"])
print(m.pack_voltage, m.current, m.soc, m.capacity, lim.charge_power, lim.charge_current,
      lim.discharge_current, lim.max_voltage, d.target_soc)
for now in range(21000, 22000, 50):
    vehicle.update(now)
print(vehicle.fault())
"""


def test_the_example_in_micropython(mpy, tmp_path):
    folder = mpy(
        (
            "evcc/__init__.py", "evcc/compat.py", "evcc/params.py", "evcc/ports.py",
            "evcc/vehicle.py", "evcc/vehicle_can.py", "evcc/can_map.py", "evcc/can_port.py",
            "drivers/can_mcp2515.py", "drivers/can_spi.py",
        ),
        None,
    )  # fmt: skip
    (tmp_path / "example.txt").write_text(EXAMPLE.read_text())
    path = str(tmp_path / "example.txt")
    done = micropython(
        SCRIPT.replace("sys.argv[1]", repr(path)),
        path=[folder, ROOT / "host_tests" / "drivers"],
        heap="160k",
        timeout=60,
    )
    first, second, third = done.stdout.splitlines() or [done.stderr] * 3
    grown, fault, received = first.split()
    assert int(grown) <= 64 and fault == "None" and int(received) == 4 * 420, first
    values = [float(word) for word in second.split()]
    assert values == pytest.approx([370, -33.4, 50, 60000, 50000, 100, 40, 450, 80], rel=1e-5)
    assert third.endswith(" stopped coming")  # which one comes first is the dictionary's choice
