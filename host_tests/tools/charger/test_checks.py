# SPDX-License-Identifier: MIT
"""What the station checks in a request: response codes by rule, and what its judge writes down."""

import random

import pytest
from evcc import exi

from host_tests.tools.charger.car import PACK_V, Car
from tools.charger.power import PowerPlan
from tools.charger.secc.flow import DC, MAIN, MESSAGES, SAP
from tools.charger.secc.values import number, rational


def blames(car):
    return {text.partition(":")[0] for text in car.secc.summary()["violations"]}


def refused(car, answer, code):
    assert answer["ResponseCode"] == code
    assert car.secc.state == "Ended" and not car.secc.supply.output.on
    assert car.secc.summary()["good"] is False
    return True


# -- supportedAppProtocol


@pytest.mark.parametrize(
    "offer, code, schema",
    [
        (("urn:iso:std:iso:15118:-20:DC",), "OK_SuccessfulNegotiation", 10),
        (("urn:iso:15118:2:2013:MsgDef", "urn:iso:std:iso:15118:-20:DC"), None, 11),
        (("urn:iso:std:iso:15118:-20:AC",), "Failed_NoNegotiation", None),
    ],
)
def test_protocol_choice(offer, code, schema):
    car = Car()
    answer = car.sap(*offer)
    assert answer["ResponseCode"] == (code or "OK_SuccessfulNegotiation")
    assert answer.get("SchemaID") == schema


def test_protocol_by_priority_not_by_place():
    car = Car()
    entry = {"ProtocolNamespace": "urn:iso:std:iso:15118:-20:DC", "VersionNumberMajor": 1}
    entries = [
        {**entry, "VersionNumberMinor": 0, "SchemaID": 1, "Priority": 9},
        {**entry, "VersionNumberMinor": 0, "SchemaID": 2, "Priority": 3},
    ]
    answer = car.send("supportedAppProtocol", {"AppProtocol": entries})
    assert answer["SchemaID"] == 2


def test_protocol_versions():
    assert Car().sap(minor=1)["ResponseCode"].endswith("WithMinorDeviation")
    assert Car().sap(major=2)["ResponseCode"] == "Failed_NoNegotiation"


# -- session id, services, authorization


@pytest.mark.parametrize("last", Car.STORY[1:-1])
def test_wrong_session_id_at_every_message(last):
    car = Car()
    car.until(last)
    car.session_id = bytes(8)
    name = Car.STORY[Car.STORY.index(last) + 1]
    single = {
        "authorized": Car.authorize,
        "scheduled": Car.schedule,
        "checked": Car.cable_check,
        "precharged": Car.precharge,
        "loops": Car.loop,
        "welded": Car.weld,
    }
    answer = single.get(name, getattr(Car, name))(car)
    assert refused(car, answer, "FAILED_UnknownSession")
    assert blames(car) == {"session id"}


def test_session_ids_are_random_and_not_zero():
    ids = set()
    for seed in range(5):
        car = Car(seed=seed)
        car.until("setup")
        ids.add(car.session_id)
    assert len(ids) == 5 and bytes(8) not in ids


def test_authorization_takes_its_time_and_can_refuse():
    car = Car(authorization_ms=1000)
    car.until("authorization_setup")
    assert car.authorize()["EVSEProcessing"] == "Ongoing"
    car.wait(1000)
    assert car.authorize()["EVSEProcessing"] == "Finished"
    car = Car(authorization="refuse")
    car.until("authorization_setup")
    assert car.authorized()["ResponseCode"] == "WARNING_EIMAuthorizationFailure"


def test_services_and_sets():
    car = Car(services=["DC", "DC_BPT"])
    answer = car.until("discover")
    listed = [s["ServiceID"] for s in answer["EnergyTransferServiceList"]["Service"]]
    assert listed == [2, 6]
    sets = car.detail(6)["ServiceParameterList"]["ParameterSet"]
    modes = []
    for entry in sets:
        p = {x["Name"]: x["intValue"] for x in entry["Parameter"]}
        modes.append((p["ControlMode"], p["MobilityNeedsMode"], p["Pricing"]))
        assert (p["BPTChannel"], p["GeneratorMode"], p["Connector"]) == (1, 1, 2)
    assert modes == [(1, 1, 1), (2, 1, 0), (2, 2, 0)]
    plain = car.detail(2)["ServiceParameterList"]["ParameterSet"][0]["Parameter"]
    assert "BPTChannel" not in [p["Name"] for p in plain]


def test_mcs_has_its_own_connector_codes():
    answer = Car("MCS", connector=2).until("detail")
    parameters = answer["ServiceParameterList"]["ParameterSet"][0]["Parameter"]
    assert {p["Name"]: p["intValue"] for p in parameters}["Connector"] == 1


def test_service_errors():
    car = Car()
    car.until("discover")
    assert refused(car, car.detail(1), "FAILED_ServiceIDInvalid")
    for number_, set_, code in (
        (2, 1, "FAILED_ServiceSelectionInvalid"),
        (99, 1, "FAILED_NoEnergyTransferServiceSelected"),
        (6, 4, "FAILED_ServiceSelectionInvalid"),
    ):
        car = Car()
        car.until("detail")
        assert refused(car, car.select(number_, set_), code)


# -- charge parameters, schedule


@pytest.mark.parametrize(
    "service, changes",
    [
        ("DC", {"bpt": True}),
        ("DC_BPT", {"bpt": False}),
        ("DC", {"EVMinimumVoltage": 500}),
        ("DC", {"EVMinimumChargePower": 60000}),
        ("DC_BPT", {"EVMinimumDischargeCurrent": 40}),
        ("DC", {"EVMaximumVoltage": 100, "EVMinimumVoltage": 50}),
    ],
)
def test_wrong_charge_parameters(service, changes):
    car = Car(service)
    car.until("select")
    assert refused(car, car.parameters(**changes), "FAILED_WrongChargeParameter")


def test_schedule_of_the_other_mode():
    for kind in ("Scheduled", "Dynamic1"):
        car = Car(kind=kind)
        car.until("parameters")
        answer = car.schedule(dynamic=kind == "Scheduled")
        assert refused(car, answer, "FAILED_WrongChargeParameter")


def test_needs_of_the_station_only_in_mode_2():
    assert Car(kind="Dynamic1").until("scheduled")["Dynamic_SEResControlMode"] == {}
    answer = Car(kind="Dynamic2", target_soc=77).until("scheduled")
    assert answer["Dynamic_SEResControlMode"]["TargetSOC"] == 77


def test_schedule_shows_plan_and_prices():
    plan = PowerPlan([(0, 11000), (60, -7000)], stop_s=100)
    answer = Car(kind="Scheduled", plan=plan).until("scheduled")
    (entry,) = answer["Scheduled_SEResControlMode"]["ScheduleTuple"]
    for block, watts in (("ChargingSchedule", [11000, 0]), ("DischargingSchedule", [0, -7000])):
        power = entry[block]["PowerSchedule"]["PowerScheduleEntries"]["PowerScheduleEntry"]
        assert [p["Duration"] for p in power] == [60, 40]
        assert [number(p["Power"]) for p in power] == watts
        assert entry[block]["AbsolutePriceSchedule"]["Currency"] == "EUR"


def test_energy_order_is_judged():
    car = Car()
    car.until("parameters")
    car.schedule(EVMinimumEnergyRequest=25000)
    assert blames(car) == {"energies"}


@pytest.mark.parametrize(
    "profile, code",
    [
        ({"power": 9000}, "FAILED_EVPowerProfileInvalid"),
        ({"power": -9000}, "FAILED_EVPowerProfileInvalid"),
        ({"duration": 90000}, "FAILED_EVPowerProfileInvalid"),
        ({"tuple_id": 2}, "FAILED_ScheduleSelectionInvalid"),
        ({"dynamic": True}, "FAILED_EVPowerProfileInvalid"),
        ({"power": 8000}, "OK"),
    ],
)
def test_power_profile(profile, code):
    car = Car(kind="Scheduled", plan=PowerPlan([(0, 8000)]))
    car.until("precharged")
    assert car.power("Start", profile=car.profile(**profile))["ResponseCode"] == code


# -- cable check, precharge, loop: pilot, voltage, limits, time


def test_cable_check_needs_pilot_c():
    car = Car()
    car.until("scheduled")
    assert refused(car, car.cable_check(), "FAILED") and blames(car) == {"pilot"}


def test_cable_check_voltage_comes_and_goes():
    car = Car(cable_check_ms=1000)
    car.until("scheduled")
    car.pilot = "C"
    car.cable_check()
    car.wait(500)
    assert car.secc.supply.output.voltage == 450  # the car's maximum is below the check's 500
    car.wait(500)
    assert car.cable_check()["EVSEProcessing"] == "Finished"
    car.wait(1000)
    assert car.secc.supply.output.voltage < 60


def test_start_without_voltage_is_refused():
    car = Car()
    car.until("checked")
    car.secc.supply.output.volt_s = 100
    car.precharge("Finished", 400)
    assert refused(car, car.power("Start"), "FAILED_PowerDeliveryNotApplied")


def test_precharge_above_the_limits_is_judged_and_clamped():
    car = Car()
    car.until("checked")
    car.precharge(target=5000)
    car.wait(1000)
    assert blames(car) == {"limits"} and car.secc.supply.output.voltage == 450


def test_pilot_b_in_the_loop_stops_the_current():
    car = Car()
    car.until("loops")
    assert car.secc.supply.output.current > 1
    car.pilot = "B"
    car.wait(20)
    assert car.secc.supply.output.current == 0
    assert car.loop()["EVSEStatus"]["EVSENotification"] == "Terminate"
    assert blames(car) == {"pilot"}


def test_unplugging_ends_the_session():
    car = Car()
    car.until("loops")
    car.pilot = "A"
    car.wait(20)
    assert car.secc.state == "Ended" and car.secc.supply.output.current == 0


def test_late_loop_requests():
    car = Car()
    car.until("loops")
    car.loop(pause=480)
    assert blames(car) == set() and car.secc.counters["slow loop request"] == 1
    assert car.loop(pause=520) is None
    assert "late" in blames(car) and car.secc.state == "Ended"
    car = Car(loop_timeout_ms=2000)
    car.until("loops")
    assert car.loop(pause=900)["ResponseCode"] == "OK"
    assert blames(car) == {"late"} and car.secc.state == "DC_ChargeLoop"


def test_sequence_timeout():
    car = Car()
    car.until("detail")
    car.wait(59_900)
    assert car.secc.state == "ServiceDetail"
    car.wait(200)
    assert car.secc.state == "Ended" and car.secc.close_at


def test_request_before_the_answer():
    car = Car(response_ms=100)
    car.until("setup")
    car.now -= 90
    car.authorization_setup()
    assert blames(car) == {"early"}


@pytest.mark.parametrize(
    "kind, block",
    [
        ("Dynamic1", "BPT_Scheduled_DC_CLReqControlMode"),
        ("Scheduled", "Scheduled_DC_CLReqControlMode"),
    ],
)
def test_loop_block_of_the_other_service(kind, block):
    car = Car("DC_BPT", kind)
    car.until("started")
    changes = {"EVTargetCurrent": 10, "EVTargetVoltage": 400}
    name = block
    header = {"MeterInfoRequested": False, "EVPresentVoltage": rational(PACK_V)}
    answer = car.send(
        "DC_ChargeLoop", {**header, name: {k: rational(v) for k, v in changes.items()}}
    )
    assert refused(car, answer, "FAILED_WrongChargeParameter")


def test_targets_above_the_offer_are_judged_and_clamped():
    car = Car(kind="Scheduled", plan=PowerPlan([(0, 8000)]))
    car.until("loops")
    car.loop(current=300)
    assert blames(car) == {"limits"}
    answer = car.loop(current=300)
    assert number(answer["EVSEPresentCurrent"]) == pytest.approx(20, abs=0.1)  # 8 kW at 400 V
    assert answer["EVSEPowerLimitAchieved"] is True


def test_negative_limits_are_judged_and_taken_as_magnitudes():
    car = Car()
    car.until("loops")
    car.loop(EVMaximumDischargePower=-11000)
    assert "sign" in blames(car) and car.secc.supply.car.discharge_power == 11000


def test_meter_info_when_asked():
    car = Car()
    car.until("loops")
    assert "MeterInfo" not in car.loop()
    assert car.loop(meter=True)["MeterInfo"]["MeterID"] == car.config.meter_id


# -- bytes


def test_unknown_payload_types_are_skipped():
    car = Car()
    car.until("setup")
    for kind in (0x8006, 0x8101, 0x9000, 0xA000):
        assert car.raw(kind, b"\x80\x00") is None
    assert car.authorization_setup()["ResponseCode"] == "OK"
    assert car.secc.counters["unknown payload type"] == 4


def test_undecodable_and_misplaced_requests_end_the_session():
    for kind, data in ((MAIN, b"\x80\xff\xff"), (DC, b""), (SAP, b"\x00")):
        car = Car()
        car.until("setup")
        assert car.raw(kind, data) is None
        assert car.secc.state == "Ended" and blames(car) == {"undecodable"}


def test_any_bytes_never_raise():
    good = []
    car = Car()
    real = car.secc.handle
    car.secc.handle = lambda kind, data, now: (
        good.append((kind, bytes(data))),
        real(kind, data, now),
    )[1]
    car.until("stop")
    rng = random.Random(5)
    for _ in range(400):
        last = rng.choice(Car.STORY[:3])
        car = Car()
        car.until(last)
        kind, data = rng.choice(good)
        data = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        car.secc.state = rng.choice(
            ["DC_ChargeLoop", "ServiceDetail", "DC_CableCheck", "SessionSetup"]
        )
        if car.secc.state == "DC_ChargeLoop":
            car.secc.choose(next(iter(car.secc.services.values())), car.secc.services[6].sets[1])
        car.raw(kind, bytes(data))
        car.wait(300)


def test_every_filler_can_be_encoded():
    """A FAILED answer to any request of the streams served fits its schema."""
    from tools.charger.secc.session import FILLER, HANDLERS

    for name in HANDLERS:
        if name == "supportedAppProtocol":
            continue
        header = {"SessionID": bytes(8), "TimeStamp": 1}
        message = {"Header": header, "ResponseCode": "FAILED", **FILLER.get(name, {})}
        _, schema = MESSAGES[name]
        assert exi.decode(schema, exi.encode(schema, name + "Res", message))[0] == name + "Res"
