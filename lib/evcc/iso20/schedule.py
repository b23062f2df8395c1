# SPDX-License-Identifier: MIT
"""ScheduleExchange and PowerDelivery(Start) of ISO 15118-20 8.3.4.3, for every energy service.

The first schedule offered is taken and the car's power profile is made of it. Price schedules
and discharging schedules are skipped. Not needed in the charge loop.
"""

from evcc.compat import const
from evcc.iso20.units import number, rational

_POINTS = const(12)  # MaximumSupportingPoints: what a schedule may have, the least allowed
_DAY_S = const(86400)


def request(s):
    """ScheduleExchangeReq of the chosen control mode."""
    d = s.vehicle.demand()
    mode = {
        "DepartureTime": d.departure_s,
        "EVTargetEnergyRequest": rational(d.target_energy),
        "EVMaximumEnergyRequest": rational(d.max_energy),
        "EVMinimumEnergyRequest": rational(d.min_energy),
    }
    if s.selected.control_mode == "Scheduled":
        return {"MaximumSupportingPoints": _POINTS, "Scheduled_SEReqControlMode": mode}
    if s.selected.mobility_needs_mode == 1:
        mode["MinimumSOC"] = d.min_soc
        mode["TargetSOC"] = d.target_soc
    if s.selected.bpt and d.max_v2x_energy is not None:
        mode["EVMaximumV2XEnergyRequest"] = rational(d.max_v2x_energy)
        mode["EVMinimumV2XEnergyRequest"] = rational(d.min_v2x_energy)
    return {"MaximumSupportingPoints": _POINTS, "Dynamic_SEReqControlMode": mode}


def profile(s, offer, most, phases=1):
    """PowerDeliveryReq(Start) to the ScheduleExchangeRes `offer`, never above `most` W.

    A profile is always sent: some stations insist on it in Dynamic too. `phases`: 3 = values of
    a schedule's L2 and L3 are ours too. `s.plan` remembers the schedule.
    """
    power_profile = {"TimeAnchor": s.unix()}
    if s.selected.control_mode == "Scheduled":
        chosen = offer["Scheduled_SEResControlMode"]["ScheduleTuple"][0]
        power = chosen["ChargingSchedule"]["PowerSchedule"]
        s.plan = (power["TimeAnchor"], [], [])
        entries = []
        for entry in power["PowerScheduleEntries"]["PowerScheduleEntry"][:_POINTS]:
            ours = {"Duration": entry["Duration"]}
            names = ("Power",)
            if phases > 1 and "Power_L2" in entry:
                names = [name for name in ("Power", "Power_L2", "Power_L3") if name in entry]
            total = 0.0
            for name in names:
                watts = number(entry[name])
                total += watts
                ours[name] = rational(max(0.0, min(watts, most / len(names))))
            s.plan[1].append(entry["Duration"])
            s.plan[2].append(total)
            entries.append(ours)
        power_profile["TimeAnchor"] = power["TimeAnchor"]
        power_profile["Scheduled_EVPPTControlMode"] = {
            "SelectedScheduleTupleID": chosen["ScheduleTupleID"],
            "PowerToleranceAcceptance": "PowerToleranceNotConfirmed",
        }
    else:
        entries = [{"Duration": _DAY_S, "Power": rational(most)}]
        power_profile["Dynamic_EVPPTControlMode"] = {}
    power_profile["EVPowerProfileEntries"] = {"EVPowerProfileEntry": entries}
    body = {"EVProcessing": "Finished", "ChargeProgress": "Start", "EVPowerProfile": power_profile}
    if s.selected.separated:  # [V2G20-2123]
        body["BPT_ChannelSelection"] = "Charge"
    return body
