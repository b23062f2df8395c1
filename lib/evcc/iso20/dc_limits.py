# SPDX-License-Identifier: MIT
"""DC before the loop: ChargeParameterDiscovery, ScheduleExchange, PowerDelivery's contents.

ISO 15118-20 8.3.4.5 and 8.3.5.5. Discharge limits travel as positive magnitudes; either sign is
accepted. Price schedules are skipped.
"""

from evcc.compat import const
from evcc.iso20.units import number, optional, rational

_POINTS = const(12)  # MaximumSupportingPoints: what a schedule may have, the least allowed
_DAY_S = const(86400)


def request(s):
    """DC_ChargeParameterDiscoveryReq: what battery and inlet stand now."""
    lim = s.vehicle.limits()
    mode = {
        "EVMaximumChargePower": rational(lim.charge_power),
        "EVMinimumChargePower": rational(lim.min_charge_power),
        "EVMaximumChargeCurrent": rational(lim.charge_current),
        "EVMinimumChargeCurrent": rational(lim.min_charge_current),
        "EVMaximumVoltage": rational(lim.max_voltage),
        "EVMinimumVoltage": rational(lim.min_voltage),
    }
    if s.selected.mobility_needs_mode == 1:
        mode["TargetSOC"] = s.vehicle.demand().target_soc
    if not s.selected.bpt:
        return {"DC_CPDReqEnergyTransferMode": mode}
    mode["EVMaximumDischargePower"] = rational(lim.discharge_power)
    mode["EVMinimumDischargePower"] = rational(lim.min_discharge_power)
    mode["EVMaximumDischargeCurrent"] = rational(lim.discharge_current)
    mode["EVMinimumDischargeCurrent"] = rational(lim.min_discharge_current)
    return {"BPT_DC_CPDReqEnergyTransferMode": mode}


def take(s, response):
    """The station's limits into `s.evse`; ends the session when they do not fit the pack."""
    mode = response.get("BPT_DC_CPDResEnergyTransferMode")
    if mode is None:
        mode = response["DC_CPDResEnergyTransferMode"]
    evse = s.evse
    evse["max_power"] = number(mode["EVSEMaximumChargePower"])
    evse["max_current"] = number(mode["EVSEMaximumChargeCurrent"])
    evse["max_voltage"] = number(mode["EVSEMaximumVoltage"])
    evse["min_voltage"] = number(mode["EVSEMinimumVoltage"])
    evse["max_discharge_power"] = abs(optional(mode, "EVSEMaximumDischargePower", 0.0))
    evse["max_discharge_current"] = abs(optional(mode, "EVSEMaximumDischargeCurrent", 0.0))
    s.vehicle.offer(evse)
    pack = s.vehicle.measured().pack_voltage
    if pack is None or not evse["min_voltage"] <= pack <= evse["max_voltage"]:
        s.end(
            "INCOMPATIBLE_LIMITS",
            "station %s..%s V, pack %s V" % (evse["min_voltage"], evse["max_voltage"], pack),
        )


def schedule_request(s):
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


def power_profile(s, schedule):
    """PowerDeliveryReq(Start). A profile is always sent: some stations insist in Dynamic too."""
    most = s.vehicle.limits().charge_power
    profile = {"TimeAnchor": s.unix()}
    if s.selected.control_mode == "Scheduled":
        chosen = schedule["Scheduled_SEResControlMode"]["ScheduleTuple"][0]
        power = chosen["ChargingSchedule"]["PowerSchedule"]
        s.plan = (power["TimeAnchor"], [], [])
        entries = []
        for entry in power["PowerScheduleEntries"]["PowerScheduleEntry"][:_POINTS]:
            watts = number(entry["Power"])
            s.plan[1].append(entry["Duration"])
            s.plan[2].append(watts)
            entries.append(
                {"Duration": entry["Duration"], "Power": rational(max(0.0, min(watts, most)))}
            )
        profile["TimeAnchor"] = power["TimeAnchor"]
        profile["Scheduled_EVPPTControlMode"] = {
            "SelectedScheduleTupleID": chosen["ScheduleTupleID"],
            "PowerToleranceAcceptance": "PowerToleranceNotConfirmed",
        }
    else:
        entries = [{"Duration": _DAY_S, "Power": rational(most)}]
        profile["Dynamic_EVPPTControlMode"] = {}
    profile["EVPowerProfileEntries"] = {"EVPowerProfileEntry": entries}
    body = {"EVProcessing": "Finished", "ChargeProgress": "Start", "EVPowerProfile": profile}
    if s.selected.separated:  # [V2G20-2123]
        body["BPT_ChannelSelection"] = "Charge"
    return body
