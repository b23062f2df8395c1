# SPDX-License-Identifier: MIT
"""The emulated world with the whole device in it: booted from files, with terminal, LED, log."""

from drivers.qca7000 import Qca7000
from evcc.boot import boot

from host_tests.sim.rig import Rig
from tools.demo.record import EPOCH_S
from tools.vm.bridge import Typist
from tools.vm.build import files, settings_text


class Terminal(Typist):
    """drivers.terminal's interface on a Typist. `most_in`, `most_out`: bytes in one step."""

    def __init__(self):
        super().__init__()
        self.resets = 0
        self.most_in = self.most_out = 0
        self.begin()

    def begin(self):
        self._in = self._out = 0

    def read(self):
        if self.ctrl_c and self.typed[:1] == b"\3":
            del self.typed[0]
            self.broken += 1
            raise KeyboardInterrupt
        got = self.message("K", b"")
        self._in += got[0]
        self.most_in = max(self.most_in, self._in)
        return got[1] if got[0] else None

    def write(self, text):
        self._out += len(text)
        self.most_out = max(self.most_out, self._out)
        self.message("T", text.encode())

    def interrupt(self, on):
        self.message("k", b"\1" if on else b"\0")
        return True

    def reset(self):
        self.resets += 1


class Module:
    """A uevcc_board on the emulated modem and board."""

    NAME = "emulated"
    PINS = {"QCA_CS": 1, "QCA_INT": 2}

    def __init__(self, rig, folder):
        self.rig = rig
        self.ROOT = str(folder) + "/"
        self.terminal = Terminal()
        self.light = []  # of the LED, (ms, on)
        self.safes = 0

    def safe(self):
        self.safes += 1
        self.rig.board.set_state_c(False)
        self.rig.board.contactors(False)

    def build(self, settings):
        rig, board = self.rig, self.rig.board
        parts = type("Parts", (), {})()
        parts.clock = lambda: rig.world.now
        parts.port = Qca7000(rig.modem, irq=rig.modem.irq, reset=rig.modem.reset)
        parts.board = board
        parts.unix = EPOCH_S
        parts.can = parts.timer = None
        parts.reset_cause = "watchdog" if board.resets else None
        parts.led = lambda on: self.light.append((rig.world.now, on))
        parts.urandom = rig.world.urandom_for(f"device/{board.resets}")
        parts.terminal = self.terminal
        parts.idle = lambda ms: rig.world.run(rig.world.now + ms)  # while nobody steps it
        return parts


class Booted:
    """evcc.device as a part of the world. `left`: it gave the REPL or reset, and steps no more."""

    def __init__(self, rig, folder):
        self.module = Module(rig, folder)
        self.device = boot(self.module)
        self.device.running = True
        self.controller = self.device.controller
        self.port = self.device.parts.port
        self.left = None

    @property
    def vehicle(self):
        return self.controller.vehicle

    @property
    def finished(self):
        return self.controller.sessions > 0

    def outcome(self):
        return self.controller.summary()

    def step(self, now):
        if self.left:
            return now + 1000
        self.module.terminal.begin()
        try:
            wake = self.device.step(now)
        except KeyboardInterrupt:
            self.device.ask("repl")
            wake = now
        if self.device.left:
            self.left = self.device.left
            self.device.close()
        return wake


class DeviceRig(Rig):
    """`host_tests.sim.rig.Rig` around a booted device whose files are in `folder`."""

    def __init__(self, folder, settings=None, **more):
        self.folder = folder
        settings = {"log_kB": 64, **(settings or {})}
        super().__init__(settings=settings, **more)
        self.terminal = self.device.module.terminal

    def _device(self):
        self.folder.mkdir(exist_ok=True)
        texts = files(settings_text(self.params))
        for name, text in zip(("settings.toml", "bench.toml"), texts, strict=True):
            (self.folder / name).write_text(text)
        return Booted(self, self.folder)

    def type(self, text):
        self.terminal.typed += text if isinstance(text, bytes) else text.encode()

    def answer(self, line, ms=4000):
        """What the device says to one line."""
        self.terminal.shown = ""
        self.type(line + "\r")
        self.world.run_until(
            lambda: self.terminal.shown.endswith("uEVCC> ") and "\n" in self.terminal.shown,
            self.world.now + ms,
        )
        shown = self.terminal.shown.replace("\r\n", "\n").removeprefix("uEVCC> ")
        return shown.removeprefix(line + "\n").removesuffix("uEVCC> ").rstrip("\n")
