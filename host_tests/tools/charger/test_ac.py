# SPDX-License-Identifier: MIT
"""AC at the station with a car of hand-made requests: order, pilot, judgement of powers."""

import pytest

from host_tests.tools.charger.car import NEEDS, Car, values
from tools.charger.power import PowerPlan
from tools.charger.secc import flow
from tools.charger.secc.values import number

AC, DC = "urn:iso:std:iso:15118:-20:AC", "urn:iso:std:iso:15118:-20:DC"
CHARGE = {"EVMaximumChargePower": 11000, "EVMinimumChargePower": 0}
DISCHARGE = {"EVMaximumDischargePower": 7000, "EVMinimumDischargePower": 0}


class AcCar(Car):
    """`present`: W that the car says it draws: the target named last. `c_in_time`: see `wait`."""

    c_in_time = True

    STORY = (
        "sap setup authorization_setup authorized discover detail select parameters scheduled "
        "started loops stopped stop"
    ).split()

    def __init__(self, service="AC_BPT", kind="Dynamic1", watts=6000, **more):
        super().__init__(service, kind, PowerPlan([(0, watts)]), **more)
        self.present = 0.0

    def sap(self, *namespaces):
        return super().sap(*(namespaces or (AC,)))

    def limits(self):
        return {**CHARGE, **(DISCHARGE if self.bpt else {})}

    def parameters(self, bpt=None, **changes):
        bpt = self.bpt if bpt is None else bpt
        name = ("BPT_" if bpt else "") + "AC_CPDReqEnergyTransferMode"
        block = {**CHARGE, **(DISCHARGE if bpt else {}), **changes}
        return self.send("AC_ChargeParameterDiscovery", {name: values(block)})

    def started(self, pilot="C"):
        answer = self.power("Start")
        self.pilot = pilot
        self.wait(20)
        return answer

    def wait(self, ms):
        """State C comes 100 ms after PowerDelivery(Start), while its answer is awaited."""
        if self.secc.supply.phase == "ready" and self.c_in_time and ms > 100:
            super().wait(100)
            self.pilot = "C"
            ms -= 100
        super().wait(ms)

    def loop(self, present=None, pause=200, **changes):
        self.wait(pause)
        dynamic = self.kind != "Scheduled"
        numbers = {**self.limits(), "EVPresentActivePower": self.present}
        if dynamic:
            numbers.update(NEEDS, EVPresentReactivePower=0)
        if present is not None:
            numbers["EVPresentActivePower"] = present
        name = ("BPT_" if self.bpt else "") + ("Dynamic" if dynamic else "Scheduled")
        message = {
            "DisplayParameters": {"PresentSOC": 50, "ChargingComplete": False},
            "MeterInfoRequested": False,
            name + "_AC_CLReqControlMode": values({**numbers, **changes}),
        }
        answer = self.send("AC_ChargeLoop", message)
        mode = answer.get(name + "_AC_CLResControlMode", {})
        if dynamic and mode:
            phases = ("", "_L2", "_L3")
            targets = [mode.get("EVSETargetActivePower" + p) for p in phases]
            self.present = sum(number(t) for t in targets if t)
        return answer

    def stopped(self):
        self.present = 0.0
        self.loop()
        return super().stopped()


def kinds(car):
    return [text.split(":")[0] for text in car.secc.summary()["violations"]]


@pytest.mark.parametrize("service", ["AC", "AC_BPT"])
@pytest.mark.parametrize("kind", ["Scheduled", "Dynamic1", "Dynamic2"])
def test_whole_session(service, kind):
    car = AcCar(service, kind)
    assert car.until("stop")["ResponseCode"] == "OK"
    summary = car.secc.summary()
    assert summary["good"] and summary["violations"] == [] and summary["loops"] == 4
    assert summary["service"] == service and not car.secc.supply.outlet.closed
    assert (summary["charged_Wh"] > 0) == (kind != "Scheduled")  # this car only follows targets


@pytest.mark.parametrize(
    "watts, service, target",
    [(6000, "AC", 6000), (50000, "AC", 11000), (-5000, "AC", 0), (-9000, "AC_BPT", -7000)],
)
@pytest.mark.parametrize("phases", [1, 3])
def test_target_within_both_sides(watts, service, target, phases):
    car = AcCar(service, watts=watts, ac_phases=phases)
    car.until("started")
    car.loop()
    assert car.present == pytest.approx(target, abs=1)


@pytest.mark.parametrize("state", [row[0] for row in flow.FLOW_AC])
def test_no_dc_message_in_any_state_of_ac(state):
    for name in flow.MESSAGES:
        if name.startswith("DC_"):
            assert not flow.allowed(state, name, {}, True)


def test_dc_order_is_not_that_of_ac():
    car = AcCar()
    car.until("scheduled")
    assert car.send("DC_CableCheck", {})["ResponseCode"] == "FAILED_SequenceError"
    car = AcCar()
    car.until("stopped")
    answer = car.send("DC_WeldingDetection", {"EVProcessing": "Ongoing"})
    assert answer["ResponseCode"] == "FAILED_SequenceError"


def test_services_are_those_of_the_protocol():
    car = AcCar(services=["DC", "AC"])
    assert car.sap(DC, AC)["SchemaID"] == 10
    assert [s.name for s in car.secc.services.values()] == ["DC"]
    car = AcCar(services=["DC", "AC"])
    car.sap(AC)
    assert [s.name for s in car.secc.services.values()] == ["AC"]


def test_wrong_block():
    car = AcCar("AC")
    car.until("select")
    assert car.parameters(bpt=True)["ResponseCode"] == "FAILED_WrongChargeParameter"


def test_pilot_c_before_the_request_is_blamed():
    car = AcCar()
    car.until("scheduled")
    car.pilot = "C"
    car.started()
    assert kinds(car) == ["pilot"]


def test_pilot_c_too_late_or_never():
    car = AcCar()
    car.c_in_time = False
    car.until("scheduled")
    car.started()  # C comes after the answer, 300 ms
    assert car.loop()["ResponseCode"] == "OK" and kinds(car) == ["pilot"]
    car = AcCar()
    car.c_in_time = False
    car.until("scheduled")
    car.started(pilot="B")
    assert car.loop()["ResponseCode"] == "FAILED_ContactorError"


@pytest.mark.parametrize(
    "kind, present", [("Dynamic1", 11000), ("Dynamic1", -4000), ("Scheduled", 10500)]
)
def test_more_power_than_granted(kind, present):
    car = AcCar(kind=kind)
    car.until("loops")
    car.loop(present=present)
    assert "limits" in kinds(car)


def test_stop_under_load_is_blamed():
    car = AcCar()
    car.until("loops")
    Car.stopped(car)
    assert kinds(car) == ["power"] and car.secc.supply.opened_W[0] > 5000


def test_pilot_b_opens_the_contactor():
    car = AcCar()
    car.until("loops")
    assert car.secc.supply.outlet.closed
    car.pilot = "B"
    car.wait(50)
    assert not car.secc.supply.outlet.closed


def test_negative_limit_is_blamed():
    car = AcCar()
    car.until("select")
    car.parameters(EVMaximumDischargePower=-7000)
    assert kinds(car) == ["sign"] and car.secc.supply.car.discharge_power == 7000
