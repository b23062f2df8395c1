# SPDX-License-Identifier: MIT
"""Owner of pilot state C, the contactors and the connector lock (IEC 61851-1 Annex A, -23).

The protocol asks, safety decides, and it acts alone: on pilot loss, limits passed on our own
measurement, heat, a fault of the vehicle, or a protocol that stopped. Contactors open without
current; when current does not stop in time they are forced open and that is counted. `tick` is
called every 20 ms or faster. Not here: isolation monitoring (the station's duty before the loop).
"""

from evcc import ports
from evcc.compat import const, get_logger
from evcc.reasons import V2GError

_TICK_MS = const(20)
_FORCE_MS = const(2000)  # longest wait for current to stop after state B, then force
_FEEDBACK_MS = const(500)  # contactor or lock that has not moved by then failed
_PILOT_TICKS = const(4)  # E, F or no oscillator this long is a lost pilot (3 checks 30 ms apart)
_LIMIT_TICKS = const(3)  # a limit passed this long ends charging: within 100 ms
_STALL_MS = const(2000)  # protocol silent while closed
_TOGGLE_MS = const(300)  # TP_EV_vald_state_duration 200..400
_NO_CURRENT_A = 1.0
_TOUCH_V = 60.0  # below it the inlet may be touched
_FADE = 0.99  # a tick: half in 1.4 s

log = get_logger("evcc.safety")


class Safety:
    """`board`: the ports of a board; `vehicle`: limits and measured values; `params`: settings.

    `state`: "open" (pilot B), "ready" (pilot C), "closing", "closed", "releasing", "opening",
    "stuck" (told to open, feedback says closed); AC has its own, see safety_ac.py. `fault`: None
    or (StopReason, detail); stays until `reset`. `forced_openings`: counted over the life of
    the object.
    """

    def __init__(self, board, vehicle, params):
        self.board = board
        self.vehicle = vehicle
        self.params = params
        self.state = "open"
        self.fault = None
        self.forced = False
        self.forced_openings = 0
        self.ac = None  # a safety_ac.AcPower
        self.pilot = "A"
        self.duty = None
        self._c = None
        self._since = 0
        self._alive = 0
        self._bad_pilot = self._bad_limit = 0
        self._up = self._down = 0.0  # A allowed now, charging and discharging
        self._unlock = False
        self._toggles = 0
        self._toggle_at = 0
        self._raw = board.raw = ports.new()
        # Whatever was before: outputs off.
        self.set_c(False)
        board.contactors(False)

    # --- what the protocol may ask -------------------------------------------------------------

    def reset(self):
        """Forget the last session's fault. Only with contactors open."""
        if self.state == "open":
            self.fault = None
            self.forced = False

    def alive(self, now):
        """The protocol's heartbeat."""
        self._alive = now

    def lock(self):
        """Lock the connector; True once it is. Ask again until it is."""
        self._unlock = False
        self.board.lock(True)
        return self.locked()

    def unlock(self):
        """Unlock as soon as it is safe: open, inlet without voltage, pilot B (or A)."""
        self._unlock = True

    def check_dead(self):
        """Before cable check: an inlet sensor exists and shows no voltage. Raises V2GError."""
        volts = self.inlet_voltage()
        if volts is None:
            raise V2GError("NO_INLET_SENSOR")
        if volts > _TOUCH_V:
            raise V2GError("INLET_VOLTAGE", "%.0f V before cable check" % volts)

    def ready(self):
        """Pilot state C, just before cable check or power. Raises V2GError with a fault."""
        self._check()
        if self.state == "open":
            self._toggles = 0
            self.set_c(True)
            self._go("ready", self._since)

    def close(self, now):
        """Close the contactors after precharge. Raises V2GError when that would be wrong."""
        self._check()
        volts = self.inlet_voltage()
        pack = self.vehicle.measured().pack_voltage
        if volts is None or pack is None:
            raise V2GError("NO_INLET_SENSOR")
        if self.state != "ready" or abs(volts - pack) > self.params.precharge_tolerance_V:
            raise V2GError("PRECHARGE_FAILED", "%s %.0f/%.0f V" % (self.state, volts, pack))
        self._alive = now
        self._go("closing", now)
        self.board.contactors(True)

    def release(self):
        """Pilot to B at once; contactors open as soon as no current flows. Never fails."""
        self.set_c(False)
        if self.ac:
            self.ac.release()
        elif self.state == "ready":
            self.state = "open"
        elif self.state in ("closing", "closed"):
            self.vehicle.notify("stopping")  # its own converters to nothing
            self.state = "releasing"
            self._since = None  # the next tick sets it

    def suspect_weld(self):
        """Voltage stayed at the inlet after opening: keep it locked and say so."""
        self.fail("WELD_SUSPECTED", "%s V at the open inlet" % self.inlet_voltage())

    def toggle(self, n):
        """`n` toggles B-C-B: for SLAC validation, or to wake a station that has no oscillator on.

        Only with open contactors, and never at a duty that grants power by itself."""
        if self.state == "open" and self.pilot == "B" and (self.duty is None or self.duty < 7):
            self._toggles = 2 * n

    # --- what safety does alone ----------------------------------------------------------------

    def tick(self, now):
        """Check everything once; returns the time of the next tick."""
        board = self.board
        raw = self._raw
        board.sample(raw)
        self.pilot = chr(raw[ports.CP])
        self.duty = None if raw[ports.DUTY] == ports.NONE else raw[ports.DUTY] / 10
        amps = self._amps()
        volts = self.inlet_voltage()
        if self._toggles:
            self._toggle(now)
        self._watch(now, amps, volts)
        state = self.state
        if self.ac:
            self.ac.tick(now, self._alive)
        elif state == "closing":
            done = raw[ports.FEEDBACK]
            if done == 1 or (done == ports.NONE and now - self._since >= _FEEDBACK_MS):
                self._go("closed", now)
                self.vehicle.notify("closed")
            elif now - self._since > _FEEDBACK_MS:
                self.fail("CONTACTOR_FAILED", "did not close")
        elif state == "releasing":
            if self._since is None:
                self._since = now
            if amps is not None and abs(amps) < _NO_CURRENT_A:
                self._open(now)
            elif self.pilot == "A" or now - self._since >= _FORCE_MS:
                self._force(now, amps)
        elif state == "opening" or state == "stuck":
            if raw[ports.FEEDBACK] != 1:
                self._go("open", now)
                self.vehicle.notify("opened")
            elif state == "opening" and now - self._since > _FEEDBACK_MS:
                self._go("stuck", now)
                self.fail("WELD_SUSPECTED", "feedback says closed")
        if self._unlock and self.state == "open" and self._safe_to_touch(volts):
            self._unlock = False
            board.lock(False)
        board.watchdog()
        return now + _TICK_MS

    def inlet_voltage(self):
        """V at the inlet as of the last tick, None without a sensor."""
        millivolts = self._raw[ports.INLET_mV]
        return None if millivolts == ports.NONE else millivolts / 1000

    def locked(self):
        """Is the connector locked, as of the last tick? True also where nothing tells."""
        return self._raw[ports.LOCKED] != 0

    def current(self):
        """Does current flow, as far as we can measure?"""
        if self.ac:
            return self.ac.flows()
        return abs(self._amps() or 0.0) >= _NO_CURRENT_A

    def _amps(self):
        milliamps = self._raw[ports.INLET_mA]
        return self.vehicle.measured().current if milliamps == ports.NONE else milliamps / 1000

    def _watch(self, now, amps, volts):
        """Faults that end charging, on our own measurement."""
        pilot, vehicle = self.pilot, self.vehicle
        # The pilot's own state ends things only from state C on; before, the controller sees it.
        if self._c and self.state != "open":
            if pilot == "A":
                self.fail("UNPLUGGED", "")
            elif pilot in "EF" or not self.duty:
                self._bad_pilot += 1
                if self._bad_pilot >= _PILOT_TICKS:
                    self.fail("PILOT_LOST", "state " + pilot if pilot in "EF" else "no oscillator")
            else:
                self._bad_pilot = 0
        if self.state == "open":
            return
        if vehicle.fault():
            self.fail("VEHICLE_FAULT", vehicle.fault())
        celsius = self._raw[ports.HOTTEST_dC] / 10
        if celsius > self.params.inlet_max_C:
            self.fail("OVER_TEMPERATURE", "%.0f C" % celsius)
        if self.state != "closed":
            return
        # A lowered limit reaches the station with the next exchange and it ramps: what was allowed
        # before fades within seconds. 5 % and 2 A: ripple and the sensors' own error.
        limits = vehicle.limits()
        self._up = max(limits.charge_current, self._up * _FADE)
        self._down = max(limits.discharge_current, self._down * _FADE)
        if (volts is not None and volts > limits.max_voltage * 1.02) or (
            amps is not None and not -1.05 * self._down - 2 < amps < 1.05 * self._up + 2
        ):
            self._bad_limit += 1
            if self._bad_limit >= _LIMIT_TICKS:
                self.fail("LIMIT_EXCEEDED", "%s V %s A" % (volts, amps))
        else:
            self._bad_limit = 0
        if now - self._alive > _STALL_MS:
            self.fail("PROTOCOL_STALLED", "")

    def fail(self, reason, detail):
        """A fault: the first one counts; released at once."""
        if self.fault is None:
            self.fault = (reason, detail)
            log.error("%s %s", reason, detail)
        if self.state != "stuck":
            self.release()

    def _check(self):
        if self.fault:
            raise V2GError(*self.fault)

    def _open(self, now):
        self.board.contactors(False)
        self._go("opening", now)

    def _force(self, now, amps):
        self.forced = True
        self.forced_openings += 1
        log.error("contactors forced open at %s A", amps)
        self._open(now)

    def _go(self, state, now):
        self.state = state
        self._since = now

    def set_c(self, on):
        if self._c is not on:
            self._c = on
            self._bad_pilot = self._bad_limit = 0
            self.board.set_state_c(on)

    def _safe_to_touch(self, volts):
        return (
            self._raw[ports.FEEDBACK] != 1
            # at a faulty station (E, F) only our own measurement counts
            and (self.pilot in "AB" if volts is None else volts < _TOUCH_V)
            and not self._c
            and not (self.fault and self.fault[0] == "WELD_SUSPECTED")
        )

    def _toggle(self, now):
        if now - self._toggle_at >= _TOGGLE_MS:
            self._toggle_at = now
            self._toggles -= 1
            self.set_c(bool(self._toggles & 1))
