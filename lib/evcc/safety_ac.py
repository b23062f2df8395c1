# SPDX-License-Identifier: MIT
"""Safety's way of AC charging: pilot state C and the on-board charger; the car's contactors rest.

The contactor is the station's: it follows the pilot (IEC 61851-1 Annex A). Until released the
pilot shows C, the charger may draw, and its own measurement is held against its limits; released,
the charger is told zero and the pilot goes to B in the same moment, and the connector stays
locked until no power flows. ISO 15118-20: B before PowerDelivery(Start) [V2G20-1617], C within
250 ms after sending it [V2G20-847].
"""

from evcc.compat import const
from evcc.reasons import V2GError

_C_MS = const(80)  # after the request: 20 ms of tick to spare on either side
_OFF_MS = const(2000)  # longest wait for the charger to stop after state B
_LIMIT_TICKS = const(3)
_STALL_MS = const(2000)
_NO_POWER_W = 230.0  # 1 A of one phase
_FADE = 0.99


class AcPower:
    """From the request for power to its end; `safety.ac` meanwhile. Raises V2GError with a fault.

    Safety's `state`: "ac_wait" (pilot B, request on its way), "ac" (pilot C), "ac_off" (pilot B,
    charger not yet without power), then "open"; "stuck" when the charger does not stop.
    """

    def __init__(self, safety, charger):
        if safety.fault or safety.state != "open":
            raise V2GError(*(safety.fault or ("INTERNAL_ERROR", "AC in " + safety.state)))
        self._safety = safety
        self._charger = charger
        self._since = None  # the next tick sets it
        self._bad = 0
        self._up = self._down = 0.0
        safety.ac = self
        safety.state = "ac_wait"

    def flows(self):
        """Does power flow at the AC inlet?"""
        return abs(self._charger.active_power) >= _NO_POWER_W

    def release(self):
        """Charger to zero and pilot B are at once; the rest is the tick's."""
        self._charger.set(0.0)
        if self._safety.state in ("ac_wait", "ac"):
            self._safety.state = "ac_off"
            self._since = None

    def tick(self, now, alive):
        """Called by safety's tick. `alive`: time of the protocol's last heartbeat."""
        safety = self._safety
        if self._since is None:
            self._since = now
        if safety.state == "ac_wait":
            if now - self._since >= _C_MS:
                safety.state = "ac"
                safety.set_c(True)
        elif safety.state == "ac":
            self._watch()
            if now - alive > _STALL_MS:
                safety.fail("PROTOCOL_STALLED", "")
        elif not self.flows():
            safety.ac = None
            safety.state = "open"
        elif safety.state != "stuck" and now - self._since >= _OFF_MS:
            safety.state = "stuck"
            safety.fail("VEHICLE_FAULT", "the on-board charger does not stop")

    def _watch(self):
        """What was allowed fades when a limit is lowered; 5 % and 1 A: the sensors' own error."""
        charger, watts = self._charger, self._charger.active_power
        self._up = max(charger.charge_power, self._up * _FADE)
        self._down = max(charger.discharge_power, self._down * _FADE)
        if -1.05 * self._down - _NO_POWER_W < watts < 1.05 * self._up + _NO_POWER_W:
            self._bad = 0
            return
        self._bad += 1
        if self._bad >= _LIMIT_TICKS:
            self._safety.fail("LIMIT_EXCEEDED", "%.0f W at the AC inlet" % watts)
