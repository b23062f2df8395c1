# SPDX-License-Identifier: MIT
"""ScheduleExchange and PowerDelivery of ISO 15118-20, station's side: the schedule offered in
Scheduled mode (with absolute prices), the needs set in Dynamic mode 2, and the judgement of the
car's EVPowerProfile.

One schedule tuple, made from the power plan; price levels and tolerance are not offered.
"""

from tools.charger.secc.common import Refuse
from tools.charger.secc.values import number, rational

_TUPLE_ID = 1
_HORIZON_S = 86400
_FEE_BUY, _FEE_SELL = 0.35, 0.12  # per kWh
_PRICE_ALGORITHM = "urn:iso:std:iso:15118:-20:PriceAlgorithm:1-Power"


def schedule_exchange(secc, request, now):
    renegotiation = secc.beside or secc.state.startswith(
        ("PowerDelivery(ScheduleRenegotiation)", "ScheduleExchange(Renegotiation")
    )
    dynamic = "Dynamic_SEReqControlMode" in request
    if dynamic != secc.set.dynamic:
        raise Refuse(
            "FAILED_WrongChargeParameter",
            f"{'Dynamic' if dynamic else 'Scheduled'} block with parameter set {secc.set.kind}",
        )
    judge_energies(secc, request, now)
    done = secc.elapsed("ScheduleExchange", now) >= secc.config.schedule_ms
    answer = {"EVSEProcessing": "Finished" if done else "Ongoing"}
    if dynamic:
        answer["Dynamic_SEResControlMode"] = dynamic_needs(secc)
    else:
        answer["Scheduled_SEResControlMode"] = scheduled(secc, request["MaximumSupportingPoints"])
    if not done:
        state = (
            "ScheduleExchange(Renegotiation,Ongoing)"
            if renegotiation
            else ("ScheduleExchange(Ongoing)")
        )
        return state, answer
    secc.timers.pop("ScheduleExchange")
    if renegotiation:
        return "ScheduleExchange(Renegotiation)", answer
    if secc.config.go_to_pause and not secc.joined:
        answer["GoToPause"] = True
        return "ScheduleExchange(GoToPause)", answer
    return "ScheduleExchange", answer


def judge_energies(secc, request, now):
    """Minimum <= target <= maximum, in the ScheduleExchangeReq and in every loop request."""
    block = next((v for k, v in request.items() if k.endswith("ReqControlMode")), {})
    values = [
        number(block.get(f"EV{kind}EnergyRequest")) for kind in ("Minimum", "Target", "Maximum")
    ]
    known = [v for v in values if v is not None]
    if known != sorted(known):
        text = "energy requests: minimum, target, maximum = " + ", ".join(f"{v:g}" for v in known)
        secc.blame("energies", text, now)


def dynamic_needs(secc):
    """Only where the station decides about the mobility needs does it name any."""
    if not secc.set.secc_needs:
        return {}
    c = secc.config
    return {
        "DepartureTime": c.departure_s,
        "MinimumSOC": c.minimum_soc,
        "TargetSOC": c.target_soc,
    }


def scheduled(secc, points):
    """Scheduled_SEResControlMode; remembers the entries for the judgement of the profile."""
    anchor = secc.clock()
    plan = secc.plan.schedule(_HORIZON_S)[:points]
    c, ac = secc.config, secc.service.ac
    most = c.ac_power_W if ac else c.max_power_W
    least = -(c.ac_discharge_power_W if ac else c.max_discharge_power_W)
    charge = [(d, min(max(w, 0.0), most)) for d, w in plan]
    discharge = [(d, max(min(w, 0.0), least)) for d, w in plan]
    secc.schedule = {_TUPLE_ID: (charge, discharge if secc.service.bpt else None)}
    entry = {"ScheduleTupleID": _TUPLE_ID, "ChargingSchedule": _power(anchor, charge)}
    if secc.service.bpt:
        entry["DischargingSchedule"] = _power(anchor, discharge)
    if secc.set.parameters["Pricing"]:
        total = sum(d for d, _ in plan)
        entry["ChargingSchedule"]["AbsolutePriceSchedule"] = _prices(anchor, total, _FEE_BUY)
        if secc.service.bpt:
            entry["DischargingSchedule"]["AbsolutePriceSchedule"] = _prices(
                anchor, total, _FEE_SELL
            )
    return {"ScheduleTuple": [entry]}


def _power(anchor, entries):
    return {
        "PowerSchedule": {
            "TimeAnchor": anchor,
            "PowerScheduleEntries": {
                "PowerScheduleEntry": [{"Duration": d, "Power": rational(w)} for d, w in entries]
            },
        }
    }


def _prices(anchor, duration, fee):
    rule = {"EnergyFee": rational(fee), "PowerRangeStart": rational(0)}
    return {
        "TimeAnchor": anchor,
        "PriceScheduleID": 1,
        "Currency": "EUR",
        "Language": "eng",
        "PriceAlgorithm": _PRICE_ALGORITHM,
        "PriceRuleStacks": {"PriceRuleStack": [{"Duration": duration, "PriceRule": [rule]}]},
    }


def power_delivery(secc, request, now):
    progress = request["ChargeProgress"]
    secc.answered(progress, now)
    if progress == "Stop":
        secc.before_stop(now)
        secc.supply.off()
        return "PowerDelivery(Stop)", secc.status()
    if progress == "Standby":
        if not secc.config.standby:
            return secc.state, {"ResponseCode": "WARNING_StandbyNotAllowed", **secc.status()}
        secc.supply.off()
        secc.supply.phase = "standby"
        return "PowerDelivery(Standby)", secc.status()
    if progress == "ScheduleRenegotiation":
        if not secc.config.schedule_renegotiation:
            code = "WARNING_ScheduleRenegotiationFailed"
            return secc.state, {"ResponseCode": code, **secc.status()}
        return "PowerDelivery(ScheduleRenegotiation)", secc.status()
    if request["EVProcessing"] != "Finished":
        return "PowerDelivery(Ongoing)", secc.status()
    secc.ready_for_power(now)
    judge_profile(secc, request.get("EVPowerProfile"))
    if secc.service.bpt is False and "BPT_ChannelSelection" in request:
        secc.blame("limits", "BPT_ChannelSelection with a service that is not BPT", now)
    secc.known_schedule = False
    secc.supply.enter("ready" if secc.supply.started is None else "loop", now)
    return "PowerDelivery(Start)", secc.status()


def judge_profile(secc, profile):
    """Refuses a profile of the other mode, of an unknown tuple, or above the schedule."""
    if profile is None:
        if secc.set.dynamic:
            return
        raise Refuse("FAILED_EVPowerProfileInvalid", "no EVPowerProfile in Scheduled mode")
    block = profile.get("Scheduled_EVPPTControlMode")
    if (block is None) != secc.set.dynamic:
        raise Refuse("FAILED_EVPowerProfileInvalid", f"profile is not {secc.set.kind}")
    if block is None:
        return
    offered = secc.schedule.get(block["SelectedScheduleTupleID"])
    if offered is None:
        why = f"schedule tuple {block['SelectedScheduleTupleID']} was not offered"
        raise Refuse("FAILED_ScheduleSelectionInvalid", why)
    start = 0
    for entry in profile["EVPowerProfileEntries"]["EVPowerProfileEntry"]:
        end, watts = start + entry["Duration"], number(entry["Power"])
        schedule = offered[0] if watts >= 0 else offered[1]
        if schedule is None:
            raise Refuse("FAILED_EVPowerProfileInvalid", f"{watts:g} W: no discharging schedule")
        if end > sum(d for d, _ in schedule):
            raise Refuse("FAILED_EVPowerProfileInvalid", "profile lasts longer than the schedule")
        if abs(watts) > least(schedule, start, end) + 1:
            why = f"{watts:g} W from {start} s on is more than the schedule gives"
            raise Refuse("FAILED_EVPowerProfileInvalid", why)
        start = end


def least(schedule, start, end):
    """The smallest magnitude (W) that the schedule's entries have between start and end."""
    time, values = 0, []
    for duration, watts in schedule:
        if time < end and time + duration > start:
            values.append(abs(watts))
        time += duration
    return min(values) if values else 0


HANDLERS = {"ScheduleExchange": schedule_exchange, "PowerDelivery": power_delivery}

FILLER = {
    "ScheduleExchange": {"EVSEProcessing": "Finished", "Dynamic_SEResControlMode": {}},
}
