# SPDX-License-Identifier: MIT
"""The DC messages of ISO 15118-20 (also MCS, same message set), station's side, and the operating
point of the output: who steers in which control mode, limits of both sides, pilot supervision.

Isolation is not measured: the check raises the voltage for its time and passes.
"""

from tools.charger.power import setpoint
from tools.charger.secc.common import Refuse
from tools.charger.secc.schedule import judge_energies
from tools.charger.secc.values import fields, number, rational

_CLOSE_A = 1.0  # a flag "limit achieved" needs at least that much current
_PRESENT_V, _PRESENT_PART = 20.0, 0.05  # EVPresentVoltage may differ this much from the outlet


class CarLimits:
    """What the car allows, as floats and magnitudes: discovery first, then each loop request."""

    power = current = max_voltage = min_voltage = 0.0
    discharge_power = discharge_current = 0.0
    may_charge = may_discharge = True

    def update(self, secc, block, now):
        for name, field in (
            ("power", "EVMaximumChargePower"),
            ("current", "EVMaximumChargeCurrent"),
            ("max_voltage", "EVMaximumVoltage"),
            ("min_voltage", "EVMinimumVoltage"),
            ("discharge_power", "EVMaximumDischargePower"),
            ("discharge_current", "EVMaximumDischargeCurrent"),
        ):
            value = number(block.get(field))
            if value is None:
                continue
            if value < 0:
                secc.blame("sign", f"{field} {value:g}: limits are magnitudes", now)
            setattr(self, name, abs(value))
        for field in [f for f in block if f.startswith("EVMinimum")]:
            least, most = number(block[field]), number(block.get("EVMaximum" + field[9:]))
            if field.endswith(("Power", "Current")) and most is not None and least > most:
                secc.blame("limits", f"{field} {least:g} above EVMaximum {most:g}", now)


def charge_parameter_discovery(secc, request, now):
    bpt = "BPT_DC_CPDReqEnergyTransferMode" in request
    if bpt != secc.service.bpt:
        why = f"{'BPT' if bpt else 'plain'} block with service {secc.service.name}"
        raise Refuse("FAILED_WrongChargeParameter", why)
    prefix = "BPT_" if bpt else ""
    block = request[prefix + "DC_CPDReqEnergyTransferMode"]
    car, c = secc.car, secc.config
    car.update(secc, block, now)
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
    if secc.phase != "cable":
        secc.phase = "cable"
        secc.output.enable(True)
    if secc.elapsed("DC_CableCheck", now) < secc.config.cable_check_ms:
        regulate(secc, now)
        return "DC_CableCheck(Ongoing)", {"EVSEProcessing": "Ongoing"}
    secc.timers.pop("DC_CableCheck")
    secc.power_off()
    return "DC_CableCheck", {"EVSEProcessing": "Finished"}


def pre_charge(secc, request, now):
    secc.need_pilot_c("DC_PreChargeReq", now)
    target, c = number(request["EVTargetVoltage"]), secc.config
    most = min(c.max_voltage_V, secc.car.max_voltage)
    if not c.min_voltage_V <= target <= most:
        text = f"EVTargetVoltage {target:g} V, allowed {c.min_voltage_V:g}..{most:g} V"
        secc.blame("limits", text, now)
    secc.precharge_V = min(max(target, 0.0), most)
    if secc.phase != "precharge":
        secc.phase = "precharge"
        secc.output.enable(True)
    regulate(secc, now)
    done = request["EVProcessing"] == "Finished"
    return "DC_PreCharge" + ("" if done else "(Ongoing)"), present(secc)


def charge_loop(secc, request, now):
    bpt, dynamic = secc.service.bpt, secc.set.dynamic
    kind = ("BPT_" if bpt else "") + ("Dynamic" if dynamic else "Scheduled")
    block = request.get(kind + "_DC_CLReqControlMode")
    if block is None:
        raise Refuse("FAILED_WrongChargeParameter", f"loop request without its {kind} block")
    judge_energies(secc, request, now)
    standby = secc.phase == "standby"
    if not standby and not secc.pilot_in_c():
        secc.blame("pilot", f"DC_ChargeLoopReq in state {secc.pilot()}", now)
        secc.power_off()
        secc.notify("Terminate", 0, now)
    if secc.started is None:
        secc.started = now
    secc.loop_request(request, now)
    judge_loop(secc, block, number(request["EVPresentVoltage"]), now)
    regulate(secc, now)
    answer = secc.status()
    if request["MeterInfoRequested"]:  # [V2G20-1081]
        answer["MeterInfo"] = secc.meter()
    answer.update(present(secc), EVSEPresentCurrent=rational(secc.output.current))
    cause = secc.cause
    answer.update(
        EVSEPowerLimitAchieved=cause == "power",
        EVSECurrentLimitAchieved=cause == "current",
        EVSEVoltageLimitAchieved=cause == "voltage",
    )
    answer[kind + "_DC_CLResControlMode"] = limits(secc, bpt, now)
    secc.loop_answer(now)
    return "DC_ChargeLoop" + ("(Standby)" if standby else ""), answer


def judge_loop(secc, block, present_voltage, now):
    """Take over the car's limits and targets; record what asks for more than was offered."""
    car, c = secc.car, secc.config
    car.update(secc, block, now)
    secc.output.car(present_voltage)
    outlet = secc.output.voltage
    if secc.phase == "loop" and abs(present_voltage - outlet) > max(
        _PRESENT_V, _PRESENT_PART * outlet
    ):
        text = f"EVPresentVoltage {present_voltage:g} V, outlet {outlet:.0f} V"
        secc.blame("present voltage", text, now)
    if not secc.set.dynamic:
        secc.wish_A = number(block["EVTargetCurrent"])
        secc.wish_V = number(block["EVTargetVoltage"])
        charge, discharge = secc.window(now)
        low = -c.max_discharge_current_A if secc.service.bpt and discharge else 0.0
        high = c.max_current_A if charge else 0.0
        if not low <= secc.wish_A <= high and secc.loops > 1:
            text = f"EVTargetCurrent {secc.wish_A:g} A, offered {low:g}..{high:g} A"
            secc.blame("limits", text, now)
        if secc.wish_V > c.max_voltage_V:
            text = f"EVTargetVoltage {secc.wish_V:g} V above {c.max_voltage_V:g} V"
            secc.blame("limits", text, now)
        return
    car.may_charge = number(block["EVMaximumEnergyRequest"]) > 0
    car.may_discharge = (
        number(block["EVMinimumEnergyRequest"]) < 0
        and number(block.get("EVMinimumV2XEnergyRequest"), 0) <= 0
    )


def limits(secc, bpt, now):
    """The loop answer's block: what the station can do now, never more than in the discovery."""
    c = secc.config
    charge, discharge = secc.window(now)
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
    if secc.pilot() in ("C", "D"):
        secc.blame("pilot", f"DC_WeldingDetectionReq in state {secc.pilot()}, expected B", now)
    done = request["EVProcessing"] == "Finished"
    return "DC_WeldingDetection" + ("" if done else "(Ongoing)"), present(secc)


def present(secc):
    return {"EVSEPresentVoltage": rational(secc.output.voltage)}


def regulate(secc, now):
    """Set the output for the phase; called at each request and at each step of time."""
    out, c, car = secc.output, secc.config, secc.car
    if secc.phase == "cable":
        most = min(c.cable_check_V, c.max_voltage_V, car.max_voltage)
        out.target(most, 0.1, now)
    elif secc.phase == "precharge":
        out.target(secc.precharge_V, c.precharge_A, now)
    elif secc.phase == "ready":
        out.target(secc.precharge_V, 0.0, now)
    elif secc.phase == "loop":
        amperes, ceiling = operating_point(secc, now)
        floor = max(c.min_voltage_V, car.min_voltage)
        out.target(
            (ceiling if amperes >= 0 else floor) * secc.excess_V, amperes * secc.excess_A, now
        )
        if secc.cause is None and amperes > _CLOSE_A and out.voltage >= ceiling - 1:
            secc.cause = "voltage"


def operating_point(secc, now):
    """(signed amperes, voltage ceiling): the plan in Dynamic, the car's target in Scheduled."""
    c, car, out = secc.config, secc.car, secc.output
    ceiling = min(c.max_voltage_V, car.max_voltage)
    voltage = out.voltage
    bpt = secc.service.bpt
    if secc.set.dynamic:
        charge = (min(c.max_current_A, car.current), min(c.max_power_W, car.power))
        discharge = (
            min(c.max_discharge_current_A, car.discharge_current),
            min(c.max_discharge_power_W, car.discharge_power),
        )
        watts = secc.plan.at((now - secc.started) / 1000)
        if (watts > 0 and not car.may_charge) or (
            watts < 0 and not (bpt and car.may_discharge and voltage > car.min_voltage)
        ):
            secc.cause = None
            return 0.0, ceiling
        amperes, secc.cause = setpoint(watts, voltage, charge, discharge)
        return amperes, ceiling
    ceiling = min(ceiling, secc.wish_V)
    power = secc.window(now)[0 if secc.wish_A >= 0 else 1]
    current = c.max_current_A if secc.wish_A >= 0 else bpt * c.max_discharge_current_A
    size, secc.cause = abs(secc.wish_A), None
    if size * voltage > power:
        size, secc.cause = (power / voltage), "power"
    if size > current:
        size, secc.cause = current, "current"
    return (size if secc.wish_A >= 0 else -size), ceiling


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
