# SPDX-License-Identifier: MIT
"""After an emergency in the car, in MicroPython: the words fit the heap that the session had."""

import pytest

from tools.charger.power import PowerPlan
from tools.demo.rig import Rig
from tools.vm.bridge import build

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    build(folder, "i386", True)
    return folder


class Heat:
    """A contact gets hot in the sixth loop, 100 ms after its request: the car is waiting then."""

    def __init__(self, rig):
        self.rig = rig
        rig.world.add(self)

    def step(self, now):
        loops = [row["t"] for row in self.rig.record.rows if row["name"] == "DC_ChargeLoopReq"]
        if len(loops) >= 6 and now >= loops[-1] + 100:
            self.rig.board.inlet_C[0] = 95.0
            return None
        return now + 10


@pytest.mark.parametrize(
    "heap, timer, tls",
    [("128k", False, False), ("160k", True, False), ("192k", False, True)],
    ids=["loop", "timer", "TLS"],
)
def test_the_station_is_told(machine, folder, tmp_path, heap, timer, tls):
    machine("i386")
    pki = None
    if tls:
        from tools.demo.pki import throw_away

        pki = tmp_path / "pki"
        throw_away(pki)
    plan = PowerPlan(((0, 11000),), ramp_W_s=20000, stop_s=30)
    more = dict(folder=folder, timer=True, limit_s=20) if timer else dict(folder=folder)
    rig = Rig(plan=plan, pack_speed=1, vm="i386", heap=heap, vm_more=more, pki=pki)
    try:
        heat = Heat(rig)  # held: the world knows its parts by their id
        assert rig.run() and heat, rig.outcome
    finally:
        rig.close()
    assert rig.outcome["result"] == "OVER_TEMPERATURE", rig.outcome
    assert rig.outcome["forced_openings"] == 0 and rig.plant.violations == []
    asked = [row["name"] for row in rig.record.rows if row["name"].endswith("Req")]
    assert asked[-2:] == ["PowerDeliveryReq", "SessionStopReq"], asked[-4:]
    summary = rig.station.sessions[-1]
    assert summary["good"] and summary["termination"][0] == "OVER_TEMPERATURE"
    assert summary["violations"] == []
    assert not rig.plant.contactors.closed and not rig.board.motor.locked
