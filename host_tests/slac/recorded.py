# SPDX-License-Identifier: MIT
"""One plug-in recorded at the edge of the device code, and the script that replays it in a VM.

Recorded on CPython with the emulated modem: each chip-select period, level of the interrupt line,
random number, and call from outside, in order. The replay feeds the same answers to the same code
in MicroPython and stops at the first byte that differs.
"""

from host_tests.slac.rig import place


class Tap:
    """Writes down what crosses the border between device code and emulation."""

    def __init__(self, car):
        self.lines = lines = []
        modem, urandom, step, plug = car.modem, car.slac.urandom, car.step, car.plug

        def exchange(out, into=None):
            data = bytes(out).hex()
            modem.exchange(out, into)
            lines.append("X %s %s" % (data, bytes(into).hex() if into is not None else "-"))

        def level():
            up = modem.irq()
            lines.append("I %d" % up)
            return up

        def random(n):
            data = urandom(n)
            lines.append("R " + data.hex())
            return data

        def stepped(now):
            lines.append("S %d" % now)
            return step(now)

        def plugged():
            lines.append("G %d" % car.world.now)
            plug()

        car.port._exchange, car.port.irq, car.slac.urandom = exchange, level, random
        car.step, car.plug = stepped, plugged


def record(seed, **knobs):
    """Lines of one plug-in up to "ready", and the car."""
    world, line, (car,), _ = place(seed)
    for name, value in knobs.items():
        setattr(car.modem, name, value)
    tap = Tap(car)
    world.run(2000)
    car.plug()
    assert world.run_until(lambda: car.slac.state == "ready", 40_000)
    return tap.lines, car


REPLAY = """
import gc, sys
from drivers.qca7000 import Qca7000
from evcc.slac import Slac

class Settings:
    slac_direct_dB, slac_indirect_dB, slac_retry_s = 40, 60, 60

def take(kind):
    line = sys.stdin.readline().split()
    assert line and line[0] == kind, (kind, line)
    return line

class Bus:
    def exchange(self, out, into=None):
        _, want, answer = take("X")
        assert bytes(out).hex() == want, (bytes(out).hex(), want)
        if into is not None:
            into[:] = bytes.fromhex(answer)

port = Qca7000(Bus(), lambda: int(take("I")[1]), lambda active: None)
slac = Slac(bytes.fromhex("0200000e0e01"), lambda f: port.send(f),
            lambda n: bytes.fromhex(take("R")[1]), Settings)
steps = 0
while True:
    line = sys.stdin.readline().split()
    if not line:
        break
    now = int(line[1])
    if line[0] == "G":
        slac.start(now)
        continue
    steps += 1
    port.poll(now)
    while True:
        frame = port.receive()
        if frame is None:
            break
        if bytes(frame[12:14]) == b"\\x88\\xe1":
            slac.feed(frame, now)
    if port.ready:
        slac.step(now)
gc.collect()
print(slac.state, slac.link, port.counters["received"], steps, sorted(slac.counters))
"""
