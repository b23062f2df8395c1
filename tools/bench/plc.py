# SPDX-License-Identifier: MIT
"""Power line: size of driver, HomePlug and SLAC, time of a match, cost of a frame, idle heap."""

import tempfile

from tools.emulator.world import World
from tools.vm import VMError, build_mpy, instructions, micropython

PLC = ("drivers/qca7000.py", "evcc/homeplug/__init__.py", "evcc/slac")
NET = ("evcc/net", "evcc/sdp.py", "evcc/v2gtp.py")
_NETS = ("net", "sdp", "v2gtp")
BASE = ("evcc/__init__.py", "evcc/compat.py")

_BUS = """
from drivers.qca7000 import Qca7000
class Bus:
    values = {0xDA: 0xAA55, 0xC2: 3163, 0xCD: 0x47}
    def __init__(self):
        self.waiting = None
    def exchange(self, out, into=None):
        if into is not None:
            if out[0] == 0x80:
                into[:] = self.waiting
                self.waiting = None
            else:
                v = self.values.get(out[0], 0)
                if self.waiting is not None:
                    if out[0] == 0xC3:
                        v = 1014
                    elif out[0] == 0xCC:
                        v = 0x0401
                into[0] = v >> 8
                into[1] = v & 255
bus = Bus()
port = Qca7000(bus, lambda: bus.waiting is not None)
port.poll(0)
frame = bytearray(1000)
burst = bytes((0, 0, 3, 0xF2, 170, 170, 170, 170, 0xE8, 3, 0, 0)) + frame + b"UU"
two, word, four = bytearray(b"\\xcc\\0"), bytearray(2), bytearray(b"\\x4d\\0\\0\\x47")
blob = bytearray(1014)
"""
_RECEIVE = """
bus.waiting = burst
port.poll(1)
port.receive()
port.receive()
"""
_BUS_ALONE = """
bus.waiting = burst
bus.waiting is not None
bus.exchange(four)
bus.exchange(two, word)
bus.exchange(two, word)
bus.exchange(four)
two[0] = 0x80
bus.exchange(two, blob)
two[0] = 0xcc
bus.exchange(four)
bus.exchange(two, word)
bus.exchange(four)
"""
_IDLE = """
import gc
import drivers.qca7000, evcc.slac
class Bus:
    def exchange(self, out, into=None):
        pass
class Settings:
    slac_direct_dB, slac_indirect_dB, slac_retry_s = 40, 60, 60
gc.collect()
before = gc.mem_alloc()
port = drivers.qca7000.Qca7000(Bus())
slac = evcc.slac.Slac(b"123456", port.send, lambda n: bytes(n), Settings)
gc.collect()
print(gc.mem_alloc() - before)
"""


def match_ms(seed=1):
    """Simulated ms from the first CM_SLAC_PARM.REQ to CM_SET_KEY.REQ with one station."""
    from host_tests.slac.rig import Car, Station
    from tools.emulator.powerline import PowerLine

    world = World(seed)
    line = PowerLine(world)
    car, _ = Car(world, line), Station(world, line)
    world.run(1500)
    car.plug()
    world.run_until(lambda: car.slac.state == "ready", 20_000)
    first = next(t for t, kind in car.sent if kind == 0x6064)
    return next(t for t, kind in car.sent if kind == 0x6008) - first


def rows():
    with tempfile.TemporaryDirectory() as folder:
        made = build_mpy(PLC + NET, folder)
        build_mpy(BASE, folder)
        size = sum(map(len, made.values()))
        plc = sum(len(d) for name, d in made.items() if name.split(".")[1] not in _NETS)
        found = [
            dict(name="PLC driver, homeplug, slac .mpy", value=plc, unit="B", goal="<= 17000"),
            dict(name="PLC and network .mpy", value=size, unit="B", goal="<= 32000"),
            dict(
                name="first PARM.REQ to SET_KEY.REQ, simulated",
                value=max(match_ms(seed) for seed in range(10)),
                unit="ms",
                goal="<= 800",
            ),
        ]
        idle = micropython(_IDLE, path=[folder], heap="128k", timeout=60)
        if idle.returncode:
            raise VMError(idle.stderr)
        found.append(
            dict(
                name="heap of modem driver and SLAC, idle", value=int(idle.stdout), unit="B",
                goal="<= 8000",
            )
        )  # fmt: skip
        whole = instructions(_BUS, _RECEIVE, path=[folder])
        bus = instructions(_BUS, _BUS_ALONE, path=[folder])
        found.append(
            dict(
                name="1,000-byte frame from SPI, bus itself taken off", value=whole - bus,
                unit="instructions", goal="<= 60000",
            )
        )  # fmt: skip
    return found
