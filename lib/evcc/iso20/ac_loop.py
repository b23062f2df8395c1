# SPDX-License-Identifier: MIT
"""The AC charge loop's request and response (ISO 15118-20 8.3.4.4.3), built without garbage.

In Dynamic mode the charger follows EVSETargetActivePower; in Scheduled mode the car's profile,
nearer to nothing if the station sends a target. Always within the limits of car and station.
Reactive power is reported, targets for it are not followed.
"""

from evcc.compat import const
from evcc.iso20 import loop
from evcc.iso20.session import needs
from evcc.iso20.units import number, optional

_TARGET = const(("EVSETargetActivePower", "EVSETargetActivePower_L2", "EVSETargetActivePower_L3"))


class Request(loop.Request):
    """AC_ChargeLoopReq, and what its answer means for the on-board charger."""

    def __init__(self, s, charger):
        super().__init__(s, "AC")
        self._charger = charger
        self._share = 1.0

    def fill(self, zero):
        """The request for now; `zero`: the ramp to the end, all limits and power nothing."""
        s, put, charger = self._s, self._put, self._charger
        # a warm inlet asks for less
        share = self._share = 0 if zero else s.safety.share()
        if not share:
            charger.set(0.0)
        self._needs(s.vehicle.demand())
        most = charger.charge_power  # may be capped below what the charger needs to run
        put("EVMaximumChargePower", int(share * most))
        put("EVMinimumChargePower", int(share * min(charger.min_charge_power, most)))
        if charger.unbalanced:
            one, two, three = charger.phase_power
            put("EVPresentActivePower", int(one))
            put("EVPresentActivePower_L2", int(two))
            put("EVPresentActivePower_L3", int(three))
        else:
            put("EVPresentActivePower", int(charger.active_power))
        put("EVPresentReactivePower", int(charger.reactive_power))
        if s.selected.bpt:
            most = charger.discharge_power
            put("EVMaximumDischargePower", int(share * most))
            put("EVMinimumDischargePower", int(share * min(charger.min_discharge_power, most)))
        return self.body

    def take(self, response):
        """The station's answer: set the charger; energy is summed from our own measurement."""
        s, evse, charger = self._s, self._s.evse, self._charger
        loop.count(s, charger.active_power)
        target = None
        for key in response:
            if key.endswith("CLResControlMode"):
                mode = response[key]
                needs(s, mode)
                target = total(mode, _TARGET, charger)
        evse["target_power"] = target
        evse["power"] = charger.active_power
        s.vehicle.offer(evse)
        if s.selected.control_mode == "Scheduled":
            watts = loop.planned(s)
            if target is not None:  # between nothing and the plan, whatever its direction
                watts = max(watts, min(target, 0.0)) if watts < 0 else max(min(watts, target), 0.0)
        else:
            watts = target or 0.0
        watts = 0.0 if s.stop else self._within(watts)
        if charger.unbalanced and target and _TARGET[1] in mode:
            part = watts / target  # each phase as it was named, all of them within the limits
            charger.set_phases([part * optional(mode, name, 0.0) for name in _TARGET])
        else:
            charger.set(watts)

    def _within(self, watts):
        """`watts` inside what car, inlet and station allow; 0 below what the charger can do."""
        charger, evse = self._charger, self._s.evse
        if watts >= 0:
            watts = min(watts, self._share * charger.charge_power, evse["max_power"])
            return watts if watts >= charger.min_charge_power else 0.0
        if not self._s.selected.bpt:
            return 0.0
        watts = min(-watts, self._share * charger.discharge_power, evse["max_discharge_power"])
        return -watts if watts >= charger.min_discharge_power else 0.0


def total(mode, names, charger):
    """W over the phases that the car has. `names`: the field and its _L2, _L3; None: absent.

    Where the station names phases one by one, a charger that can only load them alike gets three
    times the weakest: no phase above what was named for it, and nothing where signs differ.
    """
    pair = mode.get(names[0])
    if pair is None:
        return None
    one = number(pair)
    if charger.phases == 1 or names[1] not in mode:
        return one
    two, three = number(mode[names[1]]), optional(mode, names[2], 0.0)
    if charger.unbalanced:
        return one + two + three
    low, high = min(one, two, three), max(one, two, three)
    return 3 * low if low > 0 else 3 * high if high < 0 else 0.0
