# SPDX-License-Identifier: MIT
"""Safety's tick: what it checks and does alone, every 20 ms, also in a hard timer interrupt.

Integers only, no allocation, bounded time, no word to anybody: it samples the board, holds pilot,
voltage, current, heat, isolation and the protocol's heartbeat against limits, moves pilot state C,
contactors and lock, and alone feeds the watchdog. It works on while the VM computes for seconds.
What it is asked for and told comes through cells that safety.py writes; see SAFETY.md.
Clauses: IEC 61851-1 Annex A (pilot), ISO 15118-20 8.4.4 and 8.4.3 (states), IEC 61851-23.
"""

from evcc import ports
from evcc.compat import const

_WRAP = const(0x3FFFFFFF)  # times are small ints on every port, so they wrap
_FORCE_MS = const(2000)  # longest wait for current to stop after state B, then force
_FEEDBACK_MS = const(500)  # contactor that has not moved by then failed
_PILOT_TICKS = const(4)  # not C, or no oscillator, is a lost pilot (3 checks 30 ms apart)
_LIMIT_TICKS = const(3)  # a limit passed this long ends charging: within 100 ms
_STALL_MS = const(4000)  # protocol silent while it has asked for anything
_DEAD_MS = const(60000)  # protocol silent at all: the watchdog is fed no more
_READY_MS = const(240000)  # state C without closing: the longest cable check and precharge, more
_TOGGLE_MS = const(300)  # TP_EV_vald_state_duration 200..400
_NO_mA = const(1000)
_TOUCH_mV = const(60000)  # below it the inlet may be touched
_NONE = const(-0x20000000)
_A = const(65)
_B = const(66)
_C = const(67)
_D = const(68)

# cells of `limits`; safety.py and safety_ac.py write them by the same numbers
_NOW_mA = const(0)  # current as the vehicle measures it, for boards without a sensor; AC: always
_UP_mA = const(1)  # allowed into the battery, with the margin of our sensors
_DOWN_mA = const(2)  # out of it
_MOST_mV = const(3)
_MOST_dC = const(4)
_DUTY = const(5)  # longest duty that is digital communication, per mille
_PACK_mV = const(6)  # closing: the pack's voltage,
_NEAR_mV = const(7)  # and how near the inlet has to be to it


class Tick:
    """`board`: see ports. Cells of the protocol: `wish` 0 nothing, 1 state C, 2 contactors closed;
    `limits`; `beat`, any change is a sign of life; `want_lock`; `toggles`. The rest is the tick's.
    """

    def __init__(self, board):
        self.board = board
        self.state = "open"
        self.trip = None  # StopReason of the first fault seen here
        self.forced = False
        self.forced_openings = 0
        self.ac = None  # a safety_ac.AcPower
        self.raw = board.raw = ports.new()
        self.saw = ports.new()  # `raw` at the trip
        self.mA = _NONE  # the current judged
        self.wish = 0
        self.beat = 0
        self.limits = ports.new()
        self.want_lock = None
        self.toggles = 0
        self.keep_locked = False
        self._locked = None  # last command to the lock
        self._heard = -1
        self._heard_at = self._since = self._toggle_at = 0
        self._bad_isolation = 0
        # Whatever was before: outputs off.
        self.set_c(False)
        board.contactors(False)

    def on_timer(self, timer=None):
        """Callback of a timer that ticks by itself."""
        self.tick(self.board.ticks())

    def tick(self, now):
        """Check and move everything once. `now`: ms, may wrap at 2**30."""
        now &= _WRAP
        raw = self.raw
        self.board.sample(raw)
        mA = raw[3]
        if mA == _NONE or self.ac:
            mA = self.limits[_NOW_mA]
        self.mA = mA
        if self.beat != self._heard:
            self._heard = self.beat
            self._heard_at = now
        silent = now - self._heard_at & _WRAP
        if self.state == "open":
            if self.toggles or self._c:
                self._toggle(now, silent)
        else:
            self._watch(mA)
        if silent > _STALL_MS and (self.wish or self.state != "open"):
            self.trips("PROTOCOL_STALLED")
        # The wish is read after the checks: what trips now acts now.
        wish = 0 if self.trip else self.wish
        # What no sensor knows counts as current: NONE is far below.
        flows = not -_NO_mA < mA < _NO_mA
        (self.ac or self).move(self, wish, now, now - self._since & _WRAP, flows)
        if self.want_lock is not self._locked:
            self._move_lock()
        if silent < _DEAD_MS:
            self.board.watchdog()

    def _watch(self, mA):
        """Faults that end charging, on our own measurement."""
        cp, duty, mV, _, closed, _, dC, isolation = self.raw
        limits, state = self.limits, self.state
        if self._c:
            if cp == _A:
                self.trips("UNPLUGGED")
            elif not _C <= cp <= _D or not 30 <= duty <= limits[_DUTY]:
                self._bad_pilot += 1
                if self._bad_pilot >= _PILOT_TICKS:
                    self.trips("PILOT_LOST")
            else:
                self._bad_pilot = 0
        if dC > limits[_MOST_dC]:
            self.trips("OVER_TEMPERATURE")
        # In cable check and precharge the station measures, and both monitors disturb each other.
        if isolation or state == "ready":
            self._bad_isolation = 0
        else:
            self._bad_isolation += 1
            if self._bad_isolation >= _LIMIT_TICKS:
                self.trips("ISOLATION_FAULT")
        dropped = state == "closed" and closed == 0  # they opened by themselves
        bad = dropped or not self.ac and (mV > limits[_MOST_mV] or mV == _NONE)
        if state == "closed" or state == "ac":
            # A lowered limit reaches the station with the next exchange and it ramps: what was
            # allowed before fades, half in 1.4 s.
            up, down = limits[_UP_mA], limits[_DOWN_mA]
            was = self._up - self._up // 100
            if was > up:
                up = was
            was = self._down - self._down // 100
            if was > down:
                down = was
            self._up, self._down = up, down
            if not -down < mA < up:
                bad = True
        if not bad:
            self._bad_limit = 0
            return
        self._bad_limit += 1
        if self._bad_limit >= _LIMIT_TICKS:
            if dropped:
                self.trips("CONTACTOR_FAILED")
            elif mV == _NONE and not self.ac:
                self.trips("NO_INLET_SENSOR")
            else:
                self.trips("LIMIT_EXCEEDED")

    def move(self, _, wish, now, t, flows):
        """DC's states. `t`: ms in this state; `flows`: there is current, or nobody knows."""
        state, closed = self.state, self.raw[4]
        if state == "open":
            if wish == 1:
                self.set_c(True)
                self.go("ready", now)
        elif state == "ready":
            if not wish:
                self.set_c(False)
                self.go("open", now)
            elif wish == 2 and _C <= self.raw[0] <= _D:
                if abs(self.raw[2] - self.limits[_PACK_mV]) > self.limits[_NEAR_mV]:
                    self.trips("PRECHARGE_FAILED")
                else:
                    self.board.contactors(True)
                    self.go("closing", now)
            elif t > _READY_MS:
                self.trips("PHASE_TIMEOUT")
        elif state == "closing" or state == "closed":
            if not wish:
                self.set_c(False)
                self.go("releasing", now)
            elif state == "closing":
                if closed == 1 or (closed == _NONE and t >= _FEEDBACK_MS):
                    self.go("closed", now)
                elif t > _FEEDBACK_MS:
                    self.trips("CONTACTOR_FAILED")
        elif state == "releasing":
            forced = self.raw[0] == _A or t >= _FORCE_MS
            if forced or not flows:
                if flows:
                    self.forced = True
                    self.forced_openings += 1
                self.board.contactors(False)
                self.go("opening", now)
        elif closed != 1:  # opening, stuck
            self.go("open", now)
        elif state == "opening" and t > _FEEDBACK_MS:
            self.go("stuck", now)
            self.trips("WELD_SUSPECTED")

    def _move_lock(self):
        """Lock as asked; unlock as asked once open, without voltage and in B."""
        want, cp, mV = self.want_lock, self.raw[0], self.raw[2]
        if not want and (
            self.state != "open"
            or self._c
            or self.raw[4] == 1
            or self.keep_locked
            or self.trip == "WELD_SUSPECTED"
            or cp == _C
            or cp == _D
            # at a faulty station (E, F) only our own measurement counts
            or (cp > _B if mV == _NONE else mV >= _TOUCH_mV)
        ):
            return
        self._locked = want
        self.board.lock(want)

    def _toggle(self, now, silent):
        """B-C-B for SLAC, as long as nothing speaks against it."""
        cp, duty = self.raw[0], self.raw[1]
        if self.trip or self.wish or silent > _STALL_MS or not _B <= cp <= _C or duty >= 70:
            self.toggles = 0
        if not self.toggles:
            self.set_c(False)
        elif (now - self._toggle_at & _WRAP) >= _TOGGLE_MS:
            self._toggle_at = now
            self.toggles -= 1
            self.set_c(bool(self.toggles & 1))

    def set_c(self, on):
        """For the tick alone."""
        self._c = on
        # ticks that saw something wrong, and the mA allowed now
        self._bad_pilot = self._bad_limit = self._up = self._down = 0
        self.board.set_state_c(on)

    def go(self, state, now):
        """For the tick alone."""
        self.state = state
        self._since = now

    def trips(self, reason):
        """For the tick alone: the first fault counts, and what was seen with it."""
        if self.trip is None:
            for i in range(8):
                self.saw[i] = self.raw[i]
            self.trip = reason
