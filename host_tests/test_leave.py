# SPDX-License-Identifier: MIT
"""The device's loop ends and a person has the REPL: outputs, timer, watchdog, and a plug then."""

import runpy
import sys
import types

import pytest
from evcc import device, repl
from evcc.device import go

from host_tests.device_rig import DeviceRig
from tools import ROOT


class Desk(DeviceRig):
    """A rig whose device is run by `go`, as main.py does; `dog`: what its watchdog does.

    `timer`: the board has one. `starts`: what happened to the chip.
    """

    def __init__(self, folder, timer=False, sticky=False):
        super().__init__(folder)
        self.d = self.device.device
        self.world.remove(self.device)
        self.d.running = False
        parts, board = self.d.parts, self.board
        if timer:
            parts.timer = board.timer
        self.armed, self.starts = False, []
        self.sticky = sticky
        board.WATCHDOG_MS = 1 << 60  # the emulator's own; here it is `armed`
        board.disarm = self._disarm
        parts.restart = lambda: self.starts.append("chip")
        self.terminal.reset = lambda: self.starts.append("soft")

    def _disarm(self):
        self.armed = self.armed and self.sticky
        return not self.armed

    def go(self, *acts):
        """Run it; acts: (ms from now, what to do)."""
        for ms, act in acts:
            self.world.after(ms, act)
        go(self.d)

    def session(self, left):
        """A whole session, the plug drawn, then `left` typed."""

        def later():
            assert self.d.controller.sessions == 1
            assert self.board.unplug()
            self.world.after(500, lambda: self.type(left))

        self.go((500, self.board.plug), (120_000, later))


@pytest.fixture
def desk(tmp_path):
    return lambda **more: Desk(tmp_path / "device", **more)


def test_the_timer_ticks_while_the_loop_runs_and_no_longer(desk):
    rig = desk(timer=True)
    safety = rig.d.controller.safety
    fed = rig.board.counters
    rig.go((500, lambda: rig.type(b"\x03")))
    assert rig.d.left == "repl" and not rig.board.timers and not safety.timed
    before = dict(fed)
    assert before["watchdog"] >= 20
    rig.world.run(rig.world.now + 1000)
    assert rig.board.counters == before, "a tick beside a person's REPL"
    assert repl.gate() is None
    rig.go((200, lambda: rig.type(b"\x03")))  # start() at the REPL
    assert fed["watchdog"] > before["watchdog"] + 5 and not rig.board.timers
    assert rig.starts == []


def test_a_controller_that_bench_makes_beside_the_loop_is_ticked_by_the_timer(desk):
    """Settings were refused, so there was nothing to tick when the loop began."""
    rig = desk()
    (rig.folder / "settings.toml").write_text("# end\n")
    from evcc.boot import boot

    rig.d = boot(rig.device.module)
    assert rig.d.controller is None and "no vehicle" in rig.d.refused
    rig.d.parts.timer = rig.board.timer
    seen = []
    rig.go((300, lambda: rig.type(b'bench("sim")\r')),
           (900, lambda: seen.append((bool(rig.board.timers), rig.d.controller.safety.timed))),
           (1000, lambda: rig.type(b"\x03")))  # fmt: skip
    assert seen == [(True, True)] and not rig.board.timers


@pytest.mark.parametrize("timer", [False, True])
def test_somebody_plugs_in_while_a_person_is_at_the_repl(desk, timer):
    rig = desk(timer=timer)
    rig.go((500, lambda: rig.type(b"\x03")))
    rig.board.plug()
    rig.world.run(rig.world.now + 5000)
    assert rig.pilot.state == "B" and not rig.plant.contactors.operations
    assert rig.board.counters.get("lock") is None and rig.record.state == ""
    assert "pilot: B" in repr(repl.status())
    with pytest.raises(RuntimeError, match="draw the plug"):
        repl.gate()
    # start(): the session begins
    rig.d.left = None
    rig.go((100_000, lambda: rig.d.controller.stop()), (110_000, rig.board.unplug),
           (111_000, lambda: rig.type(b"\x03")))  # fmt: skip
    assert rig.plant.contactors.operations == 2 and rig.d.controller.sessions == 1
    assert not rig.violations()


def test_the_pilot_is_looked_at_often_enough_at_the_repl(desk):
    """A driver needs two looks for a new state: one alone would still say A."""
    rig = desk()
    rig.go((300, lambda: rig.type(b"\x03")))
    seen = []
    sample = rig.board.sample

    def slow(raw):
        sample(raw)
        seen.append(raw[0])
        if seen[-2:-1] != [raw[0]]:
            raw[0] = 65

    rig.board.sample = slow
    rig.board.plug()
    with pytest.raises(RuntimeError, match="draw the plug"):
        repl.gate()


def test_a_watchdog_that_can_be_stopped_is_stopped_before_a_reset(desk):
    """Ctrl-D while plugged in: it would bite in the middle of the boot."""
    rig = desk()
    rig.armed = True
    rig.go((500, rig.board.plug), (20_000, lambda: rig.type(b"\x04")))
    assert rig.starts == ["soft"] and not rig.armed and rig.pilot.plugged


@pytest.mark.parametrize("typed, left", [(b"\x03", "repl"), (b"\x04", "reset")])
def test_one_that_only_a_reset_stops(desk, typed, left):
    """The chip is reset, which disarms it; main.py then gives the prompt that was asked for."""
    rig = desk(sticky=True)
    rig.armed = True
    rig.session(typed)
    assert rig.d.left == left and rig.starts == ["chip"]
    assert (rig.folder / "uevcc_repl").exists() is (left == "repl")
    assert ("resetting, then the REPL is yours" in rig.terminal.shown) is (left == "repl")
    assert rig.device.module.safes == 1 and not rig.plant.contactors.closed


def test_without_a_plug_nothing_is_armed_and_nothing_reset(desk):
    rig = desk(sticky=True)
    rig.go((500, lambda: rig.type(b"\x03")))
    assert rig.starts == [] and not (rig.folder / "uevcc_repl").exists()


@pytest.mark.parametrize("cause, runs", [(2, False), (1, True)])
def test_main_gives_the_prompt_once_and_not_after_a_cut_of_power(
    tmp_path, monkeypatch, capsys, cause, runs
):
    machine = types.ModuleType("machine")
    machine.PWRON_RESET, machine.reset_cause = 1, lambda: cause
    board = types.ModuleType("uevcc_board")
    told = []
    board.safe = lambda: told.append("safe")
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "uevcc_board", board)
    monkeypatch.setattr(device, "main", lambda module: told.append("main"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uevcc_repl").write_text("")
    runpy.run_path(str(ROOT / "firmware" / "main.py"))
    assert told == ["safe", "main"] if runs else told == ["safe"]
    assert ("nothing runs until start()" in capsys.readouterr().out) is not runs
    runpy.run_path(str(ROOT / "firmware" / "main.py"))
    assert told[-1] == "main" and not (tmp_path / "uevcc_repl").exists()


def test_main_is_deaf_to_ctrl_c_before_anything_else(tmp_path, monkeypatch):
    told, micropython = [], types.ModuleType("micropython")
    board = types.ModuleType("uevcc_board")

    def kbd_intr(char):
        told.append(char)
        if len(told) == 1:
            raise KeyboardInterrupt  # typed just before

    micropython.kbd_intr, board.safe = kbd_intr, lambda: told.append("safe")
    monkeypatch.setitem(sys.modules, "micropython", micropython)
    monkeypatch.setitem(sys.modules, "uevcc_board", board)
    monkeypatch.setattr(device, "main", lambda module: told.append("main"))
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "firmware" / "main.py"))
    assert told == [-1, -1, "safe", "main"]


@pytest.mark.parametrize("plugged, service, gives", [
    (False, True, True), (True, True, False), (False, False, False),
])  # fmt: skip
def test_a_ctrl_c_typed_while_it_booted(desk, plugged, service, gives):
    """The way into a device whose loop hangs: at rest, in service mode, before the first step."""
    rig = desk()
    rig.d.settings.service_mode = service
    if plugged:
        rig.board.plug()
    rig.type(b"limits()\r\x03\r\x01")
    stepped = []
    step = rig.d.step
    rig.d.step = lambda now: stepped.append(now) or step(now)
    rig.go((300, lambda: setattr(rig.d, "left", rig.d.left or "test")))
    assert (rig.d.left == "repl") is gives and (not stepped) is gives
    assert rig.terminal.typed == (b"\r\x01" if gives else b"")
    assert "max_voltage" in rig.terminal.shown  # what is no Ctrl-C is not lost


@pytest.mark.parametrize("service", [True, False])
def test_an_error_does_not_give_away_the_repl_of_a_locked_device(desk, service):
    rig = desk()
    rig.d.settings.service_mode = service

    def fails(now):
        raise ValueError("ours")

    rig.d.step = fails
    with pytest.raises(ValueError):
        rig.go()
    assert rig.starts == ([] if service else ["chip"]) and rig.device.module.safes == 1


def test_no_memory_for_an_answer_does_not_end_a_session(tmp_path):
    """It would open contactors under load: the loop ends with any exception."""
    rig = DeviceRig(tmp_path / "device")
    d = rig.device.device
    rig.world.run(500)
    rig.board.plug()
    for error in (MemoryError(), OSError(5)):

        def fails(line, error=error):
            raise error

        d.console._run, rig.terminal.shown = fails, ""
        rig.at("DC_ChargeLoop", lambda: rig.type(b"status()\r"))
        rig.world.run_until(lambda: "that failed" in rig.terminal.shown, rig.world.now + 60_000)
        assert "that failed; no memory?" in rig.terminal.shown and rig.plant.contactors.closed
    d.console._run = d.command
    assert "state: session DC_ChargeLoop" in rig.answer("status()")
    rig.world.run_until(lambda: rig.device.finished, rig.world.now + 200_000)
    assert rig.controller.result == "STATION_TERMINATE" and not rig.violations()


@pytest.mark.parametrize("typed", [b"\r\x03\r\x01", b"stop()\r"], ids=["mpremote", "stop"])
def test_a_stop_between_plug_and_session_is_not_forgotten(tmp_path, typed):
    """The plug is in, the modem not ready yet: what was told "charging is stopped" must be."""
    rig = DeviceRig(tmp_path / "device")
    rig.board.plug()
    rig.world.run(100)
    assert rig.pilot.state == "B" and rig.controller.state == "unplugged"
    rig.type(typed)
    rig.world.run(300)
    assert "stop" in rig.terminal.shown.split("stop()\r\n")[-1] and rig.device.left is None
    assert rig.world.run_until(lambda: rig.device.finished, 120_000)
    assert rig.controller.result == "USER_STOP" and not rig.plant.contactors.operations
    assert rig.board.unplug()
    rig.world.run(rig.world.now + 1000)
    rig.board.plug()  # another plug-in is another wish
    assert rig.world.run_until(lambda: rig.plant.contactors.closed, rig.world.now + 60_000)
