# SPDX-License-Identifier: MIT
"""The AC messages of ISO 15118-20, station's side: parameters and charge loop, the start of power,
and the judgement of what the car draws.

Where a message names _L2 and _L3 its base field is L1 alone; the sum counts. What the contactor
does meanwhile is in ac_supply.py. Reactive power and frequency response are not asked for.
"""

from tools.charger.secc import energy
from tools.charger.secc.common import Refuse
from tools.charger.secc.schedule import dynamic_needs
from tools.charger.secc.values import number, rational

_C_MS = 250  # [V2G20-847]
_START_MS = 300  # the answer to PowerDelivery(Start) waits for state C and the contactor
_SLACK_W, _SLACK_PART = 1500.0, 0.05  # present power: the car's ramp of an exchange, and sensors
_STOP_W = 250.0  # about 1 A: more than this at PowerDelivery(Stop) was no ramp to zero


def total(block, name):
    """W over the phases that the block names, None when it names none."""
    if name not in block:
        return None
    return sum(number(block.get(name + phase), 0) for phase in ("", "_L2", "_L3"))


def phases(secc, name, watts):
    """The fields of `watts`, shared by the phases of this station."""
    names = [name + phase for phase in ("", "_L2", "_L3")[: secc.config.ac_phases]]
    return {n: rational(watts / len(names)) for n in names}


def take_limits(secc, block, now):
    car = secc.supply.car
    for attribute, kind in (("power", "Charge"), ("discharge_power", "Discharge")):
        most, least = total(block, f"EVMaximum{kind}Power"), total(block, f"EVMinimum{kind}Power")
        if most is None:
            continue
        if most < 0:
            secc.blame("sign", f"EVMaximum{kind}Power {most:g}: limits are magnitudes", now)
        if least is not None and abs(least) > abs(most):
            text = f"EVMinimum{kind}Power {least:g} above EVMaximum {most:g}"
            secc.blame("limits", text, now)
        setattr(car, attribute, abs(most))


def charge_parameter_discovery(secc, request, now):
    prefix, block = energy.discovery_block(secc, request, "AC")
    take_limits(secc, block, now)
    c = secc.config
    answer = {
        **phases(secc, "EVSEMaximumChargePower", c.ac_power_W),
        **phases(secc, "EVSEMinimumChargePower", 0),
        "EVSENominalFrequency": rational(50),
    }
    if secc.service.bpt:
        answer.update(phases(secc, "EVSEMaximumDischargePower", c.ac_discharge_power_W))
        answer.update(phases(secc, "EVSEMinimumDischargePower", 0))
    return "AC_ChargeParameterDiscovery", {prefix + "AC_CPDResEnergyTransferMode": answer}


def ready_for_power(secc, now):
    """PowerDelivery(Start): state B until now [V2G20-1617]; the answer waits for the contactor."""
    supply = secc.supply
    if supply.phase == "off":
        if supply.pilot() in ("C", "D"):
            text = f"PowerDeliveryReq(Start) in state {supply.pilot()}, expected B"
            secc.blame("pilot", text, now)
        secc.hold_ms = _START_MS


def charge_loop(secc, request, now):
    kind, block = energy.loop_block(secc, request, "AC", now)
    supply = secc.supply
    standby = supply.phase == "standby"
    if not standby:
        judge_pilot(secc, now)
    energy.loop_goes_on(secc, request, now)
    take_limits(secc, block, now)
    judge_power(secc, total(block, "EVPresentActivePower"), now)
    answer = energy.loop_answer(secc, request)
    mode = phases(secc, "EVSEPresentActivePower", supply.power())
    if secc.set.dynamic:
        energy.take_energies(supply.car, block)
        watts = 0.0 if standby else supply.target(now)
        mode.update(phases(secc, "EVSETargetActivePower", watts))
        mode.update(dynamic_needs(secc))
    answer[kind + "_AC_CLResControlMode"] = mode
    secc.add_up(now)
    return "AC_ChargeLoop" + ("(Standby)" if standby else ""), answer


def judge_pilot(secc, now):
    """The contactor must be closed by now, and state C must have come in time."""
    supply = secc.supply
    if supply.c_after is None and secc.loops == 0:
        secc.blame("pilot", "AC_ChargeLoopReq, and never state C", now)
        raise Refuse("FAILED_ContactorError", "no state C after PowerDelivery(Start)")
    if secc.loops == 0 and supply.c_after > _C_MS:
        secc.blame("pilot", f"state C {supply.c_after} ms after PowerDeliveryReq(Start)", now)
    if not supply.in_c():
        secc.blame("pilot", f"AC_ChargeLoopReq in state {supply.pilot()}", now)
        secc.notify("Terminate", 0, now)


def judge_power(secc, says, now):
    """EVPresentActivePower against the meter, the target or schedule, and the car's own limits."""
    supply = secc.supply
    supply.outlet.car(says)
    if abs(says - supply.power()) > _SLACK_W:
        text = f"EVPresentActivePower {says:g} W, meter {supply.power():.0f} W"
        secc.blame("present power", text, now)
    if secc.set.dynamic:
        low, high = supply.expected(now)
    else:
        high, low = supply.window(now)
        low = -low
    slack = _SLACK_W + _SLACK_PART * abs(says)
    if not low - slack <= says <= high + slack:
        text = f"EVPresentActivePower {says:g} W, granted {low:g}..{high:g} W"
        secc.blame("limits", text, now)


def judge_stop(secc, now):
    """PowerDelivery(Stop): the car has to be at zero before the contactor opens."""
    if abs(secc.supply.power()) > _STOP_W:
        secc.blame("power", f"PowerDeliveryReq(Stop) at {secc.supply.power():.0f} W", now)


HANDLERS = {
    "AC_ChargeParameterDiscovery": charge_parameter_discovery,
    "AC_ChargeLoop": charge_loop,
}

_ZERO = {"Exponent": 0, "Value": 0}
FILLER = {
    "AC_ChargeParameterDiscovery": {
        "AC_CPDResEnergyTransferMode": {
            "EVSEMaximumChargePower": _ZERO,
            "EVSEMinimumChargePower": _ZERO,
            "EVSENominalFrequency": _ZERO,
        }
    },
    "AC_ChargeLoop": {"Scheduled_AC_CLResControlMode": {}},
}
