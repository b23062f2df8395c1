# SPDX-License-Identifier: MIT
"""A station of dicts for core tests: no EXI, no network, no time of its own.

`Station.answer(name, body)` gives the response; a test overrides single answers through `edit`,
a dict name -> function(response) or response. `Run` drives a story the way `Exchange` does.
"""

from evcc.ems import Ems
from evcc.iso20.session import Session
from evcc.iso20.units import number, rational
from evcc.params import Params
from evcc.safety import Safety
from evcc.sim_vehicle import SimVehicle

from host_tests.fakes import GIVES_BACK, FakeBoard

_SETS = (  # ControlMode, MobilityNeedsMode
    (1, 1),
    (2, 2),
    (2, 1),
)


class Station:
    """An obliging DC and DC_BPT station with an ideal power path into `board`."""

    def __init__(self, board):
        self.board = board
        self.edit = {}
        self.asked = []
        self.amps = 50.0
        self.loops_until_terminate = None

    def answer(self, name, body):
        self.asked.append((name, body))
        edit = self.edit.get(name)
        response = getattr(self, name)(body)
        response.setdefault("ResponseCode", "OK")
        return edit(response) or response if edit else response

    def names(self):
        return [name for name, _ in self.asked]

    def SessionSetup(self, body):
        return {"ResponseCode": "OK_NewSessionEstablished", "EVSEID": "DE*TST*E1"}

    def AuthorizationSetup(self, body):
        return {"AuthorizationServices": ["EIM"], "EIM_ASResAuthorizationMode": {}}

    def Authorization(self, body):
        return {"EVSEProcessing": "Finished"}

    def ServiceDiscovery(self, body):
        services = [{"ServiceID": i, "FreeService": True} for i in (1, 2, 6)]
        return {"EnergyTransferServiceList": {"Service": services}}

    def ServiceDetail(self, body):
        sets = []
        for i, (mode, needs) in enumerate(_SETS):
            parameters = [
                {"Name": "Connector", "intValue": 2},
                {"Name": "ControlMode", "intValue": mode},
                {"Name": "MobilityNeedsMode", "intValue": needs},
                {"Name": "Unheard", "finiteString": "of"},
            ]
            sets.append({"ParameterSetID": i + 1, "Parameter": parameters})
        return {"ServiceID": body["ServiceID"], "ServiceParameterList": {"ParameterSet": sets}}

    def ServiceSelection(self, body):
        return {}

    def DC_ChargeParameterDiscovery(self, body):
        bpt = "BPT_DC_CPDReqEnergyTransferMode" in body
        mode = {
            "EVSEMaximumChargePower": rational(50000),
            "EVSEMinimumChargePower": rational(0),
            "EVSEMaximumChargeCurrent": rational(125),
            "EVSEMinimumChargeCurrent": rational(0),
            "EVSEMaximumVoltage": rational(1000),
            "EVSEMinimumVoltage": rational(150),
        }
        if bpt:
            for kind, value in (("Power", 10000), ("Current", 25)):
                mode["EVSEMaximumDischarge" + kind] = rational(value)
                mode["EVSEMinimumDischarge" + kind] = rational(0)
        return {("BPT_" if bpt else "") + "DC_CPDResEnergyTransferMode": mode}

    def ScheduleExchange(self, body):
        if "Dynamic_SEReqControlMode" in body:
            return {"EVSEProcessing": "Finished", "Dynamic_SEResControlMode": {}}
        entries = [{"Duration": 3600, "Power": rational(20000)}]
        power = {"TimeAnchor": 0, "PowerScheduleEntries": {"PowerScheduleEntry": entries}}
        schedule = {"ScheduleTupleID": 7, "ChargingSchedule": {"PowerSchedule": power}}
        return {
            "EVSEProcessing": "Finished",
            "Scheduled_SEResControlMode": {"ScheduleTuple": [schedule]},
        }

    def DC_CableCheck(self, body):
        assert self.board.c and self.board.is_locked and not self.board.closed
        return {"EVSEProcessing": "Finished"}

    def DC_PreCharge(self, body):
        assert not self.board.closed
        target = number(body["EVTargetVoltage"])
        self.board.volts += (target - self.board.volts) * 0.6
        return {"EVSEPresentVoltage": rational(self.board.volts)}

    def PowerDelivery(self, body):
        if body["ChargeProgress"] == "Start":
            assert self.board.closed
        else:
            self.board.amps = 0.0
        return {}

    def DC_ChargeLoop(self, body):
        assert self.board.closed and self.board.c
        mode = next(body[key] for key in body if key.endswith("CLReqControlMode"))
        if "EVTargetCurrent" in mode:
            self.board.amps = number(mode["EVTargetCurrent"])
        else:
            self.board.amps = min(self.amps, number(mode["EVMaximumChargeCurrent"]))
        response = {
            "EVSEPresentCurrent": rational(self.board.amps),
            "EVSEPresentVoltage": rational(400),
            "EVSEPowerLimitAchieved": False,
            "EVSECurrentLimitAchieved": False,
            "EVSEVoltageLimitAchieved": False,
            "Dynamic_DC_CLResControlMode": {},
        }
        if self.loops_until_terminate is not None:
            self.loops_until_terminate -= 1
            if self.loops_until_terminate <= 0:
                response["EVSEStatus"] = {
                    "NotificationMaxDelay": 0,
                    "EVSENotification": "Terminate",
                }
        return response

    def DC_WeldingDetection(self, body):
        assert not self.board.closed and not self.board.c
        self.board.volts *= 0.2
        return {"EVSEPresentVoltage": rational(self.board.volts)}

    def SessionStop(self, body):
        assert not self.board.closed and not self.board.c
        return {}


class Run:
    """A session against a Station, step by step, in simulated time."""

    def __init__(self, **settings):
        self.board = FakeBoard()
        self.params = Params()
        for name, value in {**GIVES_BACK, **settings}.items():
            self.params.set(name, value)
        self.vehicle = SimVehicle(self.board, self.params)
        self.ems = Ems(self.vehicle, self.params, 1000)
        self.safety = Safety(self.board, self.ems, self.params)
        self.session = Session(self.ems, self.safety, self.params, "EVCC1", unix=1000)
        self.station = Station(self.board)
        self.now = 0
        self.before = None  # called with the name before each answer
        self.sent_at = []
        self.advance(40)

    def advance(self, ms):
        end = self.now + ms
        while self.now < end:
            self.now = min(self.now + 20, end)
            self.ems.update(self.now)
            self.safety.tick(self.now)
            self.safety.poll()

    def run(self, most=1000):
        """To the end of the story; raises what it raises."""
        story = self.session.story()
        wish = next(story)
        for _ in range(most):
            if isinstance(wish, int):
                self.advance(wish)
                wish = story.send(None)
                continue
            self.session.sent = self.now
            self.sent_at.append((wish[0], self.now))
            if self.before:
                self.before(wish[0])
            response = self.station.answer(*wish)
            self.advance(40)
            self.session.now = self.now
            try:
                wish = story.send(response)
            except StopIteration:
                self.advance(40)
                return self
        raise AssertionError("the story did not end: %s" % self.station.names()[-5:])
