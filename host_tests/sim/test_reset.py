# SPDX-License-Identifier: MIT
"""A device that stops in mid-session: the watchdog opens, and the next start knows why."""

from host_tests.sim.rig import Rig


def test_frozen_device_in_the_loop():
    rig = Rig()
    rig.at("DC_ChargeLoop", lambda: rig.world.remove(rig.device), nth=8)
    rig.world.run(500)
    rig.board.plug()
    assert rig.world.run_until(lambda: rig.board.resets, 60000)
    frozen = rig.controller
    assert frozen.safety.state == "closed"  # it did nothing itself
    rig.world.run(rig.world.now + 100)
    assert not rig.plant.contactors.closed and not rig.pilot.s2
    assert rig.board.resets == 1
    started = rig.device.controller
    assert started is not frozen
    assert started.result == "WATCHDOG_RESET" and started.safety.forced_openings == 1
    # It stays off until the station has let go, then there may be a new session.
    rig.world.run(rig.world.now + 200)
    assert not rig.plant.contactors.commanded and not rig.pilot.s2


def test_fault_of_ours_in_the_controller():
    """An exception where nothing may raise: outputs safe, one reason, the loop lives on."""
    rig = Rig()

    def breaks(now):
        raise ZeroDivisionError("planted")

    rig.at("DC_ChargeLoop", lambda: setattr(rig.controller.host, "step", breaks), nth=8)
    rig.run()
    assert rig.outcome["result"] == "INTERNAL_ERROR" and "planted" in rig.outcome["detail"]
    assert rig.outcome["forced_openings"] == 0 and rig.violations() == []
    rig.world.run(rig.world.now + 3000)
    rig.check_safe()
