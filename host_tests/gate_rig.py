# SPDX-License-Identifier: MIT
"""Who sits at the serial port of a flashed board that charges: stages, tools, what must hold."""

import fcntl
import os
import termios
import threading
from functools import cache

from tools import vm
from tools.charger.power import PowerPlan
from tools.demo.rig import device_params
from tools.flash import image, rom
from tools.serial_board import SerialBoard, wait
from tools.serial_board.world import rig_with, while_runs
from tools.vm import bridge

from .conftest import need

ROM_kB = 512


def make_image(folder, **settings):
    """A folder with rom.img, what `make flash` writes, and the files of the flash."""
    need(vm.missing("i386"))
    made = built()
    (folder / "rom.img").write_bytes(rom.build(made))
    (folder / "main.py").write_bytes(made.files["main.py"])
    texts = bridge.files(bridge.settings_text(device_params(log_kB=8, **settings)))
    for name, text in zip(("settings.toml", "bench.toml"), texts, strict=True):
        (folder / name).write_text(text)
    return folder


@cache
def built():
    """What is flashed, as tools.flash.image builds it."""
    return image.build(image.board("EMULATED"), (), ())


class Watch:
    """Looks every 10 ms: Ctrl-C interrupts nothing and nobody has the REPL while it is plugged in;
    no other process while contactors are closed."""

    def __init__(self, seat):
        self.seat = seat
        seat.rig.world.add(self)

    def step(self, now):
        seat = self.seat
        coils = seat.rig.plant.contactors
        if coils.closed or coils.commanded:
            assert len(seat.board.starts) == seat.plugged, "a reset with closed contactors"
        if seat.plugged is not None and seat.rig.pilot.state != "A":
            assert not seat.rig.device.at_prompt, "the REPL is given while plugged in"
            assert not seat.board.cable.interrupts(), "Ctrl-C is on while plugged in"
        return now + 10


class Seat:
    """A board with the firmware of `image` and a world, at rest; `remote`: Mpremote."""

    def __init__(self, image, remote, folder, seconds, **more):
        folder.mkdir()
        rom = (image / "rom.img").read_bytes()
        (folder / "rom.bin").write_bytes(rom.ljust(ROM_kB * 1024, b"\xff"))
        self.remote = remote
        board = self.board = SerialBoard(folder, rom_kB=ROM_kB, with_border=True, **more)
        self.settings = (image / "settings.toml").read_text()
        names = [image / name for name in ("settings.toml", "bench.toml", "main.py")]
        done = remote.run("connect", board.port, "fs", "cp", *names, ":")
        assert done.returncode == 0, done.stdout
        plan = PowerPlan(((0, 11000),), ramp_W_s=20000, stop_s=seconds)
        self.rig = rig_with(board, plan=plan, pack_speed=1)
        self.plugged = None  # processes started when the plug was put in
        self.sent = {}  # frames of the car by name
        self.rig.record.on_row = self._row
        self.watch = Watch(self)
        board.power_off()
        board.power_on()
        self.at_rest()

    def _row(self, row):
        if row["from"] == "car":
            self.sent[row["name"]] = self.sent.get(row["name"], 0) + 1

    # ---- terminal ---------------------------------------------------------------------------

    def type(self, data):
        """Bytes to the board, as a person's terminal sends them."""
        cable = self.board.cable
        count = cable.count + len(data)
        port = os.open(self.board.port, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(port, data)
            assert wait(lambda: cable.count >= count)
        finally:
            os.close(port)

    def said(self):
        return self.board.cable.received + self.board.errors

    def heard(self, text, ms=20_000):
        """Does the board say this within that time?"""
        world = self.rig.world
        return world.run_until(lambda: text in self.board.cable.received, world.now + ms)

    def ask(self, line, answer, ms=20_000):
        """Type a command; wait for what it says."""
        self.board.cable.received = b""
        self.type(line + b"\r")
        assert self.heard(answer, ms), self.said()

    def attach(self, *words, patience=10, count=4):
        """mpremote on the board; the world stands still until its first `count` bytes came."""
        cable, coils = self.board.cable, self.rig.plant.contactors
        cable.received = b""
        before = cable.count
        running = self.remote.start("connect", self.board.port, *words, patience=patience)
        assert wait(lambda: cable.count >= before + count or running.poll() is not None)
        self.moves = None if coils.commanded else coils.operations
        while_runs(self.rig, running)
        return running.done

    def beside(self, act, timeout=60):
        """Call act() while the world goes on; its result, or what it raises."""
        result = []

        def run():
            try:
                result.append((act(), None))
            except BaseException as error:
                result.append((None, error))

        thread = threading.Thread(target=run)
        thread.poll = lambda: None if thread.is_alive() else 0
        thread.start()
        while_runs(self.rig, thread, timeout)
        value, error = result[0]
        if error:
            raise error
        return value

    # ---- stages -----------------------------------------------------------------------------

    def to(self, stage):
        """Plug in; come to the moment at which the car's frame `stage` is on the line."""
        rig, sent = self.rig, self.sent
        assert rig.pilot.state == "A"
        self.plugged = len(self.board.starts)
        rig.record.state = ""
        sent.clear()
        rig.board.plug()
        now = rig.world.now
        if stage == "plugged":
            rig.world.run(now + 100)
            return
        name, nth = {
            "stopping": ("DC_ChargeLoopReq", 3),
            "paused": ("DC_ChargeLoopReq", 3),
            "PowerDeliveryReq Stop": ("PowerDeliveryReq", 2),
            "ended": ("SessionStopReq", 1),
        }.get(stage, (stage, 1))
        found = rig.world.run_until(lambda: sent.get(name, 0) >= nth, now + 60_000)
        assert found, (sent, rig.device.ended, self.said())
        if stage == "stopping":
            self.ask(b"stop()", b"stopping")
            assert rig.plant.contactors.closed
        elif stage == "paused":
            self.ask(b"pause()", b"pausing")
            self.state(b"state: paused")
        elif stage == "ended":
            self.state(b"result: ")

    def state(self, text):
        """Ask for status() until it says this."""
        for _ in range(60):
            self.ask(b"status()", b"heap:")
            if text in self.board.cable.received:
                return
            self.rig.world.run(self.rig.world.now + 500)
        raise AssertionError((text, self.said()))

    def boot_and_stand_still(self):
        """A cut of power; the firmware boots until it has to wait for its hardware."""
        board = self.board
        board.power_off()
        board.cable.received = b""
        board.power_on()
        seen = []

        def waits():
            word = bytearray(4)
            fcntl.ioctl(board.border()[1], termios.FIONREAD, word)
            seen.append(bytes(word))
            return len(seen) > 30 and any(word) and len(set(seen[-30:])) == 1

        assert wait(waits)

    # ---- ends -------------------------------------------------------------------------------

    def safe(self):
        """Outputs as at rest, nothing opened under load, no watchdog's bite."""
        plant = self.rig.plant
        assert not plant.violations, plant.violations
        assert all(abs(amps) <= plant.OPEN_A for amps in plant.opened_at), plant.opened_at
        assert not plant.contactors.closed and not self.rig.pilot.s2
        assert self.rig.board.resets == 0 and self.rig.board.forced_openings == 0

    def end(self, reason, stopped):
        """The session ends with `reason`, `stopped` by the tool or not; the plug is drawn."""
        self.state(b"result: " + reason)
        if stopped and self.moves is not None:
            assert self.rig.plant.contactors.operations == self.moves, "closed after the refusal"
        self.safe()
        assert len(self.board.starts) == self.plugged
        world = self.rig.world
        assert world.run_until(self.rig.board.unplug, world.now + 20_000), "the lock holds it"
        self.at_rest()

    def at_rest(self):
        """The firmware runs, unplugged."""
        assert self.heard(b"uEVCC> "), self.said()
        self.state(b"state: unplugged")
        self.plugged = None

    def go_on(self):
        """From the REPL back to the firmware, by start()."""
        self.board.cable.received = b""
        self.type(b"import evcc.repl as r; r.start()\r")
        self.at_rest()
