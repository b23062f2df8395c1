# SPDX-License-Identifier: MIT
"""Whole sessions with the scripted car: every service, every control mode, energies, endings."""

import pytest

from host_tests.tools.charger.car import Car
from tools.charger.power import PowerPlan

SERVICES = ("DC", "DC_BPT", "MCS", "MCS_BPT")
KINDS = ("Scheduled", "Dynamic1", "Dynamic2")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", KINDS)
def test_whole_session(service, kind):
    car = Car(service, kind, plan=PowerPlan([(0, 8000)]))
    answer = car.until("stop")
    assert answer["ResponseCode"] == "OK"
    summary = car.secc.summary()
    assert summary["good"], summary
    assert summary["violations"] == []
    assert summary["service"] == service
    assert summary["control_mode"] == kind[:9].rstrip("12")
    assert summary["mobility_needs_mode"] == (2 if kind == "Dynamic2" else 1)
    assert summary["loops"] == 3
    assert summary["charged_Wh"] > 0 and summary["discharged_Wh"] == 0
    assert car.secc.supply.output.voltage < 60
