# SPDX-License-Identifier: MIT
"""Safety's way of AC charging: pilot state C and the on-board charger; the car's contactors rest.

The contactor is the station's: it follows the pilot (IEC 61851-1 Annex A). Until released the
pilot shows C, the charger may draw, and its own measurement is held against its limits; released,
the charger is told zero and the pilot goes to B in the same moment, and the connector stays
locked until no power flows. ISO 15118-20: B before PowerDelivery(Start) [V2G20-1617], C within
250 ms after sending it [V2G20-847]. The charger is spoken to by `poll` only: while the VM computes
a tick that trips takes state C away, and the station's contactor does the rest.
"""

from evcc.compat import const
from evcc.reasons import V2GError

# cells of `limits`, see safety_tick.py
_NOW_mA = const(0)
_UP_mA = const(1)
_DOWN_mA = const(2)
_DUTY = const(5)
_C_MS = const(80)  # after the request: 20 ms of tick to spare on either side
_OFF_MS = const(2000)  # longest wait for the charger to stop after state B


class AcPower:
    """From the request for power to its end; `safety.ac` meanwhile. Raises V2GError with a fault.

    Safety's `state`: "ac_wait" (pilot B, request on its way), "ac" (pilot C), "ac_off" (pilot B,
    charger not yet without power), then "open"; "stuck" when the charger does not stop. Powers go
    into safety's cells as mA of one phase with 230 V.
    """

    def __init__(self, safety, charger):
        safety.check()
        if safety.state != "open":
            raise V2GError("INTERNAL_ERROR", "AC in " + safety.state)
        self._safety = safety
        self._charger = charger
        safety.limits[_DUTY] = 970
        safety.ac = self  # before the wish: no tick may take it for DC's
        self.poll()
        safety.wish = 1

    def poll(self):
        """Measured power and limits to the tick; the charger to zero when it is to stop."""
        safety, charger, limits = self._safety, self._charger, self._safety.limits
        if safety.trip or not safety.wish:
            charger.set(0.0)
        limits[_NOW_mA] = int(charger.active_power * 1000 / 230)
        # 5 % and 1 A: the sensors' own error
        limits[_UP_mA] = int(charger.charge_power * 1050 / 230) + 1000
        limits[_DOWN_mA] = int(charger.discharge_power * 1050 / 230) + 1000

    def move(self, tick, wish, now, t, flows):
        """AC's states, see Tick.move: in an interrupt."""
        state = tick.state
        if state == "open":
            if wish:
                tick.go("ac_wait", now)
        elif state == "ac_wait" or state == "ac":
            if not wish:
                tick.set_c(False)
                tick.go("ac_off", now)
            elif state == "ac_wait" and t >= _C_MS:
                tick.set_c(True)
                tick.go("ac", now)
        elif not flows:
            tick.go("open", now)
        elif state == "ac_off" and t >= _OFF_MS:
            tick.go("stuck", now)
            tick.trips("VEHICLE_FAULT")
