# SPDX-License-Identifier: MIT
"""A board's code in real MicroPython, 32 bits: builds, measures, and a tick allocates nothing."""

import subprocess
import tempfile

import pytest

from host_tests.boards.vm_car import Car, build
from host_tests.conftest import need, peer
from tools.boards import BOARDS, load
from tools.emulator.sd_card import SdCard
from tools.vm import micropython, missing

pytestmark = pytest.mark.vm

MODULES = (
    "evcc/__init__.py",
    "evcc/compat.py",
    "evcc/params.py",
    "evcc/params_board.py",
    "evcc/params_ems.py",
    "evcc/ports.py",
    "evcc/reasons.py",
    "drivers",
)

FAKE = """
import sys, gc, micropython
READ = {READ}
LEVEL = {LEVEL}
class Pin:
    IN, OUT = 0, 1
    def __init__(self, pin, mode=-1, value=None):
        self.pin, self.mode, self.level = pin, mode, LEVEL.get(pin, 0)
        if mode == 1:
            self.level = value
            outputs[pin] = self
    def __call__(self, value=None):
        if value is None:
            return self.level
        assert self.mode == 1
        self.level = value
outputs = {{}}
class ADC:
    ATTN_11DB = 3
    def __init__(self, pin, atten=0):
        self.value = READ[pin.pin]
    def read_u16(self):
        return self.value
class SPI:
    def __init__(self, *args, **more):
        pass
    def write(self, out):
        pass
    def readinto(self, into):
        pass
class WDT:
    def __init__(self, timeout):
        self.fed = 0
    def feed(self):
        self.fed += 1
class StateMachine:
    def __init__(self, number, program, freq, in_base, jmp_pin):
        self.left = 0
    def active(self, on):
        pass
    def rx_fifo(self):
        self.left = 3 if not self.left else self.left - 1
        return self.left
    def get(self):
        return 50 << 16 | 950
class Thing:
    pass
machine = Thing()
machine.Pin, machine.ADC, machine.SPI, machine.WDT = Pin, ADC, SPI, WDT
machine.mem32 = {{0x4005800C: 0, 0x400D800C: 0}}
machine.reset_cause = lambda: 1
machine.WDT_RESET = 3
machine.time_pulse_us = lambda pin, level, wait: 50
sys.modules["machine"] = machine
rp2 = Thing()
rp2.PIO = Thing()
rp2.PIO.SHIFT_LEFT = 0
rp2.asm_pio = lambda in_shiftdir: lambda program: program
rp2.StateMachine = StateMachine
sys.modules["rp2"] = rp2

import uevcc_board
uevcc_board.safe()
print(sorted([(pin, out.level) for pin, out in outputs.items()]) == sorted(
    [(uevcc_board.PINS[name], level) for name, level in uevcc_board.SAFE]))
from evcc import compat
def settings():
    from evcc import params
    return params.load("isolation_line = \\"high\\"\\ninlet_full_A = 500\\n")
settings = settings()
compat.forget("evcc.params", "evcc.params_board", "evcc.params_ems")
gc.collect()
before = gc.mem_alloc()
parts = uevcc_board.build(settings)
gc.collect()
print(gc.mem_alloc() - before)
from evcc import ports
raw = ports.new()
board = parts.board
for i in range(20):
    board.sample(raw)
    parts.clock()
def tick(n):
    for i in range(n):
        board.sample(raw)
        board.set_state_c(i & 1)
        board.contactors(i & 2)
        board.lock(i & 64)
        board.watchdog()
tick(2)
micropython.heap_lock()
tick(500)
micropython.heap_unlock()
board.set_state_c(False)
board.contactors(False)
print(list(raw))
print(parts.port.state, parts.reset_cause, len(parts.urandom(4)), parts.unix is None)
"""

READINGS = {
    "CP_LEVEL": round(65535 * 24 / 30),  # 9 V
    "INLET_V": round(65535 * (0.1 + 0.9 * 0.4)),
    "INLET_I": round(65535 * 0.53),
    "TEMP1": round(65535 * 1097.35 / 3297.35),
    "TEMP2": round(65535 * 1194.0 / 3394.0),
    "PP": round(65535 * 0.6),
    "AMUX": round(65535 * 0.33),
}


@pytest.mark.parametrize("name", ["RPI_PICO2", "RPI_PICO", "NUCLEO_H743ZI", "ESP32_GENERIC_S3"])
def test_a_board_in_micropython(mpy, name):
    pins = load(name).module.PINS
    reads = {pins[key]: value for key, value in READINGS.items() if key in pins}
    code = FAKE.format(READ=reads, LEVEL={pins["ISO_OK"]: 1})
    path = [mpy(MODULES), BOARDS / name]
    done = micropython(code, path=path, heap="128k", timeout=60)
    assert not done.returncode and not done.stderr, done.stderr[-1500:]
    safe, kept, raw, rest = done.stdout.splitlines()
    assert safe == "True"
    cp, duty, mV, mA, feedback, locked, dC, isolation = eval(raw)
    assert (chr(cp), duty, feedback, isolation) == ("B", 50, 0, 1)
    assert abs(mV - 400_000) < 300
    if "AMUX" not in pins:
        assert abs(mA - 30_000) < 300 and abs(dC - 500) < 10
    assert rest.split()[:-1] == ["probing", "None", "4"]
    print(name, "keeps", kept)
    assert int(kept) < 40_000


@pytest.mark.parametrize("name, heap", [("RPI_PICO2", "192k"), ("NUCLEO_H743ZI", "192k")])
def test_a_whole_session_in_micropython_through_a_boards_own_code(tmp_path, name, heap):
    """Safe outputs, firmware's boot, SLAC to SessionStop: drivers, SPI, pins; code in RAM."""
    need(missing("i386"))
    car = Car(name, build(tmp_path, name), heap)
    try:
        car.world.run(2000)
        car.board.plug()
        assert car.world.run_until(lambda: car.device.finished, 120_000)
        summary = car.device.outcome()
        assert summary["result"] == "STATION_TERMINATE", summary
        assert car.violations() == [] and car.plant.contactors.operations == 2
        car.world.run(car.world.now + 1000)
        assert not car.pilot.s2 and not car.board.motor.locked
        print(name, "live heap at most", car.device.process.heap, car.device.process.heap_at)
    finally:
        car.close()


def fat32(sectors):
    """A card with an empty file system, made by dosfstools."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(512 * sectors)
        make = peer("dosfstools").command("sbin/mkfs.fat")
        subprocess.run([*make, "-F", "32", file.name], check=True, capture_output=True, timeout=60)
        card = SdCard(sectors)
        for n in range(sectors):
            if any(block := file.read(512)):
                card.blocks[n] = block
    return card


@pytest.mark.peer
@pytest.mark.shows("the log on an SD card", "through a Pico 2's own code", peer="our emulation")
@pytest.mark.parametrize("there", [True, False], ids=["card", "no card"])
def test_a_session_whose_log_goes_onto_an_sd_card(tmp_path, there):
    """Pico 2's own pins and bus, MicroPython's FAT; the session itself carries nothing of it."""
    need(missing("i386"))
    card = fat32(1 << 17)
    folder = build(tmp_path, "RPI_PICO2")
    car = Car("RPI_PICO2", folder, "192k", sd=card, sd_card="spi", log_kB=8)
    try:
        card.present = there
        car.world.run(2000)
        assert card.clocks >= 74 or not there
        assert not card.blocks.keys() - set(range(4000))
        used = card.reads, card.writes
        car.board.plug()
        assert car.world.run_until(lambda: car.device.finished, 120_000)
        car.world.run(car.world.now + 1000)
        assert car.device.outcome()["result"] == "STATION_TERMINATE"
        assert car.violations() == [] and not car.plant.contactors.closed
        print("live heap at most", car.device.process.heap, car.device.process.heap_at)
    finally:
        car.close()
    log = b"".join(card.blocks[n] for n in sorted(card.blocks))
    flash = folder / "log" / "last.pcapng"
    if there:
        assert card.writes - used[1] > 16 and card.faults == []
        assert b"SessionStopRes OK" in log and b"\x0a\x0d\x0d\x0a" in log and not flash.exists()
    else:
        assert b"SessionStopRes OK" in flash.read_bytes() and card.writes == used[1] == 0
