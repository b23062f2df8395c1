# SPDX-License-Identifier: MIT
"""The device's process dies or stops at a message: only hardware is left, and safe in time.

Nothing but the emulated board's pull-downs, monostables and watchdog acts here.
"""

import pytest

from tools.charger.power import PowerPlan
from tools.demo.rig import Rig
from tools.emulator.board import Board
from tools.vm.build import build

pytestmark = pytest.mark.vm

# Named times, from the last pulse, which is at most 20 ms before: pilot B; contactors open.
PILOT_MS = Board.ENABLE_C_MS + 5
OPEN_MS = Board.WATCHDOG_MS + 40
MESSAGES = (
    "supportedAppProtocolReq", "supportedAppProtocolRes", "SessionSetupReq", "SessionSetupRes",
    "AuthorizationSetupReq", "AuthorizationSetupRes", "AuthorizationReq", "AuthorizationRes",
    "ServiceDiscoveryReq", "ServiceDiscoveryRes", "ServiceDetailReq", "ServiceDetailRes",
    "ServiceSelectionReq", "ServiceSelectionRes", "DC_ChargeParameterDiscoveryReq",
    "DC_ChargeParameterDiscoveryRes", "ScheduleExchangeReq", "ScheduleExchangeRes",
    "DC_CableCheckReq", "DC_CableCheckRes", "DC_PreChargeReq", "DC_PreChargeRes",
    "PowerDeliveryReq", "PowerDeliveryRes", "DC_ChargeLoopReq", "DC_ChargeLoopRes",
    "DC_WeldingDetectionReq", "DC_WeldingDetectionRes", "SessionStopReq", "SessionStopRes",
)  # fmt: skip
QUICK = ("DC_PreChargeReq", "DC_ChargeLoopRes", "DC_WeldingDetectionReq")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    build(folder, "i386", True)
    return folder


def dead(folder, message, how, nth=1):
    """A world in which the device's process has died at that message, 2 s later."""
    plan = PowerPlan(((0, 11000), (2, -8000)), ramp_W_s=20000, stop_s=5)
    rig = Rig(plan=plan, pack_speed=1, vm="i386", heap="160k",
              vm_more=dict(timer=True, folder=folder, limit_s=20))  # fmt: skip
    world, found = rig.world, []

    def row(row):
        if row["name"] == message:
            found.append(world.now)
            if len(found) == nth:
                getattr(rig.device, how)()

    rig.board.on_reset = None  # it does not come back
    rig.record.on_row = row
    world.run(500)
    rig.board.plug()
    names = [row["name"] for row in rig.record.rows[-5:]]
    assert world.run_until(lambda: len(found) >= nth, 60_000), (message, names)
    at = found[-1]
    rig.had_c, rig.was_closed = rig.pilot.s2, rig.plant.contactors.closed
    world.run_until(lambda: not rig.pilot.s2, at + 2000)
    rig.b_ms = world.now - at
    world.run_until(lambda: not rig.plant.contactors.closed, at + 2000)
    rig.open_ms = world.now - at
    world.run(at + 3000)
    return rig


def check(rig):
    assert rig.b_ms <= PILOT_MS and rig.open_ms <= OPEN_MS, (rig.b_ms, rig.open_ms)
    assert not rig.pilot.s2 and not rig.plant.contactors.closed
    assert not rig.plant.contactors.commanded and rig.pilot.state == "B"
    assert abs(rig.plant.current) < 1 and rig.plant.inlet_voltage < 60
    # the lock needs power to move: the connector stays as it was, so it cannot be drawn live
    if rig.was_closed:
        assert rig.board.motor.locked
    assert rig.board.resets == 1 and not rig.board.forced_openings


@pytest.mark.shows("VM killed or stopped at a message", "{how}", peer="our emulation")
@pytest.mark.parametrize("how", ["kill", "freeze"])
@pytest.mark.parametrize("message", QUICK)
def test_a_dead_process_leaves_safe_outputs(message, how, folder, machine):
    machine("i386")
    rig = dead(folder, message, how, 4 if "Loop" in message else 1)
    try:
        assert rig.had_c == (message != "DC_WeldingDetectionReq")
        assert rig.was_closed == ("Loop" in message)
        check(rig)
    finally:
        rig.close()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "freeze"])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_dead_process_at_every_message(message, how, folder, machine):
    machine("i386")
    rig = dead(folder, message, how)
    try:
        check(rig)
    finally:
        rig.close()


@pytest.mark.slow
@pytest.mark.parametrize("nth", [2, 8, 14, 20])  # charging, turning round, giving back
def test_a_dead_process_anywhere_in_the_loop(nth, folder, machine):
    machine("i386")
    rig = dead(folder, "DC_ChargeLoopReq", "freeze", nth)
    try:
        assert rig.was_closed
        check(rig)
    finally:
        rig.close()
