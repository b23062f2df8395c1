# SPDX-License-Identifier: MIT
"""Owner of pilot state C, the contactors and the connector lock: what the protocol may ask.

The protocol asks, safety decides, and it acts alone (safety_tick.py). A request writes a cell that
the next tick reads; only taking state C away is done at once. `poll` is the slow part: it brings
the vehicle's limits to the tick and the tick's faults to log and vehicle. Page: SAFETY.md.
Not here: isolation monitoring before the loop, which is the station's duty (IEC 61851-23).
"""

from evcc import ports
from evcc.compat import const, get_logger
from evcc.reasons import V2GError
from evcc.safety_tick import Tick

# cells of `limits`, see safety_tick.py
_NOW_mA = const(0)
_UP_mA = const(1)
_DOWN_mA = const(2)
_MOST_mV = const(3)
_MOST_dC = const(4)
_DUTY = const(5)
_PACK_mV = const(6)
_NEAR_mV = const(7)
_TOUCH_mV = const(60000)
_COOL_C = const(20.0)  # below the highest temperature: from there on less power is asked for,
_SPARE_C = const(5.0)  # and none from here

log = get_logger("evcc.safety")


class Safety(Tick):
    """`board`: see ports; `vehicle`: limits and measured values; `params`: settings.

    `state`: "open" (pilot B), "ready" (pilot C), "closing", "closed", "releasing", "opening",
    "stuck" (told to open, feedback says closed); AC has its own, see safety_ac.py. `fault`: None
    or (StopReason, detail); stays until `reset`. `forced_openings`: counted over the life of
    the object.
    """

    def __init__(self, board, vehicle, params):
        super().__init__(board)
        self.vehicle = vehicle
        self.params = params
        self.fault = None
        self.timed = False  # a timer ticks, also while the VM computes
        self._told = None  # last event for the vehicle
        self._logged = 0

    # --- what anybody may look at --------------------------------------------------------------

    @property
    def pilot(self):
        """State "A" to "F" as of the last tick."""
        return chr(self.raw[ports.CP])

    @property
    def duty(self):
        """Percent, None without an oscillator."""
        duty = self.raw[ports.DUTY]
        return None if duty < 0 else duty / 10

    def inlet_voltage(self):
        """V at the inlet as of the last tick, None without a sensor."""
        mV = self.raw[ports.INLET_mV]
        return None if mV == ports.NONE else mV / 1000

    def current(self):
        """Does current flow, as far as we can measure?"""
        return self.mA != ports.NONE and abs(self.mA) >= 1000

    def locked(self):
        """Is the connector locked, as of the last tick? True also where nothing tells."""
        return self.raw[ports.LOCKED] != 0

    def share(self):
        """0.0..1.0 of the vehicle's limits to ask for: less, the warmer the inlet gets."""
        rest = self.params.inlet_max_C - _SPARE_C - self.raw[ports.HOTTEST_dC] / 10
        return max(0.0, min(1.0, rest / (_COOL_C - _SPARE_C)))

    def may_compute(self):
        """May the VM be busy for 50 ms and more at a time (slices of a signature)?

        With power on and no timer three ticks, which a limit takes, would last too long.
        """
        return self.timed or self.state == "open"

    # --- what the protocol may ask -------------------------------------------------------------

    def reset(self):
        """Forget the last session's fault. Only at rest: then the tick finds no new one."""
        if self.state == "open" and not self.wish:
            self.fault = self.trip = self.ac = None
            self.forced = self.keep_locked = False

    def lock(self):
        """Lock the connector; True once it is. Ask again until it is."""
        self.want_lock = True
        return self._locked is True and self.locked()

    def unlock(self):
        """Unlock as soon as it is safe: open, inlet without voltage, pilot B (or A)."""
        self.want_lock = False

    def ready(self):
        """Ask for pilot state C, just before cable check: `state` gets "ready".

        Raises V2GError: a fault; no inlet sensor, or one that shows voltage; contactors that are
        not open or current that flows; a pilot that is not in B, so a station that has not let go
        since the last session or a reset.
        """
        self.check()
        raw, why = self.raw, None
        if raw[ports.INLET_mV] == ports.NONE:
            why = "NO_INLET_SENSOR"
        elif raw[ports.INLET_mV] > _TOUCH_mV:
            why = "INLET_VOLTAGE"
        elif raw[ports.FEEDBACK] == 1 or self.current():
            why = "WELD_SUSPECTED"
            self.keep_locked = True
        elif self.pilot != "B":
            why = "PILOT_LOST"
        elif not raw[ports.ISOLATION]:
            why = "ISOLATION_FAULT"
        if why:
            raise V2GError(why, "before cable check: " + self._seen(raw))
        self.vehicle.notify("cable_check")  # its own isolation monitor off
        self.limits[_DUTY] = 70
        self.wish = 1

    def close(self):
        """Ask for closed contactors after precharge. Raises V2GError when that would be wrong."""
        self.check()
        volts, pack = self.inlet_voltage(), self.vehicle.measured().pack_voltage
        if volts is None or pack is None:
            raise V2GError("NO_INLET_SENSOR")
        near = self.params.precharge_tolerance_V
        if self.state != "ready" or abs(volts - pack) > near:
            raise V2GError("PRECHARGE_FAILED", "%s %.0f/%.0f V" % (self.state, volts, pack))
        self.limits[_PACK_mV] = int(pack * 1000)
        self.limits[_NEAR_mV] = int(near * 1000)
        self.wish = 2  # last: the tick judges once more

    def release(self):
        """Pilot to B at once; contactors open as soon as no current flows. Never fails."""
        self.wish = self.toggles = 0  # first: from here on no tick switches anything on
        self.board.set_state_c(False)
        if self.ac:
            self.ac.poll()
        elif self.state in ("closing", "closed"):
            self._tell("stopping")  # its own converters to nothing

    def suspect_weld(self):
        """Voltage stayed at the inlet after opening: keep it locked and say so."""
        self.keep_locked = True
        self.fail("WELD_SUSPECTED", "%s V at the open inlet" % self.inlet_voltage())

    def toggle(self, n):
        """`n` toggles B-C-B: for SLAC validation, or to wake a station that has no oscillator on.

        Only with open contactors, and never at a duty that grants power by itself."""
        free = self.state == "open" and not self.fault
        if free and self.pilot == "B" and self.raw[ports.DUTY] < 70:
            self.toggles = 2 * n

    def fail(self, reason, detail):
        """A fault seen outside of the tick: the first one counts; released at once."""
        if self.fault is None:
            self.fault = (reason, detail)
            log.error("%s %s", reason, detail)
        self.release()

    # --- the slow part -------------------------------------------------------------------------

    def poll(self):
        """The protocol's heartbeat, at least every 50 ms: what needs objects, log, vehicle."""
        self.beat = self.beat + 1 & 0xFFFF
        state, limits, vehicle = self.state, self.limits, self.vehicle
        if self.trip and not self.fault:
            self.fail(self.trip, self._seen(self.saw))
        if self.forced_openings != self._logged:
            self._logged = self.forced_openings
            log.error("contactors forced open")
        limits[_MOST_dC] = int(self.params.inlet_max_C * 10)
        if self.ac:
            if state == "open" and not self.wish:
                self.ac = None
            else:
                self.ac.poll()
        else:
            # 5 % and 2 A, 2 %: ripple and the sensors' own error
            lim, amps = vehicle.limits(), vehicle.measured().current
            limits[_NOW_mA] = ports.NONE if amps is None else int(amps * 1000)
            limits[_UP_mA] = int(lim.charge_current * 1050) + 2000
            limits[_DOWN_mA] = int(lim.discharge_current * 1050) + 2000
            limits[_MOST_mV] = int(lim.max_voltage * 1020)
            if state == "closed":
                if self.wish:
                    self._tell("closed")
            elif state != "open":
                if state in ("releasing", "opening", "stuck"):
                    self._tell("stopping")
            elif self._told in ("closed", "stopping"):
                self._tell("opened")
        if state != "open":
            text = vehicle.fault()
            if text:
                self.fail("VEHICLE_FAULT", text)

    def _tell(self, event):
        if event != self._told:
            self._told = event
            self.vehicle.notify(event)

    def _seen(self, raw):
        """What a tick saw, for people."""
        words = "pilot " + chr(raw[0])
        for i, unit in ((1, "%"), (2, "V"), (3, "A"), (6, "C")):
            if raw[i] != ports.NONE:
                words += " %.1f %s" % (raw[i] / (1000 if 2 <= i <= 3 else 10), unit)
        return words

    def check(self):
        """Raises V2GError when there is a fault."""
        if self.trip and not self.fault:
            self.fail(self.trip, self._seen(self.saw))
        if self.fault:
            raise V2GError(*self.fault)
