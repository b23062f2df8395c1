# SPDX-License-Identifier: MIT
"""The border: what crosses it, that it is counted, and how a VM that misbehaves is told."""

import os
import struct

import pytest
from evcc import ports
from evcc.params import Params, load

from tools.emulator.board import Board, Pilot
from tools.emulator.modem import Modem, StationModem
from tools.emulator.plant import Plant
from tools.emulator.powerline import PowerLine
from tools.emulator.world import World
from tools.vm import _cross
from tools.vm.bridge import VmDevice
from tools.vm.build import DEVICE, settings_text
from tools.vm.frames import run_frames
from tools.vm.process import Ended, Process

pytestmark = pytest.mark.vm


@pytest.fixture
def device(tmp_path, machine):
    """`device(code)`: a folder in which `code` is the device's main program."""
    machine("i386")

    def build(code):
        source = tmp_path / "source.py"
        source.write_text(code)
        _cross(source, tmp_path / "main.mpy", "main.py", None, 2)
        for name in ("border", "frames"):
            _cross(DEVICE / f"{name}.py", tmp_path / f"{name}.mpy", f"{name}.py", None, 2)
        return tmp_path

    return build


class FakeBoard:
    """Answers what a test sets; notes what is switched."""

    def __init__(self, **values):
        self.values = dict(
            CP=66, DUTY=51, INLET_mV=398_250, INLET_mA=-12_375, FEEDBACK=1, LOCKED=0,
            HOTTEST_dC=-35, ISOLATION=ports.NONE,
        )  # fmt: skip
        self.values.update(values)
        self.log = []

    def sample(self, raw):
        for name, value in self.values.items():
            raw[getattr(ports, name)] = value

    def __getattr__(self, name):
        return lambda *arguments: self.log.append((name, *arguments))


class FakeModem:
    """SPI slave that answers with the bytes it got, rotated."""

    def __init__(self):
        self.level = False
        self.resets = []
        self.seen = []

    def exchange(self, out, into=None):
        self.seen.append(out)
        if into is not None:
            for i in range(len(into)):
                into[i] = (out[0] + i) & 255

    def irq(self):
        return self.level

    def reset(self, active):
        self.resets.append(active)


PORTS = """
from border import Board, Border
import sys
border = Border()
board = Board(border)
from array import array
raw = array("i", [0] * 8)
board.sample(raw)
sys.stderr.write("%s %s\\n" % (list(raw), border.irq()))
board.set_state_c(True); board.contactors(False); board.lock(True); board.watchdog()
border.reset(True); border.reset(False)
buffer = bytearray(1500)
border.exchange(bytes(range(200)) * 5, buffer)
sys.stderr.write("%s %s\\n" % (bytes(buffer[:3]), buffer[1499]))
border.exchange(b"abc")
sys.stderr.write("%d %d\\n" % (border.clock(), border.sleep_until(70_000)))
border.sleep_until(99)
"""


def crossed(device, board, modem):
    world, lines = World(), []
    part = VmDevice(
        world, modem, board, Params(), folder=device(PORTS), lines=lines.append, limit_s=10
    )
    try:
        deadlines = [part.step(42), part.step(60_000)]
    finally:
        part.close()
    return lines, deadlines, part


def test_every_port_crosses(device):
    board, modem = FakeBoard(), FakeModem()
    lines, deadlines, part = crossed(device, board, modem)
    assert lines[0] == "[66, 51, 398250, -12375, 1, 0, -35, %d] False" % ports.NONE
    assert board.log == [
        ("set_state_c", True), ("contactors", False), ("lock", True), ("watchdog",)
    ]  # fmt: skip
    assert modem.resets == [True, False]
    assert modem.seen == [bytes(range(200)) * 5, b"abc"]
    assert lines[1] == f"{bytes([0, 1, 2])} {1499 & 255}"
    assert lines[2] == "42 60000"  # it woke before its time: the modem may interrupt
    assert deadlines == [70_000, 60_001]
    assert part.counts == {"X": 2, "A": 1, "O": 4, "I": 1, "R": 2, "C": 1, "S": 2}
    assert part.process.bytes["X"] == 1000 + 1500 + 3


@pytest.mark.parametrize("state", "ABCDEF")
def test_pilot_state_from_the_peak_voltage(device, state):
    lines, _, _ = crossed(device, FakeBoard(CP=ord(state), DUTY=ports.NONE), FakeModem())
    assert lines[0].startswith(f"[{ord(state)}, {ports.NONE}, ")


def test_sensors_that_are_not_there(device):
    board = FakeBoard(INLET_mV=ports.NONE, INLET_mA=ports.NONE)
    lines, _, _ = crossed(device, board, FakeModem())
    assert f"[66, 51, {ports.NONE}, {ports.NONE}, 1," in lines[0]


@pytest.mark.parametrize(
    "code, words",
    [
        ("raise ValueError('wheels fell off')", "ValueError: wheels fell off"),
        ("print('hello, this is not a message')", "it printed b'hello"),
        ("import sys; sys.exit(7)", "it ended"),
        ("while True: pass", "no message for 1 s"),
        ("x = bytearray(1 << 20)", "MemoryError"),
    ],
)
def test_words_for_a_vm_that_misbehaves(device, code, words):
    part = VmDevice(World(), FakeModem(), FakeBoard(), Params(), folder=device(code), limit_s=1)
    try:
        assert part.step(0) is None and part.finished
        assert words in part.ended
        with pytest.raises(Ended, match=words.split(":")[0]):
            part.outcome()
        assert part.step(1) is None
        assert part.process.process.poll() is not None
    finally:
        part.close()


def test_settings_cross_as_a_file():
    params = Params()
    for name, value in (
        ("ev_soc", 40.25), ("sdp_tls", False), ("services", "DC"), ("departure_s", 61)
    ):  # fmt: skip
        params.set(name, value)
    text = settings_text(params)
    assert len(text.splitlines()) == 4
    again = load(text)
    assert {name: vars(params)[name] for name in vars(again)} == vars(again)
    assert "ev_soc" in vars(again) and "mac" in vars(again)


ECHO = """
import sys
from border import Border
from frames import FramePort
border = Border()
port = FramePort(border)
while True:
    port.poll(border.clock())
    frame = port.receive()
    if frame is not None:
        port.send(bytes(reversed(bytes(frame))))
        if port.counters["received"] == 3:
            break
    border.sleep_until(border.clock())
sys.stderr.write('= {"ready": %d, "restarts": %d, "result": "COMPLETED"}\\n' %
    (port.ready, port.restarts))
border.sleep_until(border.clock() + 1)
"""


class Link:
    """Frame port with frames waiting."""

    ready, restarts = True, 4

    def __init__(self, frames):
        self.frames, self.sent = frames, []
        self._read, self._write = os.pipe()

    def fileno(self):
        return self._read

    def poll(self, now):
        pass

    def receive(self):
        return memoryview(self.frames.pop(0)) if self.frames else None

    def send(self, frame):
        self.sent.append(frame)
        return True

    def close(self):
        os.close(self._read)
        os.close(self._write)


def test_raw_frames_cross(device, monkeypatch):
    frames = [bytes([i]) + bytes(range(100)) * i for i in (1, 5, 14)]
    link = Link(list(frames))
    folder = device(ECHO)
    monkeypatch.setattr("tools.vm.process.build", lambda out, *more: {})
    monkeypatch.setattr("tools.vm.process.tempfile.mkdtemp", lambda prefix: str(folder))
    try:
        summary = run_frames(link, Params(), machine="i386", limit_s=20)
    finally:
        link.close()
    assert link.sent == [frame[::-1] for frame in frames]
    assert summary["ready"] == 1 and summary["restarts"] == 4
    assert summary["messages"]["frames in"] == 3 == summary["messages"]["frames out"]


class Car:
    """The whole device in MicroPython on an emulated modem and board; no station."""

    def __init__(self, seed=1, **more):
        self.world = World(seed)
        pilot = Pilot(self.world)
        plant = Plant(self.world, pilot)
        self.board = Board(self.world, plant, pilot)
        line = PowerLine(self.world, seed)
        self.frames = []
        line.on_frame = lambda frame, now: self.frames.append((now, bytes(frame)))
        modem = line.attach(Modem(self.world, bytes.fromhex("00b052000e01")))
        other = StationModem(self.world, bytes.fromhex("00b052000e02"), nmk=bytes(range(16)))
        line.attach(other)  # a car's modem is silent until it hears one
        params = Params()
        params.set("sdp_tls", False)
        params.set("allow_iso20_without_tls", True)
        self.device = VmDevice(self.world, modem, self.board, params, **more)
        self.world.add(self.device)
        modem.on_irq = lambda: self.world.wake(self.device)
        pilot.pwm(5)

    def run(self, ms):
        try:
            self.world.run(100)
            self.board.plug()
            self.world.run(ms)
        finally:
            self.device.close()
        assert self.device.ended is None, self.device.ended
        return self


def slac_requests(frames):
    return [now for now, frame in frames if frame[12:17] == bytes.fromhex("88e1016460")]


@pytest.mark.parametrize("name", ["i386", "armhf"])
def test_the_device_asks_for_a_station_from_mpy_files_in_ram(name, machine):
    machine(name)
    car = Car(options=["check"], machine=name, heap="192k").run(2500)
    assert len(slac_requests(car.frames)) >= 2
    modules = car.device.process.modules
    ours = {k: v for k, v in modules.items() if k.split(".")[0] in ("evcc", "border", "main")}
    assert {"evcc.controller", "evcc.slac", "evcc.safety", "main"} <= set(ours)
    assert all(file.endswith(".mpy") for file in ours.values()), ours
    assert modules["drivers.qca7000"] == "drivers/qca7000.mpy"
    assert ".frozen" not in car.device.process.mounts
    assert car.device.process.mounts.count("Vfs") == 1  # the PC's files, no ROMFS


def test_the_same_seed_gives_the_same_run(machine):
    machine("i386")
    one, two, other = Car().run(2500), Car().run(2500), Car(seed=2).run(2500)
    assert one.frames == two.frames and one.device.counts == two.device.counts
    assert one.frames != other.frames  # the run id is random


def test_time_only_passes_in_sleep(machine):
    machine("i386")
    seen = []

    def note(kind, index, out, into):
        if kind == "S":
            seen.append(struct.unpack("<I", out)[0])

    car = Car(on_message=note).run(1500)
    assert seen == sorted(seen) and 1500 <= seen[-1] < 1600
    assert {"sample", "watchdog"} <= set(car.board.counters)


def test_no_process_stays(machine):
    machine("i386")
    process = Process("", "spi")
    folder = process.folder
    process.close()
    assert process.process.poll() is not None and not folder.exists()
