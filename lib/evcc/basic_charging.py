# SPDX-License-Identifier: MIT
"""AC charging by the pilot's duty cycle, without digital communication (IEC 61851-1 Annex A).

For stations whose duty cycle is not 5 %: it says how much current may flow, state C asks for it.
The setting `basic_charging` switches it on; then the duty cycle is waited for before anything
else, SLAC as well, unless there is no on-board charger or a session to be resumed. A duty that
changes is followed at once, none (the station waits) ends power until it comes back, 5 % hands
over to digital communication. The current is held below what the cable's coding allows where a
board reads that. Not here: state D (ventilation), single phases, IEC 61851-1's simplified pilot.
"""

from evcc.compat import const
from evcc.ports import DUTY, NONE
from evcc.reasons import V2GError

_LOCK_MS = const(5000)
_OFF_MS = const(3000)  # to ramp down before state B
# a charger is told watts: with low mains they must not become too many amperes
_LOW_V = const(207.0)
_NO_POWER_W = const(230.0)


def amps(duty):
    """Highest current in A by Table A.8, per phase, of `duty` in per mille.

    0.0: none (no oscillator, 7 to 8 %, below 3 or above 97 %); None: digital communication.
    """
    if 30 <= duty <= 70:
        return None
    if duty < 80 or duty > 970:
        return 0.0
    if duty < 100:
        return 6.0
    if duty <= 850:
        return duty * 0.06
    return min((duty - 640) * 0.25, 80.0)


class _Session:
    """What the controller's summary shows."""

    selected = evseid = stop = None
    loops = 0
    discharged = 0.0
    state = "basic charging"

    def __init__(self):
        self.charged = 0.0


class _Limited:
    """The on-board charger as far as pilot and cable allow: safety holds its power against it."""

    discharge_power = 0.0

    def __init__(self, charger):
        self._charger = charger
        self._factor = _LOW_V * charger.phases
        self.amps = 0.0
        self.set = charger.set

    @property
    def active_power(self):
        return self._charger.active_power

    @property
    def charge_power(self):
        return min(self.amps * self._factor, self._charger.charge_power)


def charge(c):
    """The controller's story: until the end of charging. `c`: the Controller.

    Returns a StopReason, or None when digital communication is to follow. Raises V2GError.
    """
    charger = c.vehicle.charger()
    if charger is None or c.kept:
        return None
    raw = c.board.raw
    c.enter("waiting for the station")
    while amps(raw[DUTY]) == 0.0:  # one that wants a card first has no oscillator until then
        _check(c)
        if c.stopped:
            return c.stopped
        yield 20
    if amps(raw[DUTY]) is None:
        return None
    c.enter("basic charging")
    c.protocol = "basic AC"
    c.session = session = _Session()
    end = c.now + _LOCK_MS
    while not c.safety.lock():
        _check(c)
        if c.now > end:
            raise V2GError("LOCK_FAILED")
        yield 20
    reason = yield from _power(c, _Limited(charger), session)
    charger.set(0.0)
    end = c.now + _OFF_MS
    while abs(charger.active_power) >= _NO_POWER_W and c.now < end:
        yield 20
    if reason is None:
        c.safety.release()
        while c.safety.ac:
            yield 20
        c.session = c.protocol = None
    return reason


def _power(c, limited, session):
    """Follow the duty cycle; returns why to end, None for digital communication."""
    from evcc.safety_ac import AcPower

    safety, raw = c.safety, c.board.raw
    then = c.now
    while True:
        _check(c)
        if c.stopped:
            return c.stopped
        if not c.vehicle.wants_power():
            return "COMPLETED"
        most = amps(raw[DUTY])
        if most is None:
            return None
        cable = getattr(c.board, "cable_A", NONE)
        limited.amps = most if cable == NONE else min(most, cable)
        if not limited.amps:
            if safety.ac and safety.wish:
                safety.release()
        elif not safety.ac:
            AcPower(safety, limited)
        elif safety.state == "ac":
            limited.set(limited.charge_power)
        session.charged += limited.active_power * (c.now - then) / 3.6e6
        then = c.now
        yield 20


def _check(c):
    fault, pilot = c.safety.fault, c.safety.pilot
    if fault:
        raise V2GError(fault[0], fault[1])
    if pilot == "A":
        raise V2GError("UNPLUGGED")
    if pilot in "EF":
        raise V2GError("PILOT_LOST", "state " + pilot)
