# SPDX-License-Identifier: MIT
"""Pause and resume with the device part in 32-bit MicroPython, all code in RAM from .mpy files."""

import pytest

from host_tests.sim.rig import Rig
from tools.vm.build import build

pytestmark = pytest.mark.vm

HEAP = "160k"  # the goal is 128k: see `make bench` for what a session needs now


@pytest.fixture
def folder(tmp_path, machine):
    machine("i386")
    build(tmp_path, "i386", True)
    return tmp_path


class VmRig(Rig):
    def __init__(self, folder, *faults):
        self.vm_folder = folder
        super().__init__(faults)

    def _device(self):
        self._vm, self._heap = "i386", HEAP
        self._vm_more = {"folder": self.vm_folder, "options": ("check",)}
        return super()._device()


def test_paused_and_called_again_by_the_station(folder):
    rig = VmRig(folder, {"do": "notify", "after_s": 1, "notification": "Pause"})
    process = rig.device.process
    try:
        rig.world.run(500)
        rig.board.plug()
        assert rig.world.run_until(lambda: rig.device.finished, 60000), process.tail
        assert rig.device.outcome()["result"] == "STATION_PAUSE", rig.device.outcome()
        rig.world.run(rig.world.now + 2000)
        assert rig.board.motor.locked and not rig.plant.contactors.closed
        stored = [path.name for path in process.folder.rglob("store/session*")]
        first = rig.station.secc.session_id
        rig.station.scenario.rows.clear()
        process.summary = None
        rig.pilot.pwm(5)
        assert rig.world.run_until(lambda: rig.device.finished, 120000), process.tail
        outcome = rig.device.outcome()
    finally:
        rig.close()
    assert outcome["result"] == "STATION_TERMINATE" and outcome["loops"] > 5, outcome
    assert rig.station.secc.session_id == first and rig.station.secc.joined
    assert rig.station.secc.counts["SessionSetup"] == 1
    assert "AuthorizationSetup" not in rig.station.secc.counts
    assert stored == ["session"] and not list(process.folder.rglob("store/session"))
    assert not rig.plant.violations and outcome["forced_openings"] == 0
    assert "evcc.paused" in process.modules
