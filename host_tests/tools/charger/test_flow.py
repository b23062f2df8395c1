# SPDX-License-Identifier: MIT
"""The order of messages: every state is reached, every request tried in it; what the table does
not allow is refused, ends the session and takes the power away, what it allows is answered."""

import copy

import pytest

from host_tests.tools.charger.car import Car
from tools.charger.secc import flow


def joined():
    memory = {}
    first = Car(memory=memory)
    first.until("stopped")
    first.stop("Pause")
    second = Car(memory=memory, seed=8)
    second.sap()
    second.session_id = first.session_id
    second.setup()
    return second


def car_in(last, ask=None, **config):
    car = Car(**config)
    if last:
        car.until(last)
    if ask:
        ask(car)
    return car


def renegotiated(car, until_finished):
    car.power("ScheduleRenegotiation")
    if until_finished is not None:
        (car.scheduled if until_finished else car.schedule)()


def standby(loop=False):
    car = car_in("loops", lambda car: car.power("Standby"), standby=True)
    if loop:
        car.loop()
    return car


def metered():
    car = car_in("loops")
    car.secc.notify("MeteringConfirmation", 0, car.now)
    car.loop()
    car.meter_reading()
    return car


def pilot_c(car):
    car.pilot = "C"


def checked_in(and_out=False):
    """ParkingStatus selected, and its first message sent."""
    car = car_in("detail", lambda car: car.detail(66), vas=["Internet", "ParkingStatus"])
    selected = {"ServiceID": next(iter(car.secc.services)), "ParameterSetID": 2}
    added = {"SelectedService": [{"ServiceID": 66, "ParameterSetID": 3}]}
    message = {"SelectedEnergyTransferService": selected, "SelectedVASList": added}
    assert car.send("ServiceSelection", message)["ResponseCode"] == "OK"
    message = {"EVCheckInStatus": "CheckIn", "ParkingMethod": "Manual"}
    assert car.send("VehicleCheckIn", message)["ParkingSpace"] == 7
    if and_out:
        message = {"EVCheckOutStatus": "CheckOut", "CheckOutTime": 1}
        answer = car.send("VehicleCheckOut", message)
        assert answer["EVSECheckOutStatus"] == "Scheduled"
    return car


REACH = {
    "Connected": lambda: Car(),
    "supportedAppProtocol": lambda: car_in("sap"),
    "SessionSetup": lambda: car_in("setup"),
    "SessionSetup(Joined)": joined,
    "AuthorizationSetup": lambda: car_in("authorization_setup"),
    "Authorization(Ongoing)": lambda: car_in("authorization_setup", Car.authorize),
    "Authorization(Refused)": lambda: car_in("authorized", authorization="refuse"),
    "Authorization(Finished)": lambda: car_in("authorized"),
    "ServiceDiscovery": lambda: car_in("discover"),
    "ServiceDetail": lambda: car_in("detail"),
    "ServiceSelection": lambda: car_in("select"),
    "VehicleCheckIn": checked_in,
    "VehicleCheckOut": lambda: checked_in(and_out=True),
    "DC_ChargeParameterDiscovery": lambda: car_in("parameters"),
    "ScheduleExchange(Ongoing)": lambda: car_in("parameters", Car.schedule),
    "ScheduleExchange": lambda: car_in("scheduled"),
    "ScheduleExchange(GoToPause)": lambda: car_in("scheduled", go_to_pause=True),
    "DC_CableCheck(Ongoing)": lambda: car_in(
        "scheduled", lambda car: (pilot_c(car), car.cable_check())
    ),
    "DC_CableCheck": lambda: car_in("checked"),
    "DC_PreCharge(Ongoing)": lambda: car_in("checked", Car.precharge),
    "DC_PreCharge": lambda: car_in("precharged"),
    "PowerDelivery(Ongoing)": lambda: car_in("precharged", lambda c: c.power("Start", "Ongoing")),
    "PowerDelivery(Start)": lambda: car_in("started"),
    "PowerDelivery(Standby)": standby,
    "DC_ChargeLoop(Standby)": lambda: standby(loop=True),
    "DC_ChargeLoop": lambda: car_in("loops"),
    "MeteringConfirmation": metered,
    "PowerDelivery(ScheduleRenegotiation)": lambda: car_in(
        "loops", lambda car: renegotiated(car, None)
    ),
    "ScheduleExchange(Renegotiation,Ongoing)": lambda: car_in(
        "loops", lambda car: renegotiated(car, False)
    ),
    "ScheduleExchange(Renegotiation)": lambda: car_in(
        "loops", lambda car: renegotiated(car, True)
    ),
    "PowerDelivery(Stop)": lambda: car_in("stopped"),
    "DC_WeldingDetection(Ongoing)": lambda: car_in("stopped", Car.weld),
    "DC_WeldingDetection": lambda: car_in("welded"),
    "SessionStop(ServiceRenegotiation)": lambda: car_in(
        "welded", lambda car: car.stop("ServiceRenegotiation")
    ),
    "SessionStop": lambda: car_in("stop"),
    "Ended": lambda: car_in("setup", Car.loop),
}


def test_every_state_of_the_table_is_walked():
    assert set(REACH) == {state for state, _, _ in flow.FLOW}
    named = {word for _, _, words in flow.FLOW for word in words.split()}
    assert {word.partition("(")[0] for word in named} <= set(flow.MESSAGES)


@pytest.mark.parametrize("state", REACH)
def test_requests_in(state):
    start = REACH[state]()
    assert start.secc.state == state
    assert start.secc.summary()["violations"] == [] or state == "Ended"
    words = dict((s, w.split()) for s, _, w in flow.FLOW)[state]
    for label, send in Car.REQUESTS.items():
        car = copy.deepcopy(start)
        answer = send(car)
        name = label.partition("(")[0]
        if state in ("SessionStop", "Ended"):
            assert answer is None, label
            continue
        if label in words or name in words:
            assert answer["ResponseCode"] != _SEQUENCE or name == (
                "MeteringConfirmation"  # only when it was asked for
            ), label
            assert car.secc.state in flow.ALLOWED
            continue
        sap = name == "supportedAppProtocol"
        assert answer["ResponseCode"] == ("Failed_NoNegotiation" if sap else _SEQUENCE), label
        assert car.secc.state == "Ended" and not car.secc.supply.output.on
        assert any(text.startswith("sequence") for text in car.secc.summary()["violations"])
        assert car.secc.close_at is not None and car.send("SessionStop", _STOP) is None


_SEQUENCE = "FAILED_SequenceError"
_STOP = {"ChargingSession": "Terminate"}

# Said here once more by hand, so that the table itself is under test.
ORDER = (
    ("supportedAppProtocol", "AuthorizationSetup", False),
    ("SessionSetup", "Authorization", False),
    ("SessionSetup", "SessionStop(Terminate)", False),
    ("SessionSetup(Joined)", "DC_ChargeParameterDiscovery", True),
    ("SessionSetup(Joined)", "AuthorizationSetup", False),
    ("AuthorizationSetup", "Authorization", True),
    ("Authorization(Ongoing)", "ServiceDiscovery", False),
    ("Authorization(Refused)", "ServiceDiscovery", False),
    ("Authorization(Refused)", "Authorization", True),
    ("ServiceDiscovery", "ServiceSelection", False),
    ("ServiceDetail", "ServiceDetail", True),
    ("ServiceSelection", "ScheduleExchange", False),
    ("DC_ChargeParameterDiscovery", "DC_CableCheck", False),
    ("ScheduleExchange(Ongoing)", "DC_CableCheck", False),
    ("ScheduleExchange", "DC_PreCharge", False),
    ("ScheduleExchange", "PowerDelivery(Start)", False),
    ("ScheduleExchange", "SessionStop(Terminate)", True),
    ("ScheduleExchange(GoToPause)", "SessionStop(Pause)", True),
    ("DC_CableCheck(Ongoing)", "DC_PreCharge", False),
    ("DC_CableCheck", "DC_PreCharge", True),
    ("DC_PreCharge(Ongoing)", "SessionStop(Terminate)", True),
    ("DC_PreCharge(Ongoing)", "PowerDelivery(Stop)", True),
    ("DC_PreCharge", "DC_PreCharge", False),
    ("DC_PreCharge", "PowerDelivery(Start)", True),
    ("PowerDelivery(Start)", "SessionStop(Terminate)", False),
    ("PowerDelivery(Start)", "PowerDelivery(Stop)", True),
    ("DC_ChargeLoop", "SessionStop(Terminate)", False),
    ("DC_ChargeLoop", "PowerDelivery(Start)", False),
    ("DC_ChargeLoop", "PowerDelivery(Stop)", True),
    ("DC_ChargeLoop", "DC_WeldingDetection", False),
    ("PowerDelivery(ScheduleRenegotiation)", "DC_ChargeLoop", False),
    ("ScheduleExchange(Renegotiation)", "PowerDelivery(Start)", True),
    ("ScheduleExchange(Renegotiation)", "DC_CableCheck", False),
    ("PowerDelivery(Stop)", "DC_ChargeLoop", False),
    ("PowerDelivery(Stop)", "SessionStop(Terminate)", True),
    ("DC_WeldingDetection(Ongoing)", "SessionStop(Terminate)", True),
    ("SessionStop(ServiceRenegotiation)", "ServiceDiscovery", True),
    ("SessionStop(ServiceRenegotiation)", "Authorization", False),
)


@pytest.mark.parametrize("state, label, allowed", ORDER)
def test_order(state, label, allowed):
    name, _, argument = label.rstrip(")").partition("(")
    key = "ChargingSession" if name == "SessionStop" else "ChargeProgress"
    assert flow.allowed(state, name, {key: argument} if argument else {}) == allowed
