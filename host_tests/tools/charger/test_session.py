# SPDX-License-Identifier: MIT
"""Whole sessions with the scripted car: every service, every control mode, energies, endings."""

import pytest

from host_tests.tools.charger.car import Car
from tools.charger.power import PowerPlan
from tools.charger.secc.values import number

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


def test_after_its_end_a_session_waits_for_nothing():
    car = Car(plan=PowerPlan([(0, 8000)]))
    car.until("stop")
    closes = car.secc.close_at
    assert car.secc.step(closes - 1) == closes
    assert car.secc.step(closes) > closes + 500  # not once a millisecond


# -- renegotiation, standby, pause, metering


def clean(car):
    assert car.secc.summary()["violations"] == [], car.secc.summary()
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_schedule_renegotiation_keeps_the_power_path(kind):
    car = Car(kind=kind, plan=PowerPlan([(0, 8000)]))
    car.until("loops")
    car.secc.notify("ScheduleRenegotiation", 0, car.now)
    assert car.loop()["EVSEStatus"]["EVSENotification"] == "ScheduleRenegotiation"
    assert "EVSEStatus" not in car.power("ScheduleRenegotiation")
    car.scheduled()
    assert car.secc.supply.output.voltage > 300
    assert car.power("Start")["ResponseCode"] == "OK"
    for name in ("loops", "stopped", "welded", "stop"):
        assert getattr(car, name)()["ResponseCode"] == "OK"
    assert clean(car) and car.secc.summary()["loops"] == 7


def test_schedule_renegotiation_refused_keeps_the_loop():
    car = Car(schedule_renegotiation=False)
    car.until("loops")
    answer = car.power("ScheduleRenegotiation")
    assert answer["ResponseCode"] == "WARNING_ScheduleRenegotiationFailed"
    assert car.loop()["ResponseCode"] == "OK" and clean(car)


def test_service_renegotiation_starts_again_at_the_services():
    car = Car(services=["DC_BPT", "DC"])
    car.until("welded")
    assert car.stop("ServiceRenegotiation")["ResponseCode"] == "OK"
    car.bpt = False
    car.discover()
    car.detail(2)
    car.select(2)
    for name in car.STORY[car.STORY.index("parameters") :]:
        assert getattr(car, name)()["ResponseCode"] == "OK"
    assert clean(car) and car.secc.summary()["service"] == "DC"
    car = Car(service_renegotiation=False)
    assert car.until("discover")["ServiceRenegotiationSupported"] is False
    car.stop("ServiceRenegotiation")
    assert car.answers[-1][3]["ResponseCode"] == "FAILED_NoServiceRenegotiationSupported"


def test_standby_refused_keeps_the_loop():
    car = Car()
    car.until("loops")
    assert car.power("Standby")["ResponseCode"] == "WARNING_StandbyNotAllowed"
    assert car.loop()["ResponseCode"] == "OK" and clean(car)


def test_standby_and_back():
    car = Car(standby=True)
    car.until("loops")
    assert car.power("Standby")["ResponseCode"] == "OK"
    for _ in range(3):
        answer = car.loop(present=400)
        assert number(answer["EVSEPresentCurrent"]) == 0
    car.secc.notify("ExitStandby", 3, car.now)
    assert car.loop()["EVSEStatus"]["EVSENotification"] == "ExitStandby"
    car.precharged()
    assert "EVSEStatus" not in car.power("Start")
    for name in ("loops", "stopped", "welded", "stop"):
        assert getattr(car, name)()["ResponseCode"] == "OK"
    assert clean(car)


def test_pause_and_resume_need_id_and_evccid():
    memory = {}
    car = Car(memory=memory)
    car.until("stopped")
    assert car.stop("Pause")["ResponseCode"] == "OK"
    for evccid, code in (("UEVCCTEST", "OK_OldSessionJoined"), ("X", "OK_NewSessionEstablished")):
        again = Car(memory=memory, seed=9)
        again.sap()
        again.session_id = car.session_id
        assert again.send("SessionSetup", {"EVCCID": evccid})["ResponseCode"] == code
    again = Car(memory=memory, seed=9)  # the new session has purged it
    again.sap()
    again.session_id = car.session_id
    assert again.setup()["ResponseCode"] == "OK_NewSessionEstablished"
    car = Car(pause=False)
    car.until("welded")
    assert car.stop("Pause")["ResponseCode"] == "FAILED_PauseNotAllowed"


def test_metering_confirmation_only_when_asked():
    car = Car()
    car.until("loops")
    car.secc.notify("MeteringConfirmation", 0, car.now)
    assert car.loop()["EVSEStatus"]["EVSENotification"] == "MeteringConfirmation"
    assert car.meter_reading()["ResponseCode"] == "OK"
    assert "EVSEStatus" not in car.loop() and clean(car)
    assert car.meter_reading()["ResponseCode"] == "FAILED_SequenceError"


@pytest.mark.parametrize("kind", ("Terminate", "Pause"))
def test_a_deaf_car_is_cut_off(kind):
    car = Car(notice_ms=1000, plan=PowerPlan([(0, 8000)], stop_s=1, stop=kind))
    car.until("started")
    answers = [car.loop() for _ in range(15)]
    assert answers[5]["EVSEStatus"]["EVSENotification"] == kind and answers[-1] is None
    assert car.secc.supply.output.current == 0
    assert "notification" in car.secc.summary()["violations"][0]
