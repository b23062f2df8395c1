# SPDX-License-Identifier: MIT
"""Leaving the charge loop and coming back, through every layer: another schedule, another
service, standby, metering; from either side, allowed or refused by the station.
"""

import pytest

from host_tests.sim.rig import Rig

MODES = [("DC_BPT", "Dynamic"), ("DC", "Scheduled")]


def story(rig):
    """Requests of the newest session, repeats once; PowerDelivery, SessionStop with argument."""
    found = []
    for entry in rig.station.log:
        if entry.direction == "request":
            name = entry.name[:-3]
            which = entry.message.get("ChargeProgress") or entry.message.get("ChargingSession")
            name += "(%s)" % which if which else ""
            if found[-1:] != [name]:
                found.append(name)
    return found


def between(rig, first, nth=1):
    """The story from the nth `first` on to the next charge loop."""
    names = story(rig)
    for _ in range(nth):
        names = names[names.index(first) :]
        rest = names[1:]
        if nth > 1:
            names, nth = rest, nth - 1
    return names[: names.index("DC_ChargeLoop") + 1]


def played(rig, result="STATION_TERMINATE"):
    assert rig.run(), rig.outcome
    assert rig.acted
    assert rig.outcome["result"] == result, rig.outcome
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    assert rig.station.secc.violations == type(rig.station.secc.violations)()
    rig.check_safe()
    return rig


def notified(what, station=None, settings=None, after=1):
    row = {"do": "notify", "after_s": after, "notification": what, "delay_s": 30}
    return Rig([row], station=station, settings=settings)


RENEGOTIATED = [
    "PowerDelivery(ScheduleRenegotiation)",
    "ScheduleExchange",
    "PowerDelivery(Start)",
    "DC_ChargeLoop",
]


@pytest.mark.shows(
    "schedule renegotiation", "by the station: {service} {mode}", peer="our station"
)
@pytest.mark.parametrize("service, mode", MODES)
def test_another_schedule_by_the_station(service, mode):
    settings = {"services": service, "control_mode": mode}
    rig = played(notified("ScheduleRenegotiation", settings=settings))
    assert between(rig, RENEGOTIATED[0]) == RENEGOTIATED
    assert story(rig).count(RENEGOTIATED[0]) == 1
    assert rig.plant.contactors.operations == 2  # closed all the time
    assert rig.outcome["control_mode"] == mode


@pytest.mark.shows("schedule renegotiation", "by the car: {service} {mode}", peer="our station")
@pytest.mark.parametrize("service, mode", MODES)
def test_another_schedule_by_the_driver(service, mode):
    rig = Rig(settings={"services": service, "control_mode": mode})
    rig.at("DC_ChargeLoop", lambda: rig.controller.renegotiate(), 5)
    played(rig)
    assert between(rig, RENEGOTIATED[0]) == RENEGOTIATED


def test_another_schedule_by_the_car():
    rig = Rig()
    wishes = [None]
    rig.controller.vehicle.wish = lambda: wishes[0]
    rig.at("DC_ChargeLoop", lambda: wishes.__setitem__(0, "renegotiate"), 5)
    played(rig)
    assert story(rig).count(RENEGOTIATED[0]) == 1  # once a wish


@pytest.mark.parametrize("who", ["station", "driver"])
def test_the_old_schedule_stays_where_there_is_no_other(who):
    station = {"schedule_renegotiation": False}
    if who == "station":
        rig = notified("ScheduleRenegotiation", station)
    else:
        rig = Rig(station=station)
        rig.at("DC_ChargeLoop", lambda: rig.controller.renegotiate(), 5)
    played(rig)
    assert between(rig, RENEGOTIATED[0]) == [RENEGOTIATED[0], "DC_ChargeLoop"]
    assert rig.outcome["loops"] > 10


def test_stop_while_the_schedule_is_made():
    rig = notified("ScheduleRenegotiation", {"schedule_ms": 3000})
    rig.at("ScheduleExchange", lambda: rig.controller.stop(), 16)
    played(rig, "USER_STOP")
    names = story(rig)
    assert names[names.index(RENEGOTIATED[0]) :][:3] == [
        RENEGOTIATED[0],
        "ScheduleExchange",
        "PowerDelivery(Stop)",
    ]
    assert names[-2:] == ["DC_WeldingDetection", "SessionStop(Terminate)"]


SERVICE = ["SessionStop(ServiceRenegotiation)", "ServiceDiscovery", "ServiceDetail"]


@pytest.mark.shows("service renegotiation", "by the {who}", peer="our station")
@pytest.mark.parametrize("who", ["station", "driver"])
def test_another_service(who):
    """Authorization stays; the car may choose anew, here by other settings."""
    if who == "station":
        rig = notified("ServiceRenegotiation")
    else:
        rig = Rig()
        rig.at("DC_ChargeLoop", lambda: rig.controller.renegotiate(service=True), 5)

    def other():
        rig.controller.params.services = "DC"
        rig.station.scenario.rows.clear()

    rig.at("PowerDelivery", other, 2)
    played(rig)
    names = story(rig)
    at = names.index(SERVICE[0])
    assert names[at - 1] == "DC_WeldingDetection" and names[at : at + 3] == SERVICE
    assert names.count("Authorization") == 1 and names.count("PowerDelivery(Start)") == 2
    assert rig.outcome["service"] == "DC" and rig.plant.contactors.operations == 4
    assert rig.controller.sessions == 1


def test_another_service_where_that_is_not_supported():
    rig = Rig(station={"service_renegotiation": False})
    asked = []
    rig.at("DC_ChargeLoop", lambda: asked.append(rig.controller.renegotiate(service=True)), 5)
    played(rig)
    assert asked == [False] and SERVICE[0] not in story(rig)
    rig = notified("ServiceRenegotiation", {"service_renegotiation": False})
    rig.at("DC_ChargeLoop", lambda: rig.controller.stop(), 20)
    assert rig.run() and rig.outcome["forced_openings"] == 0
    assert SERVICE[0] not in story(rig) and rig.outcome["loops"] > 5


STANDBY = ["PowerDelivery(Standby)", "DC_ChargeLoop", "DC_PreCharge", "PowerDelivery(Start)"]


@pytest.mark.shows("standby", "{service} {mode}", peer="our station")
@pytest.mark.parametrize("service, mode", MODES)
@pytest.mark.parametrize("leave", ["station", "driver"])
def test_standby(service, mode, leave):
    settings = {"services": service, "control_mode": mode}
    rig = Rig(station={"standby": True}, settings=settings, steps=((0, 11000), (60, 11000)))
    rig.station.plan.stop_s = 9
    rig.at("DC_ChargeLoop", lambda: rig.controller.standby(), 5)
    seen = []

    def look():
        seen.append((rig.plant.contactors.closed, rig.pilot.state, rig.plant.current))
        if leave == "driver":
            rig.controller.resume()
        else:
            rig.station.secc.notify("ExitStandby", 10, rig.world.now)

    rig.at("DC_ChargeLoop", look, 30)
    played(rig)
    names = story(rig)
    at = names.index(STANDBY[0])
    assert names[at : at + 5] == [*STANDBY, "DC_ChargeLoop"]
    assert seen == [(False, "B", 0.0)]
    assert rig.plant.contactors.operations == 4 and len(rig.plant.opened_at) == 2
    assert all(abs(amps) < 1 for amps in rig.plant.opened_at)


def test_standby_by_the_car_for_as_long_as_it_wants():
    rig = Rig(station={"standby": True})
    rig.station.plan.stop_s = 9
    wishes = [None]
    rig.controller.vehicle.wish = lambda: wishes[0]
    rig.at("DC_ChargeLoop", lambda: wishes.__setitem__(0, "standby"), 5)
    rig.at("DC_ChargeLoop", lambda: wishes.__setitem__(0, None), 25)
    played(rig)
    assert story(rig).count(STANDBY[0]) == 1 and "DC_PreCharge" in story(rig)[-9:]


def test_standby_refused_is_a_loop_without_power():
    rig = Rig()
    rig.station.plan.stop_s = 9
    rig.at("DC_ChargeLoop", lambda: rig.controller.standby(), 5)
    flowing = []
    rig.at("DC_ChargeLoop", lambda: flowing.append(rig.plant.current), 25)
    rig.at("DC_ChargeLoop", lambda: rig.controller.resume(), 26)
    rig.at("DC_ChargeLoop", lambda: flowing.append(rig.plant.current), 38)
    played(rig)
    assert story(rig).count(STANDBY[0]) == 1 and rig.plant.contactors.operations == 2
    assert abs(flowing[0]) < 1 and flowing[1] > 5


@pytest.mark.parametrize("message", ["DC_ChargeLoop", "DC_PreCharge", "PowerDelivery"])
def test_stop_in_and_after_standby(message):
    rig = Rig(station={"standby": True})
    rig.station.plan.stop_s = 20
    rig.at("DC_ChargeLoop", lambda: rig.controller.standby(), 5)
    if message == "DC_ChargeLoop":
        rig.at(message, lambda: rig.controller.stop(), 30)
    else:

        def leave():
            rig.controller.resume()
            rig.at(message, lambda: rig.controller.stop(), 2 if message == "DC_PreCharge" else 1)

        rig.at("DC_ChargeLoop", leave, 25)
    played(rig, "USER_STOP")
    assert story(rig)[-1] == "SessionStop(Terminate)"


def test_pause_from_standby():
    rig = Rig(station={"standby": True})
    rig.station.plan.stop_s = 20
    rig.at("DC_ChargeLoop", lambda: rig.controller.standby(), 5)
    rig.at("DC_ChargeLoop", lambda: rig.controller.pause(), 25)
    rig.run()
    assert rig.outcome["result"] == "USER_PAUSE" and rig.controller.state == "paused"
    assert rig.violations() == []


class Signer:
    """As Plug and Charge will bring one: some slices of work, then a signature of the form."""

    def __init__(self, slices=4):
        self.slices = slices
        self.asked = []

    def begin(self, name, element):
        self.asked.append((name, dict(element)))
        self.left = self.slices

    def step(self):
        self.left -= 1
        if self.left:
            return None
        method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"
        digest = "http://www.w3.org/2001/04/xmlenc#sha512"
        canonical = {"Algorithm": "http://www.w3.org/TR/canonical-exi/"}
        reference = {
            "URI": "#id1",
            "Transforms": {"Transform": [canonical]},
            "DigestMethod": {"Algorithm": digest},
            "DigestValue": bytes(64),
        }
        return {
            "SignedInfo": {
                "CanonicalizationMethod": canonical,
                "SignatureMethod": {"Algorithm": method},
                "Reference": [reference],
            },
            "SignatureValue": {"value": bytes(132)},
        }


def sign(rig, signer, timer=True):
    """Who signs, and on a board whose timer guards power meanwhile."""
    rig.controller.session.signer = signer
    if timer:
        rig.controller.safety.timed = True
        rig.board.timer(rig.controller.safety.on_timer)


def test_no_metering_where_nothing_guards_power_meanwhile(caplog):
    caplog.set_level("WARNING", "evcc")
    rig = notified("MeteringConfirmation")
    signer = Signer()
    rig.at("PowerDelivery", lambda: sign(rig, signer, False))
    rig.at("DC_ChargeLoop", lambda: rig.controller.stop(), 30)
    rig.run()
    assert not signer.asked and "MeteringConfirmation" not in story(rig)
    assert "no timer guards power" in caplog.text and rig.outcome["loops"] > 5


@pytest.mark.shows("metering confirmation", "signature by a stub", peer="our station")
@pytest.mark.parametrize("service, mode", MODES)
def test_metering_with_a_signer(service, mode):
    settings = {"services": service, "control_mode": mode}
    rig = notified("MeteringConfirmation", settings=settings)
    signer = Signer()
    rig.at("PowerDelivery", lambda: sign(rig, signer))
    played(rig)
    names = story(rig)
    assert names.count("MeteringConfirmation") == 1
    at = names.index("MeteringConfirmation")
    assert names[at - 1] == names[at + 1] == "DC_ChargeLoop"
    [(name, data)] = signer.asked
    shown = [e.message["MeterInfo"] for e in rig.station.log if "MeterInfo" in e.message]
    assert name == "SignedMeteringData" and data["MeterInfo"] in shown and len(shown) <= 3
    request = next(e.message for e in rig.station.log if e.name == "MeteringConfirmationReq")
    assert request["Header"]["Signature"]["SignatureValue"]
    assert request["SignedMeteringData"]["MeterInfo"] == data["MeterInfo"]
    later = [e.message for e in rig.station.log if e.name == "SessionStopReq"]
    assert "Signature" not in later[0]["Header"]
    # the loop went on while it was signed
    loops = [e.ms for e in rig.station.log if e.name == "DC_ChargeLoopReq"]
    assert max(b - a for a, b in zip(loops, loops[1:])) < 450


def test_metering_without_a_signer_is_said_once(caplog):
    caplog.set_level("WARNING", "evcc")  # whatever another test has set
    rig = notified("MeteringConfirmation")
    # the station waits for it as long as the session lasts
    rig.at("DC_ChargeLoop", lambda: rig.controller.stop(), 30)
    rig.run()
    assert rig.outcome["loops"] > 25 and "MeteringConfirmation" not in story(rig)
    said = [r for r in caplog.records if "not confirmed" in r.getMessage()]
    assert len(said) == 1


def test_metering_signature_that_is_not_valid():
    rows = [
        {"do": "notify", "after_s": 1, "notification": "MeteringConfirmation"},
        {"do": "code", "at": "MeteringConfirmation", "code": "FAILED_MeteringSignatureNotValid"},
    ]
    rig = Rig(rows)
    rig.at("PowerDelivery", lambda: sign(rig, Signer()))
    assert rig.run()
    assert rig.outcome["result"] == "RESPONSE_FAILED"
    assert "MeteringSignatureNotValid" in rig.outcome["detail"]
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    rig.check_safe()


@pytest.mark.parametrize("service, mode", MODES)
def test_another_schedule_beside_the_loop(service, mode):
    settings = {"services": service, "control_mode": mode, "side_streams": "schedule"}
    rig = played(notified("ScheduleRenegotiation", {"schedule_ms": 1500}, settings))
    assert between(rig, RENEGOTIATED[0]) == [RENEGOTIATED[0], *RENEGOTIATED[2:]]
    assert rig.station.secc.counters["side stream 0x8101"] > 3
    loops = [e.ms for e in rig.station.log if e.name == "DC_ChargeLoopReq"]
    assert max(b - a for a, b in zip(loops, loops[1:])) < 450
    assert rig.controller.sessions == 1


def test_metering_beside_the_loop():
    rig = notified("MeteringConfirmation", settings={"side_streams": "schedule, metering"})
    rig.at("PowerDelivery", lambda: sign(rig, Signer()))
    played(rig)
    assert rig.station.secc.counters["side stream 0x8102"] == 1


@pytest.mark.parametrize(
    "do, reason",
    [
        ({"do": "withhold"}, "MESSAGE_TIMEOUT"),
        ({"do": "code", "code": "FAILED"}, "RESPONSE_FAILED"),
        ({"do": "session_id"}, "WRONG_SESSION_ID"),
        ({"do": "undecodable"}, "UNDECODABLE"),
        ({"do": "type", "message": "ServiceDiscoveryRes"}, "WRONG_MESSAGE"),
    ],
)
def test_faults_on_a_side_stream(do, reason):
    rows = [
        {"do": "notify", "after_s": 1, "notification": "MeteringConfirmation"},
        dict(do, at="MeteringConfirmation"),
    ]
    rig = Rig(rows, settings={"side_streams": "metering"})
    rig.at("PowerDelivery", lambda: sign(rig, Signer()))
    rig.station.plan.stop_s = 8
    assert rig.run()
    assert rig.outcome["result"] == reason, rig.outcome
    assert rig.violations() == [] and rig.outcome["forced_openings"] == 0
    rig.check_safe()
