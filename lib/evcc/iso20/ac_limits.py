# SPDX-License-Identifier: MIT
"""AC_ChargeParameterDiscovery of ISO 15118-20 (8.3.4.4.1): powers of car and station.

The car states totals without _L2 and _L3: a single phase or symmetrical phases. Where the station
names them, its base field is L1 alone, and its weakest phase counts for a charger that loads all
alike; a single phase stays within MaximumPowerAsymmetry. Discharge limits travel as positive
magnitudes; either sign is accepted. Not needed in the charge loop.
"""

from evcc.iso20.ac_loop import total
from evcc.iso20.units import number, optional, rational


def request(s, charger):
    """AC_ChargeParameterDiscoveryReq: what battery and on-board charger stand now."""
    most = charger.charge_power
    mode = {
        "EVMaximumChargePower": rational(most),
        "EVMinimumChargePower": rational(min(charger.min_charge_power, most)),
    }
    if not s.selected.bpt:
        return {"AC_CPDReqEnergyTransferMode": mode}
    most = charger.discharge_power
    mode["EVMaximumDischargePower"] = rational(most)
    mode["EVMinimumDischargePower"] = rational(min(charger.min_discharge_power, most))
    return {"BPT_AC_CPDReqEnergyTransferMode": mode}


def take(s, charger, response):
    """The station's limits into `s.evse`; ends the session when the charger cannot run on them."""
    mode = response.get("BPT_AC_CPDResEnergyTransferMode")
    if mode is None:
        mode = response["AC_CPDResEnergyTransferMode"]
    evse = s.evse
    evse["max_power"] = _of_phases(mode, "EVSEMaximumChargePower", charger)
    evse["min_power"] = _of_phases(mode, "EVSEMinimumChargePower", charger)
    evse["max_discharge_power"] = abs(_of_phases(mode, "EVSEMaximumDischargePower", charger))
    apart = optional(mode, "MaximumPowerAsymmetry")
    if apart is not None and charger.phases == 1 and "EVSEMaximumChargePower_L2" in mode:
        # all that one phase of three draws is asymmetry
        evse["max_power"] = min(evse["max_power"], apart)
        evse["max_discharge_power"] = min(evse["max_discharge_power"], apart)
    evse["frequency"] = number(mode["EVSENominalFrequency"])
    s.vehicle.offer(evse)
    if evse["max_power"] < charger.min_charge_power and not evse["max_discharge_power"]:
        s.end(
            "INCOMPATIBLE_LIMITS",
            "station %s W, charger needs %s W" % (evse["max_power"], charger.min_charge_power),
        )


def _of_phases(mode, name, charger):
    return total(mode, (name, name + "_L2", name + "_L3"), charger) or 0.0
