# SPDX-License-Identifier: MIT
"""DC_ChargeParameterDiscovery of ISO 15118-20 (8.3.4.5.1): limits of car and station.

Discharge limits travel as positive magnitudes; either sign is accepted. MCS has the same messages
with larger numbers: 3000 A and 3.75 MW fit. Not needed in the charge loop.
"""

from evcc.iso20.units import number, optional, rational


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
