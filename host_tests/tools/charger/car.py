# SPDX-License-Identifier: MIT
"""A scripted car: builds -20 requests by hand, hands them to a Secc, decodes what comes back.

It checks nothing itself and knows no state machine: a test says what it sends, in any order.
"""

import random

from evcc import exi

from tools.charger.secc.config import SeccConfig
from tools.charger.secc.flow import MESSAGES
from tools.charger.secc.session import Secc
from tools.charger.secc.values import number, rational

PACK_V = 400.0
BPT = {"EVMaximumDischargePower": 11000, "EVMinimumDischargePower": 0}
CHARGE = {
    "EVMaximumChargePower": 50000,
    "EVMinimumChargePower": 0,
    "EVMaximumChargeCurrent": 125,
    "EVMinimumChargeCurrent": 0,
    "EVMaximumVoltage": 450,
    "EVMinimumVoltage": 250,
}
DISCHARGE = {**BPT, "EVMaximumDischargeCurrent": 30, "EVMinimumDischargeCurrent": 0}
NEEDS = {
    "EVTargetEnergyRequest": 20000,
    "EVMaximumEnergyRequest": 30000,
    "EVMinimumEnergyRequest": -5000,
}


def values(numbers):
    return {name: rational(value) for name, value in numbers.items()}


class Car:
    """kind: "Scheduled" "Dynamic1" "Dynamic2"; settings: SeccConfig's; `now` moves by itself."""

    def __init__(self, service="DC_BPT", kind="Dynamic1", plan=None, faults=None, seed=7, **more):
        self.service, self.kind = service, kind
        self.bpt = service.endswith("BPT")
        self.now = 1000
        self.pilot = "B"
        self.session_id = bytes(8)
        self.memory = more.pop("memory", None)
        self.config = SeccConfig(**{"services": [service], **more})
        self.secc = Secc(
            self.config,
            plan,
            urandom=random.Random(seed).randbytes,
            clock=self.clock,
            pilot=self.at_pilot,
            faults=faults,
            memory=self.memory,
        )
        self.answers = []

    def clock(self):
        return 1_700_000_000 + self.now // 1000

    def at_pilot(self):
        return self.pilot

    # -- one exchange

    def send(self, name, message, payload_type=None, answer=True):
        """Encode, hand over, let the answer's time pass; returns the (last) answer or None."""
        kind, schema = MESSAGES[name]
        if name != "supportedAppProtocol":
            header = {"SessionID": self.session_id, "TimeStamp": 1_600_000_000}
            message = {"Header": header, **message}
        return self.raw(payload_type or kind, exi.encode(schema, name + "Req", message))

    def raw(self, payload_type, payload):
        self.answers = []
        replies = self.secc.handle(payload_type, payload, self.now)
        for at, kind, data in replies:
            schema = next((s for k, s in MESSAGES.values() if k == kind), None)
            try:
                self.answers.append((at, kind, *exi.decode(schema, data)))
            except (exi.EXIError, AttributeError, KeyError):
                self.answers.append((at, kind, None, data))
        if not self.answers:
            return None
        self.wait(max(0, self.answers[-1][0] - self.now))
        message = self.answers[-1][3]
        if isinstance(message, dict) and "Header" in message:
            self.session_id = bytes(message["Header"]["SessionID"])
        return message

    def wait(self, ms):
        """Let simulated time pass as the station would: from deadline to deadline."""
        end = self.now + ms
        while self.now < end:
            self.now = min(end, max(self.now + 1, self.secc.step(self.now)))
        self.secc.step(self.now)

    # -- the messages

    def sap(self, *namespaces, major=1, minor=0):
        namespaces = namespaces or ("urn:iso:std:iso:15118:-20:DC",)
        entries = [
            {
                "ProtocolNamespace": ns,
                "VersionNumberMajor": major,
                "VersionNumberMinor": minor,
                "SchemaID": i + 10,
                "Priority": i + 1,
            }
            for i, ns in enumerate(namespaces)
        ]
        return self.send("supportedAppProtocol", {"AppProtocol": entries})

    def setup(self):
        return self.send("SessionSetup", {"EVCCID": "UEVCCTEST"})

    def authorization_setup(self):
        return self.send("AuthorizationSetup", {})

    def authorize(self):
        message = {"SelectedAuthorizationService": "EIM", "EIM_AReqAuthorizationMode": {}}
        return self.send("Authorization", message)

    def discover(self):
        return self.send("ServiceDiscovery", {})

    def detail(self, number=None):
        number = number or next(iter(self.secc.services))
        return self.send("ServiceDetail", {"ServiceID": number})

    def select(self, number=None, parameter_set=None):
        number = number or next(iter(self.secc.services))
        if parameter_set is None:
            parameter_set = 1 + self.config.sets.index(self.kind)
        selected = {"ServiceID": number, "ParameterSetID": parameter_set}
        return self.send("ServiceSelection", {"SelectedEnergyTransferService": selected})

    def parameters(self, bpt=None, **changes):
        bpt = self.bpt if bpt is None else bpt
        block = {**CHARGE, **(DISCHARGE if bpt else {}), **changes}
        name = ("BPT_" if bpt else "") + "DC_CPDReqEnergyTransferMode"
        return self.send("DC_ChargeParameterDiscovery", {name: values(block)})

    def schedule(self, dynamic=None, **changes):
        dynamic = self.kind != "Scheduled" if dynamic is None else dynamic
        block = values({**NEEDS, **changes})
        if dynamic:
            block = {"DepartureTime": 7200, **block}
        name = ("Dynamic" if dynamic else "Scheduled") + "_SEReqControlMode"
        return self.send("ScheduleExchange", {"MaximumSupportingPoints": 24, name: block})

    def cable_check(self):
        return self.send("DC_CableCheck", {})

    def precharge(self, processing="Ongoing", target=PACK_V):
        present = self.secc.supply.output.voltage
        message = {
            "EVProcessing": processing,
            "EVPresentVoltage": rational(present),
            "EVTargetVoltage": rational(target),
        }
        return self.send("DC_PreCharge", message)

    def profile(self, power=5000, duration=3600, tuple_id=1, dynamic=None):
        dynamic = self.kind != "Scheduled" if dynamic is None else dynamic
        entry = {"Duration": duration, "Power": rational(power)}
        mode = (
            {"Dynamic_EVPPTControlMode": {}}
            if dynamic
            else {"Scheduled_EVPPTControlMode": {"SelectedScheduleTupleID": tuple_id}}
        )
        entries = {"EVPowerProfileEntry": [entry]}
        return {"TimeAnchor": 1_600_000_000, **mode, "EVPowerProfileEntries": entries}

    def power(self, progress, processing="Finished", profile=None):
        message = {"EVProcessing": processing, "ChargeProgress": progress}
        if progress != "Stop" and processing == "Finished":
            message["EVPowerProfile"] = profile or self.profile()
        return self.send("PowerDelivery", message)

    def loop(self, current=20.0, meter=False, block=None, pause=200, present=None, **changes):
        """Wait `pause` ms, then one loop request."""
        self.wait(pause)
        dynamic = self.kind != "Scheduled"
        if dynamic:
            limits = {k: v for k, v in CHARGE.items() if k != "EVMinimumChargeCurrent"}
            numbers = {**NEEDS, **limits}
            if self.bpt:
                numbers.update(BPT, EVMaximumDischargeCurrent=30)
        else:
            numbers = {"EVTargetCurrent": current, "EVTargetVoltage": 450}
        name = ("BPT_" if self.bpt else "") + ("Dynamic" if dynamic else "Scheduled")
        if present is None:
            present = self.secc.supply.output.voltage
        message = {
            "DisplayParameters": {"PresentSOC": 50, "ChargingComplete": False},
            "MeterInfoRequested": meter,
            "EVPresentVoltage": rational(present),
            block or name + "_DC_CLReqControlMode": values({**numbers, **changes}),
        }
        return self.send("DC_ChargeLoop", message)

    def weld(self, processing="Ongoing"):
        return self.send("DC_WeldingDetection", {"EVProcessing": processing})

    def stop(self, kind="Terminate"):
        message = {"ChargingSession": kind}
        if kind == "Terminate":
            message["EVTerminationCode"] = "0"
        return self.send("SessionStop", message)

    # -- the story, as far as wanted

    STORY = (
        "sap setup authorization_setup authorized discover detail select parameters scheduled "
        "checked precharged started loops stopped welded stop"
    ).split()

    def until(self, last):
        """The good session from its beginning up to and including `last` of STORY."""
        for name in self.STORY:
            answer = getattr(self, name)()
            if name == last:
                return answer
        raise ValueError(last)

    def _finish(self, ask):
        for _ in range(200):
            answer = ask()
            if answer["EVSEProcessing"] == "Finished":
                return answer
            self.wait(100)
        raise AssertionError("never Finished")

    def authorized(self):
        return self._finish(self.authorize)

    def scheduled(self):
        return self._finish(self.schedule)

    def checked(self):
        self.pilot = "C"
        return self._finish(self.cable_check)

    def precharged(self, target=PACK_V):
        for _ in range(50):
            answer = self.precharge(target=target)
            if abs(number(answer["EVSEPresentVoltage"]) - target) < 5:
                return self.precharge("Finished", target)
            self.wait(100)
        raise AssertionError("no voltage")

    def started(self):
        return self.power("Start")

    def loops(self, n=3):
        for _ in range(n):
            answer = self.loop()
        return answer

    def stopped(self):
        answer = self.power("Stop")
        self.pilot = "B"
        return answer

    def welded(self):
        self.wait(1000)
        self.weld()
        return self.weld("Finished")

    def meter_reading(self):
        data = {
            "SessionID": self.session_id,
            "MeterInfo": {"MeterID": "M", "ChargedEnergyReadingWh": 0},
            "Dynamic_SMDTControlMode": {},
            "Id": "id1",
        }
        return self.send("MeteringConfirmation", {"SignedMeteringData": data})

    # every request there is, by the label of the table
    REQUESTS = {
        "supportedAppProtocol": sap,
        "SessionSetup": setup,
        "AuthorizationSetup": authorization_setup,
        "Authorization": authorize,
        "ServiceDiscovery": discover,
        "ServiceDetail": detail,
        "ServiceSelection": select,
        "DC_ChargeParameterDiscovery": parameters,
        "ScheduleExchange": schedule,
        "DC_CableCheck": cable_check,
        "DC_PreCharge": precharge,
        "PowerDelivery(Start)": lambda self: self.power("Start"),
        "PowerDelivery(Stop)": lambda self: self.power("Stop"),
        "PowerDelivery(Standby)": lambda self: self.power("Standby"),
        "PowerDelivery(ScheduleRenegotiation)": lambda self: self.power("ScheduleRenegotiation"),
        "DC_ChargeLoop": lambda self: self.loop(pause=50),
        "MeteringConfirmation": meter_reading,
        "DC_WeldingDetection": weld,
        "SessionStop(Terminate)": lambda self: self.stop("Terminate"),
        "SessionStop(Pause)": lambda self: self.stop("Pause"),
        "SessionStop(ServiceRenegotiation)": lambda self: self.stop("ServiceRenegotiation"),
    }
