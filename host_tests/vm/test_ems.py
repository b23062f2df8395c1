# SPDX-License-Identifier: MIT
"""Energy management in whole sessions inside 32-bit MicroPython, all code in RAM from .mpy files.

Managed in Dynamic mode, and in Scheduled mode with planner and prices: the profile that the device
sends is the one that this Python sends, and waits for the cheap half of the schedule.
"""

import pytest

from host_tests.vm.test_session import names
from tools.charger.power import PowerPlan
from tools.charger.secc import schedule
from tools.demo.rig import Rig
from tools.vm.build import build

pytestmark = pytest.mark.vm

# A plain session takes 120k here; managing 140k; planning by prices 148k.
MANAGED, PLANNED = "160k", "168k"
DEAR_S, SECONDS = 6, 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("device")
    build(made, "i386", True)
    return made


def play(steps, folder=None, heap=None, stop_s=SECONDS, **settings):
    rig = Rig(
        pack_speed=1,
        plan=PowerPlan(steps, ramp_W_s=20000, stop_s=stop_s),
        settings=settings,
        vm="i386" if folder else None,
        heap=heap,
        vm_more={"folder": folder, "options": ("check",)} if folder else None,
    )
    try:
        assert rig.run(), rig.outcome
    finally:
        rig.close()
    outcome = rig.outcome
    assert outcome["result"] in ("STATION_TERMINATE", "COMPLETED"), outcome
    assert outcome["loops"] > 20 and outcome["forced_openings"] == 0
    assert not rig.plant.violations and rig.board.resets == 0
    assert not rig.station.secc.violations, rig.station.secc.violations
    return rig


def profile(rig):
    """[(s, kW)] of the first PowerDeliveryReq(Start)."""
    for entry in rig.station.log:
        if entry.message.get("ChargeProgress") == "Start":
            entries = entry.message["EVPowerProfile"]["EVPowerProfileEntries"]
            return [
                (e["Duration"], round(e["Power"]["Value"] * 10 ** (e["Power"]["Exponent"] - 3), 1))
                for e in entries["EVPowerProfileEntry"]
            ]


@pytest.fixture
def two_prices(monkeypatch):
    """The station's energy costs ten times as much in the first seconds of its schedule."""
    plain = schedule._prices

    def prices(anchor, duration, fee):
        found = plain(anchor, duration, fee)
        [stack] = found["PriceRuleStacks"]["PriceRuleStack"]
        dear = dict(stack, Duration=DEAR_S)
        dear["PriceRule"] = [dict(stack["PriceRule"][0], EnergyFee=schedule.rational(10 * fee))]
        stack["Duration"] = duration - DEAR_S
        found["PriceRuleStacks"]["PriceRuleStack"] = [dear, stack]
        return found

    monkeypatch.setattr(schedule, "_prices", prices)


def test_v2h_in_dynamic_mode(machine, folder):
    machine("i386")
    steps = (0, 11000), (SECONDS // 2, -10000)
    here, there = play(steps, ems_mode="v2h"), play(steps, folder, MANAGED, ems_mode="v2h")
    assert there.outcome["charged_Wh"] > 5 and there.outcome["discharged_Wh"] > 5
    assert "evcc.ems.manager" in there.device.process.modules
    assert names(here) == names(there)


def test_no_reserve_left_gives_nothing_back(machine, folder):
    """It is the manager in there who decides: the battery alone would give."""
    machine("i386")
    steps = (0, 11000), (SECONDS // 2, -10000)
    rig = play(steps, folder, MANAGED, ems_mode="v2h", ems_reserve_soc=45)
    assert rig.outcome["charged_Wh"] > 5 and rig.outcome["discharged_Wh"] < 0.1


def test_cheap_waits_for_the_price(machine, folder, two_prices):
    machine("i386")
    settings = {
        "ems_mode": "cheap",
        "control_mode": "Scheduled",
        "pricing": "absolute",
        "ev_soc": 79.98,  # 12 Wh to go: less than the cheap seconds bring
    }
    steps = ((0, 11000),)
    here, there = play(steps, **settings), play(steps, folder, PLANNED, **settings)
    first, second = profile(there)[:2]
    assert first[1] == 0 and DEAR_S - 2 <= first[0] <= DEAR_S and second[1] > 5
    assert profile(here) == profile(there)
    assert there.outcome["control_mode"] == "Scheduled" and there.outcome["charged_Wh"] > 1
    assert here.outcome["charged_Wh"] == pytest.approx(there.outcome["charged_Wh"], rel=0.1)


def test_v2h_sells_dear_by_schedule(machine, folder, two_prices):
    machine("i386")
    settings = {
        "ems_mode": "v2h",
        "control_mode": "Scheduled",
        "pricing": "absolute",
        "scheduled_discharge": True,
        "ev_soc": 79.0,
        "ev_target_soc": 60,
    }
    steps = (0, -8000), (9, 11000)
    here, there = play(steps, **settings), play(steps, folder, PLANNED, **settings)
    assert min(watts for _, watts in profile(there)) < -5
    assert profile(here) == profile(there)
    assert there.outcome["discharged_Wh"] > 1
