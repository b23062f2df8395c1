# SPDX-License-Identifier: MIT
"""A house with sun on the roof and a tariff, and its energy manager as a station of dicts.

In Dynamic mode the manager steers: surplus into the car, the evening's load out of it, and what is
missing for the departure in the cheap hours, always within the energies and limits that the car
states. In Scheduled mode it offers powers and prices of the day to come, and the car plans.
Written for this tool: it reads only what the car sends, and never asks the car's code.
"""

import math

from evcc.iso20.units import number, rational

CHEAP_H = (0, 5)
DEAR_H = (17, 21)
CORNERS_H = (0, 5, 7, 9, 11, 12, 13, 15, 17, 19, 21, 22.5)  # of sun, load and tariff
CHEAP, NORMAL, DEAR, FEED_IN = 0.18, 0.32, 0.42, 0.08  # per kWh
MOST_W = 11000.0
_HOLD_W = 200.0  # below it the manager leaves the car alone


def sun(hour, peak_W=5000.0):
    """W from the roof."""
    share = math.sin(math.pi * (hour - 7) / 11) if 7 < hour < 18 else 0.0
    return peak_W * share**2


def load(hour):
    """W that the house draws without the car."""
    watts = 350.0
    if 6.5 <= hour < 8.5:
        watts += 900
    if 12 <= hour < 13:
        watts += 1500
    if 17 <= hour < 22.5:
        watts += 3300
    return watts


def price(hour):
    """What a kWh from the grid costs."""
    if CHEAP_H[0] <= hour < CHEAP_H[1]:
        return CHEAP
    return DEAR if DEAR_H[0] <= hour < DEAR_H[1] else NORMAL


class House:
    """Answers each request of a DC_BPT session. `pack`: what hangs on the cable. `unix()`: the
    time. `amps`: what flows now, + into the car."""

    def __init__(self, pack, unix, mode):
        self.pack = pack
        self.unix = unix
        self.mode = mode
        self.amps = 0.0
        self.profile = None  # the car's, in Scheduled mode: (anchor, [(s, W)])

    def hour(self):
        return self.unix() % 86400 / 3600

    def answer(self, name, body):
        response = getattr(self, name)(body)
        return {"ResponseCode": "OK", **response}

    def SessionSetup(self, body):
        return {"EVSEID": "DE*UEV*EHOUSE"}

    def AuthorizationSetup(self, body):
        return {"AuthorizationServices": ["EIM"], "EIM_ASResAuthorizationMode": {}}

    def Authorization(self, body):
        return {"EVSEProcessing": "Finished"}

    def ServiceDiscovery(self, body):
        services = [{"ServiceID": i, "FreeService": True} for i in (2, 6)]
        return {"EnergyTransferServiceList": {"Service": services}}

    def ServiceDetail(self, body):
        sets = []
        for n, mode in enumerate(("Scheduled", "Dynamic")):
            values = {"Connector": 2, "ControlMode": n + 1, "MobilityNeedsMode": 1, "Pricing": 1}
            parameters = [{"Name": key, "intValue": value} for key, value in values.items()]
            if mode == self.mode:
                sets.append({"ParameterSetID": n + 1, "Parameter": parameters})
        return {"ServiceID": body["ServiceID"], "ServiceParameterList": {"ParameterSet": sets}}

    def ServiceSelection(self, body):
        return {}

    def DC_ChargeParameterDiscovery(self, body):
        mode = {"EVSEMaximumVoltage": rational(1000), "EVSEMinimumVoltage": rational(150)}
        for way in ("Charge", "Discharge"):
            mode[f"EVSEMaximum{way}Power"] = rational(MOST_W)
            mode[f"EVSEMaximum{way}Current"] = rational(40)
            mode[f"EVSEMinimum{way}Power"] = mode[f"EVSEMinimum{way}Current"] = rational(0)
        return {"BPT_DC_CPDResEnergyTransferMode": mode}

    def ScheduleExchange(self, body):
        answer = {"EVSEProcessing": "Finished", "Header": {"TimeStamp": self.unix()}}
        if "Dynamic_SEReqControlMode" in body:
            return {**answer, "Dynamic_SEResControlMode": {}}
        return {
            **answer,
            "Scheduled_SEResControlMode": {
                "ScheduleTuple": [self._tuple(body["MaximumSupportingPoints"])]
            },
        }

    def _tuple(self, points):
        """From one of the day's corners to the next. From the sun's surplus charging costs what
        feeding in would have paid; giving back saves what the grid would have cost, up to the
        house's load."""
        anchor = self.unix()
        steps, up, down, buy, save = [], [], [], [], []
        at = self.hour()
        ends = [h for h in CORNERS_H if h > at] + [h + 24 for h in CORNERS_H if h <= at]
        for end in ends[:points]:
            middle = (at + end) / 2 % 24
            surplus = sun(middle) - load(middle)
            steps.append(round((end - at) * 3600))
            up.append(MOST_W if surplus <= _HOLD_W else surplus)
            buy.append(price(middle) if surplus <= _HOLD_W else FEED_IN)
            least = max(sun(h % 24) - load(h % 24) for h in (at, middle % 24, end - 0.01))
            down.append(min(0.0, max(least, -MOST_W)))
            save.append(price(middle))
            at = end

        def schedule(watts, fees):
            entries = [{"Duration": d, "Power": rational(w)} for d, w in zip(steps, watts)]
            stacks = [
                {
                    "Duration": seconds,
                    "PriceRule": [{"EnergyFee": rational(fee), "PowerRangeStart": rational(0)}],
                }
                for seconds, fee in zip(steps, fees)
            ]
            return {
                "PowerSchedule": {
                    "TimeAnchor": anchor,
                    "PowerScheduleEntries": {"PowerScheduleEntry": entries},
                },
                "AbsolutePriceSchedule": {
                    "TimeAnchor": anchor,
                    "PriceScheduleID": 1,
                    "Currency": "EUR",
                    "Language": "eng",
                    "PriceAlgorithm": "urn:iso:std:iso:15118:-20:PriceAlgorithm:1-Power",
                    "PriceRuleStacks": {"PriceRuleStack": stacks},
                },
            }

        return {
            "ScheduleTupleID": 1,
            "ChargingSchedule": schedule(up, buy),
            "DischargingSchedule": schedule(down, save),
        }

    def DC_CableCheck(self, body):
        return {"EVSEProcessing": "Finished"}

    def DC_PreCharge(self, body):
        return {"EVSEPresentVoltage": body["EVTargetVoltage"]}

    def PowerDelivery(self, body):
        profile = body.get("EVPowerProfile")
        if profile:
            entries = profile["EVPowerProfileEntries"]["EVPowerProfileEntry"]
            self.profile = (
                profile["TimeAnchor"],
                [(e["Duration"], number(e["Power"])) for e in entries],
            )
        if body["ChargeProgress"] == "Stop":
            self.amps = 0.0
        return {}

    def DC_ChargeLoop(self, body):
        if self.mode == "Dynamic":
            wish = self._steer(body["BPT_Dynamic_DC_CLReqControlMode"], body)
            self.amps = wish / number(body["EVPresentVoltage"])
        else:
            mode = body["BPT_Scheduled_DC_CLReqControlMode"]
            self.amps = number(mode["EVTargetCurrent"])
        volts = self.pack.voltage(self.amps)
        return {
            "EVSEPresentCurrent": rational(round(self.amps, 3)),
            "EVSEPresentVoltage": rational(round(volts, 3)),
            "EVSEPowerLimitAchieved": False,
            "EVSECurrentLimitAchieved": False,
            "EVSEVoltageLimitAchieved": False,
            f"BPT_{self.mode}_DC_CLResControlMode": {},
        }

    def _steer(self, mode, body):
        """W into the car, by what it states in this request."""
        hour = self.hour()
        needed = number(mode["EVTargetEnergyRequest"])
        up = min(number(mode["EVMaximumChargePower"]), MOST_W)
        down = min(number(mode["EVMaximumDischargePower"]), MOST_W)
        volts = number(body["EVPresentVoltage"])
        up = min(up, number(mode["EVMaximumChargeCurrent"]) * volts)
        down = min(down, number(mode["EVMaximumDischargeCurrent"]) * volts)
        surplus = sun(hour) - load(hour)
        late = needed > 0 and mode["DepartureTime"] < needed / max(up, 1.0) * 3600 * 1.3 + 1800
        if number(mode["EVMinimumEnergyRequest"]) > 0 or late:
            return up
        if CHEAP_H[0] <= hour < CHEAP_H[1]:
            return up if needed > 0 else 0.0
        if surplus > _HOLD_W:
            # a car without a window of its own takes as much as it can hold
            room = mode.get("EVMaximumV2XEnergyRequest", mode["EVMaximumEnergyRequest"])
            return min(surplus, up) if number(room) > 0 else 0.0
        # what the night's cheap hours bring back may go into the evening, not into the morning
        floor = number(mode.get("EVMinimumV2XEnergyRequest", mode["EVMinimumEnergyRequest"]))
        if hour >= 12 and surplus < -_HOLD_W and floor < 0:
            return -min(-surplus, down)
        return 0.0

    def DC_WeldingDetection(self, body):
        return {"EVSEPresentVoltage": rational(0)}

    def SessionStop(self, body):
        return {}
