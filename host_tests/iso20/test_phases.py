# SPDX-License-Identifier: MIT
"""AC stations that name phases one by one: chargers that load all alike, one, or each alone."""

import pytest
from evcc.iso20.units import number, rational

from host_tests.iso20.scripted_ac import Run

_L = ("", "_L2", "_L3")


def play(limits=(3000, 3000, 3000), targets=(2000, 2000, 2000), asymmetry=None, **settings):
    """One session; the run, with the power that flowed at its end in `watts` and `parts`."""
    settings.setdefault("control_mode", "Dynamic")
    run = Run(**settings)

    def parameters(response):
        mode = response["BPT_AC_CPDResEnergyTransferMode"]
        for end, watts in zip(_L, limits):
            mode["EVSEMaximumChargePower" + end] = rational(watts)
            mode["EVSEMaximumDischargePower" + end] = rational(watts)
        if asymmetry is not None:
            mode["MaximumPowerAsymmetry"] = rational(asymmetry)

    def loop(response):
        mode = response["BPT_Dynamic_AC_CLResControlMode"]
        for end, watts in zip(_L, targets):
            mode["EVSETargetActivePower" + end] = rational(watts)

    run.station.edit["AC_ChargeParameterDiscovery"] = parameters
    run.station.edit["AC_ChargeLoop"] = loop
    run.watts, run.parts, run.said = 0.0, None, None

    def before(name):
        if name == "AC_ChargeLoop" and run.session.loops == 18:
            run.watts = run.charger.active_power
            run.parts = run.charger.phase_power

    run.before = before
    run.station.loops_until_terminate = 20
    run.run()
    assert not run.board.c and run.charger.active_power == 0
    return run


@pytest.mark.parametrize(
    "targets, watts",
    [
        ((2000, 2000, 2000), 6000),
        ((1500, 3000, 3000), 4500),  # no phase above what was named for it
        ((-1000, -2000, -2000), -3000),
        ((-1000, 2000, 2000), 0),  # cannot be followed
        ((0, 2000, 2000), 0),
    ],
)
def test_a_charger_that_loads_all_alike(targets, watts):
    run = play(targets=targets)
    assert run.watts == pytest.approx(watts, abs=50)


def test_the_weakest_phase_limits_a_charger_that_loads_all_alike():
    run = play(limits=(1600, 3000, 3000), targets=(3000, 3000, 3000))
    assert run.session.evse["max_power"] == 4800
    assert run.watts == pytest.approx(4800, abs=50)


def test_each_phase_on_its_own():
    run = play(targets=(500, 3000, 2500), ev_ac_unbalanced=True)
    assert run.watts == pytest.approx(6000, abs=50)
    assert run.parts == pytest.approx([500, 3000, 2500], abs=50)
    body = [b for n, b in run.station.asked if n == "AC_ChargeLoop"][0]
    mode = body["BPT_Dynamic_AC_CLReqControlMode"]
    assert "EVPresentActivePower_L3" in mode


def test_opposite_phases_on_their_own():
    run = play(targets=(-1500, 3000, 3000), ev_ac_unbalanced=True)
    assert run.parts == pytest.approx([-1500, 3000, 3000], abs=80)


@pytest.mark.parametrize("asymmetry, watts", [(None, 3000), (2300, 2300)])
def test_a_single_phase_within_the_asymmetry_allowed(asymmetry, watts):
    run = play(
        targets=(3000, 3000, 3000),
        asymmetry=asymmetry,
        ev_ac_phases=1,
        ev_ac_charge_power_W=7000.0,
    )
    assert run.watts == pytest.approx(watts, abs=50)
    assert number(rational(watts)) == watts
