# SPDX-License-Identifier: MIT
"""The DC messages of ISO 15118-20 (also MCS, same message set), station's side: parameters, cable
check, precharge, charge loop, welding detection, and the judgement of what the car asks.

What the output does meanwhile is in supply.py.
"""

from tools.charger.secc import energy
from tools.charger.secc.common import Refuse
from tools.charger.secc.values import fields, number, rational

_PRESENT_V, _PRESENT_PART = 20.0, 0.05  # EVPresentVoltage may differ this much from the outlet


def charge_parameter_discovery(secc, request, now):
    prefix, block = energy.discovery_block(secc, request, "DC")
    bpt, car, c = secc.service.bpt, secc.supply.car, secc.config
    car.update(block, lambda kind, text: secc.blame(kind, text, now))
    for kind in ("ChargePower", "ChargeCurrent", "Voltage") + bpt * (
        "DischargePower",
        "DischargeCurrent",
    ):
        low, high = number(block["EVMinimum" + kind]), number(block["EVMaximum" + kind])
        if abs(low) > abs(high):
            why = f"EVMinimum{kind} {low:g} above EVMaximum{kind} {high:g}"
            raise Refuse("FAILED_WrongChargeParameter", why)
    if car.max_voltage < c.min_voltage_V or car.min_voltage > c.max_voltage_V:
        why = (
            f"car {car.min_voltage:g}..{car.max_voltage:g} V, "
            f"station {c.min_voltage_V:g}..{c.max_voltage_V:g} V"
        )
        raise Refuse("FAILED_WrongChargeParameter", why)
    answer = fields(
        EVSEMaximumChargePower=c.max_power_W,
        EVSEMinimumChargePower=c.min_power_W,
        EVSEMaximumChargeCurrent=c.max_current_A,
        EVSEMinimumChargeCurrent=c.min_current_A,
        EVSEMaximumVoltage=c.max_voltage_V,
        EVSEMinimumVoltage=c.min_voltage_V,
    )
    if secc.plan.ramp_W_s:
        answer["EVSEPowerRampLimitation"] = rational(secc.plan.ramp_W_s)
    if bpt:
        answer.update(
            fields(
                EVSEMaximumDischargePower=c.max_discharge_power_W,
                EVSEMinimumDischargePower=0,
                EVSEMaximumDischargeCurrent=c.max_discharge_current_A,
                EVSEMinimumDischargeCurrent=0,
            )
        )
    return "DC_ChargeParameterDiscovery", {prefix + "DC_CPDResEnergyTransferMode": answer}


def cable_check(secc, request, now):
    secc.need_pilot_c("DC_CableCheckReq", now)  # [V2G20-1418]
    if secc.elapsed("DC_CableCheck", now) < secc.config.cable_check_ms:
        secc.supply.enter("cable", now)
        return "DC_CableCheck(Ongoing)", {"EVSEProcessing": "Ongoing"}
    secc.timers.pop("DC_CableCheck")
    secc.supply.off()
    return "DC_CableCheck", {"EVSEProcessing": "Finished"}


def pre_charge(secc, request, now):
    secc.need_pilot_c("DC_PreChargeReq", now)
    target, c = number(request["EVTargetVoltage"]), secc.config
    most = min(c.max_voltage_V, secc.supply.car.max_voltage)
    if not c.min_voltage_V <= target <= most:
        text = f"EVTargetVoltage {target:g} V, allowed {c.min_voltage_V:g}..{most:g} V"
        secc.blame("limits", text, now)
    secc.supply.precharge_V = min(max(target, 0.0), most)
    secc.supply.enter("precharge", now)
    done = request["EVProcessing"] == "Finished"
    return "DC_PreCharge" + ("" if done else "(Ongoing)"), present(secc)


def charge_loop(secc, request, now):
    kind, block = energy.loop_block(secc, request, "DC", now)
    supply = secc.supply
    standby = supply.phase == "standby"
    if not standby and not supply.in_c():
        secc.blame("pilot", f"DC_ChargeLoopReq in state {supply.pilot()}", now)
        supply.off()
        secc.notify("Terminate", 0, now)
    energy.loop_goes_on(secc, request, now)
    judge_loop(secc, block, number(request["EVPresentVoltage"]), now)
    supply.regulate(now)
    answer = energy.loop_answer(secc, request)
    answer.update(present(secc), EVSEPresentCurrent=rational(supply.output.current))
    cause = supply.cause
    answer.update(
        EVSEPowerLimitAchieved=cause == "power",
        EVSECurrentLimitAchieved=cause == "current",
        EVSEVoltageLimitAchieved=cause == "voltage",
    )
    answer[kind + "_DC_CLResControlMode"] = limits(secc, secc.service.bpt, now)
    secc.add_up(now)
    return "DC_ChargeLoop" + ("(Standby)" if standby else ""), answer


def judge_loop(secc, block, present_voltage, now):
    """Take over the car's limits and targets; record what asks for more than was offered."""
    supply, c = secc.supply, secc.config
    car, outlet = supply.car, supply.output.voltage
    car.update(block, lambda kind, text: secc.blame(kind, text, now))
    supply.output.car(present_voltage)
    if supply.phase == "loop" and abs(present_voltage - outlet) > max(
        _PRESENT_V, _PRESENT_PART * outlet
    ):
        text = f"EVPresentVoltage {present_voltage:g} V, outlet {outlet:.0f} V"
        secc.blame("present voltage", text, now)
    if not secc.set.dynamic:
        supply.wish_A = number(block["EVTargetCurrent"])
        supply.wish_V = number(block["EVTargetVoltage"])
        charge, discharge = supply.window(now)
        low = -c.max_discharge_current_A if discharge else 0.0
        high = c.max_current_A if charge else 0.0
        if not low <= supply.wish_A <= high and secc.loops > 1:
            text = f"EVTargetCurrent {supply.wish_A:g} A, offered {low:g}..{high:g} A"
            secc.blame("limits", text, now)
        if supply.wish_V > c.max_voltage_V:
            text = f"EVTargetVoltage {supply.wish_V:g} V above {c.max_voltage_V:g} V"
            secc.blame("limits", text, now)
        return
    energy.take_energies(car, block)


def limits(secc, bpt, now):
    """The loop answer's block: what the station can do now, never more than in the discovery."""
    c = secc.config
    charge, discharge = secc.supply.window(now)
    answer = fields(
        EVSEMaximumChargePower=charge,
        EVSEMinimumChargePower=min(c.min_power_W, charge),
        EVSEMaximumChargeCurrent=c.max_current_A,
        EVSEMaximumVoltage=c.max_voltage_V,
    )
    if bpt:
        answer.update(
            fields(
                EVSEMaximumDischargePower=discharge,
                EVSEMinimumDischargePower=0,
                EVSEMaximumDischargeCurrent=c.max_discharge_current_A,
                EVSEMinimumVoltage=c.min_voltage_V,
            )
        )
    if secc.set.secc_needs:
        answer.update(
            DepartureTime=c.departure_s, MinimumSOC=c.minimum_soc, TargetSOC=c.target_soc
        )
    return answer


def welding_detection(secc, request, now):
    if secc.supply.pilot() in ("C", "D"):
        secc.blame(
            "pilot", f"DC_WeldingDetectionReq in state {secc.supply.pilot()}, expected B", now
        )
    done = request["EVProcessing"] == "Finished"
    return "DC_WeldingDetection" + ("" if done else "(Ongoing)"), present(secc)


def present(secc):
    return {"EVSEPresentVoltage": rational(secc.supply.output.voltage)}


HANDLERS = {
    "DC_ChargeParameterDiscovery": charge_parameter_discovery,
    "DC_CableCheck": cable_check,
    "DC_PreCharge": pre_charge,
    "DC_ChargeLoop": charge_loop,
    "DC_WeldingDetection": welding_detection,
}

_ZERO = {"Exponent": 0, "Value": 0}
FILLER = {
    "DC_ChargeParameterDiscovery": {
        "DC_CPDResEnergyTransferMode": {
            f"EVSE{m}{kind}": _ZERO
            for kind in ("ChargePower", "ChargeCurrent", "Voltage")
            for m in ("Maximum", "Minimum")
        }
    },
    "DC_CableCheck": {"EVSEProcessing": "Finished"},
    "DC_PreCharge": {"EVSEPresentVoltage": _ZERO},
    "DC_ChargeLoop": {
        "EVSEPresentCurrent": _ZERO,
        "EVSEPresentVoltage": _ZERO,
        "EVSEPowerLimitAchieved": False,
        "EVSECurrentLimitAchieved": False,
        "EVSEVoltageLimitAchieved": False,
        "Scheduled_DC_CLResControlMode": {},
    },
    "DC_WeldingDetection": {"EVSEPresentVoltage": _ZERO},
}
