# SPDX-License-Identifier: MIT
"""aiorepl at rest, our console in a session. A stand-in of ours plays aiorepl: its `task` reads
until it is cancelled and leaves Ctrl-C on, as the real one does (micropython-lib, aiorepl.py)."""

import asyncio
import sys
import types

import pytest

from host_tests.device_rig import DeviceRig


@pytest.fixture
def rig(tmp_path, monkeypatch):
    """A rig whose device runs under asyncio, and what aiorepl did."""
    rig = DeviceRig(tmp_path / "device")
    rig.world.remove(rig.device)
    rig.told = []

    async def task(names=None):
        rig.told.append("begins")
        rig.terminal.interrupt(False)
        try:
            while True:
                await asyncio.sleep(0)
        finally:
            rig.terminal.interrupt(True)
            rig.told.append("ends")

    module = types.ModuleType("aiorepl")
    module.task = task
    monkeypatch.setitem(sys.modules, "aiorepl", module)
    monkeypatch.delitem(sys.modules, "evcc.controller_async", raising=False)
    import evcc.controller_async as runner

    world, parts = rig.world, rig.device.device.parts

    async def sleep(ms):
        world.run(world.now + max(ms, 1))
        await asyncio.sleep(0)

    monkeypatch.setattr(runner, "_sleep", sleep)
    parts.idle = lambda ms: world.run(world.now + ms)
    yield rig
    sys.modules.pop("evcc.controller_async", None)


def test_aiorepl_is_there_at_rest_only(rig):
    from evcc.device import go

    device, world = rig.device.device, rig.world
    seen = set()

    class Watch:
        def step(self, now):
            there = rig.told[-1:] == ["begins"]
            if rig.told:
                seen.add(("ticks by timer", there, bool(rig.board.timers)))
            if rig.plant.contactors.closed:
                seen.add(("closed", there, rig.terminal.ctrl_c))
            if now == 2000:
                rig.board.plug()
            if 2000 < now < 2100 and rig.told == ["begins", "ends"]:
                seen.add("ended with the plug")
            if device.controller.sessions == 1 and rig.pilot.state != "A":
                seen.add("session over")
                rig.type("status()\r")
                rig.board.unplug()
            if rig.told.count("begins") == 2:
                device.left = "repl"
            return now + 10

    world.add(Watch())
    device.parts.timer = rig.board.timer
    rig.board.WATCHDOG_MS = 1 << 60
    go(device)
    assert rig.told == ["begins", "ends", "begins", "ends"]
    # a Ctrl-C in a statement must not hit a tick
    ticks = {x[1:] for x in seen if x[0] == "ticks by timer"}
    assert (True, True) not in ticks and {(True, False), (False, True)} <= ticks
    assert [x for x in seen if x[0] == "closed"] == [("closed", False, False)]
    assert {"ended with the plug", "session over"} <= seen
    assert device.controller.result == "STATION_TERMINATE" and not rig.violations()
    assert rig.terminal.ctrl_c and not device.running


def test_without_service_mode_there_is_no_aiorepl(rig):
    from evcc.device import go

    device = rig.device.device
    device.settings.service_mode = False

    class Watch:
        def step(self, now):
            if now > 1000:
                device.left = "repl"
            return now + 10

    rig.world.add(Watch())
    go(device)
    assert rig.told == []


def test_no_aiorepl_beside_a_watchdog_that_cannot_be_stopped(rig):
    """A statement of the person would stop the loop that feeds it."""
    from evcc.device import go

    device = rig.device.device
    armed = []
    rig.board.disarm = lambda: not armed
    device.parts.restart = lambda: None

    class Watch:
        def step(self, now):
            if now > 1000 and not armed:
                armed.append(rig.told == ["begins"])
                rig.board.plug()
            if now > 1100 and rig.pilot.state != "A" and rig.device.device.open is False:
                rig.board.unplug()
            if now > 3000:
                device.left = "repl"
            return now + 10

    rig.world.add(Watch())
    go(device)
    assert armed == [True] and rig.told == ["begins", "ends"] and device.open
