# SPDX-License-Identifier: MIT
"""Power over time, and the operating point between the limits of plan, station and car."""

import pytest

from host_tests.tools.charger.car import Car
from tools.charger.output import IdealOutput
from tools.charger.power import PowerPlan, setpoint
from tools.charger.secc.values import number, rational


def test_steps_and_ramp():
    plan = PowerPlan([(0, 10000), (10, -5000)])
    assert [plan.at(t) for t in (0, 9.9, 10, 99)] == [10000, 10000, -5000, -5000]
    plan = PowerPlan([(0, 10000), (10, -5000)], ramp_W_s=1000)
    assert [plan.at(t) for t in (0, 1, 10, 12, 25, 30)] == [0, 1000, 10000, 8000, -5000, -5000]


def test_schedule_covers_the_horizon():
    assert PowerPlan([(0, 1), (60, 2)]).schedule(3600) == [(60, 1), (3540, 2)]
    assert PowerPlan([(0, 1), (60, 2)], stop_s=30).schedule(3600) == [(30, 1)]


def test_command_line_form():
    assert PowerPlan.parse("11k").steps == [(0, 11000)]
    assert PowerPlan.parse("0:11000,60:-7.5k").steps == [(0, 11000), (60, -7500)]
    for text in ("x", "0:1,0:2", "5:1", ""):
        with pytest.raises(ValueError):
            PowerPlan.parse(text)


def test_setpoint_limits():
    free = (1000, 1e6)
    assert setpoint(8000, 400, free, free) == (20, None)
    assert setpoint(-8000, 400, free, free) == (-20, None)
    assert setpoint(8000, 400, (15, 1e6), free) == (15, "current")
    assert setpoint(8000, 400, (1000, 4000), free) == (10, "power")
    assert setpoint(-8000, 400, free, (5, 1e6)) == (-5, "current")
    assert setpoint(8000, 0.5, free, free) == (0, None)


@pytest.mark.parametrize(
    "x", [0, 1, -1, 400.2, 0.001, 32767, 32768, 350000, 3.75e6, -11000, 123.45]
)
def test_rational_numbers(x):
    value = rational(x)
    assert -32768 <= value["Value"] <= 32767 and value["Exponent"] >= -3
    assert number(value) == pytest.approx(x, rel=2e-4, abs=5e-4)


def test_ideal_output_follows_and_discharges():
    out = IdealOutput(volt_s=1000, ampere_s=100)
    out.step(0)
    out.enable(True)
    out.target(400, 0, 0)
    out.step(200)
    assert out.voltage == 200
    out.step(1000)
    out.car(380)
    out.target(450, 20, 1000)
    out.step(1100)
    assert (out.voltage, out.current) == (380, 10)
    out.enable(False)
    assert out.current == 0
    out.step(2000)
    assert out.voltage == 0


def run(car, seconds):
    for _ in range(int(seconds * 5)):
        car.loop(present=400)
    return car.secc.supply.output


def test_dynamic_follows_the_plan_both_ways():
    car = Car(plan=PowerPlan([(0, 8000), (5, -4000)], ramp_W_s=0, stop_s=10))
    car.until("started")
    out = run(car, 4)
    assert out.voltage * out.current == pytest.approx(8000, rel=0.01)
    out = run(car, 4)
    assert out.voltage * out.current == pytest.approx(-4000, rel=0.01)
    answer = car.loop()
    assert number(answer["EVSEPresentCurrent"]) < 0
    assert "EVSEStatus" not in answer
    run(car, 3)
    assert car.loop()["EVSEStatus"]["EVSENotification"] == "Terminate"
    summary = car.secc.summary()
    assert summary["charged_Wh"] == pytest.approx(8000 * 5 / 3600, rel=0.1)
    assert summary["discharged_Wh"] > 4
    assert summary["sent_charged_Wh"] == pytest.approx(summary["charged_Wh"], rel=0.1)


@pytest.mark.parametrize(
    "service, changes, least, most",
    [
        ("DC_BPT", {}, -10.1, -9.9),
        ("DC", {}, 0, 0),
        ("DC_BPT", {"EVMinimumEnergyRequest": 100}, 0, 0),
        ("DC_BPT", {"EVMinimumV2XEnergyRequest": 100}, 0, 0),
        ("DC_BPT", {"EVMaximumDischargePower": 2000}, -5.1, -4.9),
        ("DC_BPT", {"EVMaximumDischargeCurrent": 3}, -3.1, -2.9),
    ],
)
def test_discharge_only_as_far_as_the_car_allows(service, changes, least, most):
    car = Car(service, plan=PowerPlan([(0, -4000)]))
    car.until("started")
    for _ in range(5):
        answer = car.loop(present=400, **changes)
    assert least <= number(answer["EVSEPresentCurrent"]) <= most
    assert car.secc.summary()["violations"] == []


def test_no_charge_into_a_full_car():
    car = Car(plan=PowerPlan([(0, 8000)]))
    car.until("loops")
    for _ in range(3):
        answer = car.loop(EVTargetEnergyRequest=0, EVMaximumEnergyRequest=0)
    assert number(answer["EVSEPresentCurrent"]) == 0


def test_limits_of_the_loop_stay_below_the_discovery():
    car = Car(plan=PowerPlan([(0, 90000), (1, -90000)]), max_power_W=30000)
    found = car.until("parameters")["BPT_DC_CPDResEnergyTransferMode"]
    for name in car.STORY[car.STORY.index("scheduled") : car.STORY.index("loops")]:
        getattr(car, name)()
    for _ in range(12):
        block = car.loop(present=400)["BPT_Dynamic_DC_CLResControlMode"]
        for field in block:
            if field in found and "Maximum" in field:
                assert number(block[field]) <= number(found[field]), field


def test_scheduled_car_steers():
    car = Car(kind="Scheduled", plan=PowerPlan([(0, 8000)]))
    car.until("started")
    for amperes in (5, 12, 0):
        for _ in range(3):
            answer = car.loop(amperes)
        assert number(answer["EVSEPresentCurrent"]) == pytest.approx(amperes, abs=0.1)
    for _ in range(3):
        answer = car.loop(-5)
    assert number(answer["EVSEPresentCurrent"]) == 0  # the plan leaves no discharging
    assert "limits: EVTargetCurrent -5 A" in car.secc.summary()["violations"][0]
