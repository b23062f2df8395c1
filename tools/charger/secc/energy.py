# SPDX-License-Identifier: MIT
"""What DC's and AC's messages share: the block that belongs to the service chosen, and an exchange
of the charge loop but for what it says of volts and watts.
"""

from tools.charger.secc.common import Refuse
from tools.charger.secc.schedule import judge_energies
from tools.charger.secc.values import number


def discovery_block(secc, request, energy):
    """(prefix of its name, block) of a ChargeParameterDiscoveryReq of `energy`, "DC" or "AC"."""
    name = energy + "_CPDReqEnergyTransferMode"
    bpt = "BPT_" + name in request
    if bpt != secc.service.bpt:
        why = f"{'BPT' if bpt else 'plain'} block with service {secc.service.name}"
        raise Refuse("FAILED_WrongChargeParameter", why)
    prefix = "BPT_" if bpt else ""
    return prefix, request[prefix + name]


def loop_block(secc, request, energy, now):
    """(kind, block) of a charge loop request, its energies judged."""
    kind = ("BPT_" if secc.service.bpt else "") + ("Dynamic" if secc.set.dynamic else "Scheduled")
    block = request.get(f"{kind}_{energy}_CLReqControlMode")
    if block is None:
        raise Refuse("FAILED_WrongChargeParameter", f"loop request without its {kind} block")
    judge_energies(secc, request, now)
    return kind, block


def loop_goes_on(secc, request, now):
    """One more exchange of the loop; the first one begins it."""
    supply = secc.supply
    if supply.started is None:
        supply.started = now
    if supply.phase == "ready":
        supply.phase = "loop"
    secc.loops += 1
    secc.display.update(request.get("DisplayParameters", {}))


def loop_answer(secc, request):
    """The fields of the answer that say nothing of power."""
    answer = secc.status()
    if request["MeterInfoRequested"]:  # [V2G20-1081]
        answer["MeterInfo"] = secc.meter()
    return answer


def take_energies(car, block):
    """Which way the car's energies allow power to flow (Dynamic mode)."""
    car.may_charge = number(block["EVMaximumEnergyRequest"]) > 0
    car.may_discharge = (
        number(block["EVMinimumEnergyRequest"]) < 0
        and number(block.get("EVMinimumV2XEnergyRequest"), 0) <= 0
    )
