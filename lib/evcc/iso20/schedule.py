# SPDX-License-Identifier: MIT
"""ScheduleExchange and PowerDelivery(Start) of ISO 15118-20 8.3.4.3, for every energy service.

A car that simply charges takes what the first schedule grants. One that waits for cheap hours or
gives back, or that may choose among tuples, has its profile planned in plan.py. What a station
says about departure and SOC in Dynamic mode goes to the vehicle. EVEnergyOffer is not sent. Not
needed in the charge loop.
"""

from evcc.compat import const, forget
from evcc.iso20.session import NEEDS, Stop, needs
from evcc.iso20.units import number, rational

_POINTS = const(12)  # MaximumSupportingPoints: what a schedule may have, the least allowed
_DAY_S = const(86400)


def agree(s):
    """ScheduleExchange; its good answer, or raises Stop where the station wants a pause."""
    offer = yield from s.until_finished("ScheduleExchange", request(s))
    s.departure = None
    for _, key in NEEDS:
        s.evse.pop(key, None)
    needs(s, offer.get("Dynamic_SEResControlMode", {}))
    if offer.get("GoToPause"):
        s.wish_stop("STATION_PAUSE")
        raise Stop
    return offer


def start(s, body):
    """PowerDelivery(Start). A wish to stop is for the loop: EcoG's station refuses
    PowerDelivery(Stop) before it has seen a ChargeLoop."""
    block = body["EVPowerProfile"].get("Scheduled_EVPPTControlMode")
    s.tuple_id = block and block["SelectedScheduleTupleID"]
    s.notice((yield "PowerDelivery", body))


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
    a schedule's L2 and L3 are ours too. `s.plan` remembers the profile, on our clock.
    """
    power_profile = {"TimeAnchor": s.unix()}
    channel = "Charge"
    if s.selected.control_mode == "Scheduled":
        tuples = offer["Scheduled_SEResControlMode"]["ScheduleTuple"]
        # A schedule's times are on the station's clock, which ours may differ from.
        header = offer.get("Header")
        ahead = header["TimeStamp"] - s.unix() if header else 0
        chosen, confirmed = tuples[0], False
        planned = s.vehicle.demand().strategy != "now"
        if planned or len(tuples) > 1:
            from evcc.iso20 import plan

            best = plan.choose(s, tuples, most, phases, s.unix() + ahead)
            chosen = [t for t in tuples if t["ScheduleTupleID"] == best.id][0]
        anchor = chosen["ChargingSchedule"]["PowerSchedule"]["TimeAnchor"]
        if planned:
            entries, numbers = best.entries(*_least(s))
            confirmed = best.holds(s.vehicle.limits())
        else:
            entries, numbers = _envelope(chosen, most, phases)
        plan = best = None
        forget("evcc.iso20.plan", "evcc.iso20.prices", "evcc.ems.planner", "evcc.params_ems")
        s.plan = (anchor - ahead, [n[0] for n in numbers], [n[1] for n in numbers])
        if s.plan[2] and s.plan[2][0] < 0:
            channel = "Discharge"
        power_profile["TimeAnchor"] = anchor
        power_profile["Scheduled_EVPPTControlMode"] = {
            "SelectedScheduleTupleID": chosen["ScheduleTupleID"],
            "PowerToleranceAcceptance": "PowerToleranceConfirmed"
            if confirmed
            else "PowerToleranceNotConfirmed",
        }
    else:
        entries = [{"Duration": _DAY_S, "Power": rational(most)}]
        power_profile["Dynamic_EVPPTControlMode"] = {}
    power_profile["EVPowerProfileEntries"] = {"EVPowerProfileEntry": entries}
    body = {"EVProcessing": "Finished", "ChargeProgress": "Start", "EVPowerProfile": power_profile}
    if s.selected.separated:  # [V2G20-2123]
        body["BPT_ChannelSelection"] = channel
    return body


def _envelope(chosen, most, phases):
    """EVPowerProfileEntry list and [(s, W)] of all that the schedule grants."""
    entries, numbers = [], []
    power = chosen["ChargingSchedule"]["PowerSchedule"]
    for entry in power["PowerScheduleEntries"]["PowerScheduleEntry"][:_POINTS]:
        ours = {"Duration": entry["Duration"]}
        names = ("Power",)
        if phases > 1 and "Power_L2" in entry:
            names = [name for name in ("Power", "Power_L2", "Power_L3") if name in entry]
        total = 0.0
        for name in names:
            watts = max(0.0, number(entry[name]))
            total += watts
            ours[name] = rational(min(watts, most / len(names)))
        numbers.append((entry["Duration"], total))
        entries.append(ours)
    return entries, numbers


def _least(s):
    """(W, W): the least power at which the car charges, and gives back."""
    charger = s.vehicle.charger() if s.selected.name.startswith("AC") else None
    if charger:
        return charger.min_charge_power, charger.min_discharge_power
    lim = s.vehicle.limits()
    return lim.min_charge_power, lim.min_discharge_power
