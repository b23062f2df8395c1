# SPDX-License-Identifier: MIT
"""The Raspberry Pi's board in Blinka itself: its digitalio and busio, our wiring behind them.

Blinka brings the API (directions, values, bus locks, SPI configuration) and its own list of a Pi's
pins; behind its agnostic board's pins and SPI stands the emulated car.
"""

import subprocess
from pathlib import Path

import pytest

from tools import ROOT
from tools.boards import load

pytestmark = pytest.mark.peer

RUN = """
import sys
import board, busio, digitalio
from adafruit_blinka.microcontroller.generic_agnostic_board import pin as pins, spi as spis
from host_tests.boards.wiring import Wiring
from tools.boards import load
pi = load("RASPBERRY_PI_BLINKA")
wiring = Wiring(pi.module.PINS, noise=0.001)
outputs = set()
def init(self, mode=1, pull=None):
    self._mode = mode
    (outputs.add if mode == pins.Pin.OUT else outputs.discard)(self.id)
def value(self, val=None):
    name = "D%d" % self.id
    if val is None:
        return wiring.level[wiring.names[name]] if self.id in outputs else wiring.read(name)
    assert self.id in outputs, name + " is driven and is an input"
    wiring.drive(name, val)
pins.Pin.init, pins.Pin.value = init, value
spis.SPI.write = lambda self, buf, start=0, end=None: wiring.write(bytes(buf[start:end]))
def readinto(self, buf, start=0, end=None, write_value=0):
    wiring.readinto(buf)
spis.SPI.readinto = readinto
for n in range(28):
    setattr(board, "D%d" % n, pins.Pin(n))
board.D11, board.D10, board.D9 = pins.SCK, pins.MOSI, pins.MISO
pi.module.safe()
print(sorted(wiring.level.items()))
from drivers import assemble_circuitpython
from host_tests.boards.fake_circuitpython import fake_time
assemble_circuitpython.time = fake_time(wiring)
from evcc.controller import Controller
from evcc.params import Params
from evcc.sim_vehicle import SimVehicle
params = Params()
parts = pi.module.build(params)
vehicle = SimVehicle(parts.board, params)
controller = Controller(parts.port, parts.board, vehicle, params, wiring.world.urandom_for("x"))
first = []
plain = wiring.modem.from_host
def from_host(frame):
    if frame[12:14] == b"\\x88\\xe1" and frame[15:17] == b"\\x64\\x60":
        first.append(wiring.world.now)
    plain(frame)
wiring.modem.from_host = from_host
plugged = None
while not first and wiring.world.now < 10000:
    if plugged is None and wiring.world.now > 2000:
        plugged = wiring.world.now
        wiring.plug()
    now = parts.clock()
    wake = controller.step(now)
    parts.idle(max(1, wake - now))
print(first[0] - plugged if first else None)
"""


@pytest.mark.shows(
    "a board's own code, to SLAC and through a session", "Raspberry Pi, to SLAC", peer="Blinka"
)
def test_to_the_first_slac_message_in_blinka(peer):
    done = subprocess.run(
        [peer("blinka").python, "-c", RUN],
        cwd=ROOT,
        env={"BLINKA_OS_AGNOSTIC": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'lib'}"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert not done.returncode, done.stderr[-2000:]
    outputs, took = done.stdout.splitlines()[-2:]
    want = sorted(load("RASPBERRY_PI_BLINKA").module.SAFE)
    assert outputs == str([tuple(x) for x in want])
    assert int(took) < 200


def test_pins_are_those_of_blinkas_table(peer):
    """Blinka's own names of a 40-pin Raspberry Pi."""
    file = "adafruit_blinka/board/raspberrypi/raspi_40pin.py"
    (source,) = Path(peer("blinka").dir).glob("lib/python3*/site-packages/" + file)
    table = dict(
        line.split(" = pin.") for line in source.read_text().splitlines() if " = " in line
    )
    pins = load("RASPBERRY_PI_BLINKA").module.PINS
    for name, pin in pins.items():
        assert ":" in pin or table[pin] == pin, name
    for ours, theirs in (("QCA_SCK", "SCK"), ("QCA_MOSI", "MOSI"), ("QCA_MISO", "MISO")):
        assert table[theirs] == pins[ours]
    assert not {table["CE0"], table["CE1"], table["TXD"], table["RXD"]} & set(pins.values())
