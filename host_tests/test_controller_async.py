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
    go(device)
    assert rig.told == ["begins", "ends", "begins", "ends"]
    assert ("closed", False, False) in seen and len([x for x in seen if x[0] == "closed"]) == 1
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
