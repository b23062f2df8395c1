# SPDX-License-Identifier: MIT
"""The controller board in the car, its plug, and the person at it.

`Pilot` is the control pilot wire with the station's oscillator at one end and the car's S2 switch
at the other (IEC 61851-1 Annex A; 5 % duty = digital communication). `Board` has the ports that
device code may use, see evcc.ports. Everything analogue goes
through a converter with noise and steps. Not modelled: pilot rise times, proximity resistor.
"""

from evcc import ports


class Pilot:
    """The control pilot wire. Both ends see the same state.

    Station side: `pwm(duty)` (percent, None or 100 = steady), `fault("E"|"F"|None)`.
    Car side: `s2`. The person: `plugged`. `on_change(state)` calls go out at every change.
    """

    def __init__(self, world):
        self.world = world
        self.plugged = False
        self.s2 = False
        self.duty = None
        self.broken = None
        self.state = "A"
        self.history = [(world.now, "A")]
        self.listeners = []

    def pwm(self, duty):
        """The station's oscillator: duty in percent; None = steady +12 V (x1)."""
        self.duty = None if duty is None or duty >= 100 else duty
        self._changed(force=True)

    def fault(self, state):
        """The station pulls the pilot to "E" (0 V) or "F" (-12 V); None: healthy again."""
        self.broken = state
        self._changed()

    def switch(self, on):
        """The car's S2: True asks for state C."""
        self.s2 = on
        self._changed()

    def plug(self, on):
        self.plugged = on
        self._changed()

    def _changed(self, force=False):
        if not self.plugged:
            state = "A"
        else:
            state = self.broken or ("C" if self.s2 else "B")
        if state != self.state or force:
            if state != self.state:
                self.history.append((self.world.now, state))
            self.state = state
            for listener in self.listeners:
                listener(state)


class LockMotor:
    """Connector lock with end switch. `stuck`: the motor runs and nothing moves."""

    TRAVEL_MS = 400

    def __init__(self):
        self.commanded = False
        self.locked = False
        self.stuck = False
        self.moves = 0
        self._arrives = None

    def command(self, on, now):
        if on != self.commanded:
            self.commanded = on
            self._arrives = now + self.TRAVEL_MS

    def at(self, now):
        """The end switch."""
        if self._arrives is not None and now >= self._arrives:
            self._arrives = None
            if not self.stuck:
                self.locked = self.commanded
                self.moves += 1
        return self.locked


class Board:
    """The ports of a controller board, and the person who plugs.

    `missing`: names of sensors that this board lacks ("inlet_voltage", "inlet_current",
    "contactor_feedback", "locked", "temperature", "isolation"): they answer NONE. `isolation`:
    what the car's own monitor says, None while it is off. `counters` counts calls by port.

    Outputs have pull-downs: without a controller that drives them all are off. One pulse of
    `watchdog()` feeds the controller's watchdog and two monostables that need no controller: S2 is
    enabled for ENABLE_C_MS after it, the coils for ENABLE_COILS_MS, so that a station may still
    cut the current before they open. `forced_openings`: those under current, for all its life.
    """

    WATCHDOG_MS = 500
    ENABLE_C_MS = 200
    ENABLE_COILS_MS = 600

    def __init__(self, world, plant, pilot, missing=()):
        self.world, self.plant, self.pilot = world, plant, pilot
        self.motor = LockMotor()
        self.missing = frozenset(missing)
        self.inlet_C = [25.0, 25.0]
        self.isolation = None
        self.raw = None  # safety's array, see ports
        self.counters = {}
        self.resets = 0
        self.timers = []
        self.on_reset = None  # called when the watchdog bites: power the device up again
        self.locked_log = [(world.now, False)]
        self._fed = None
        self._levels = [False, False]  # of the pins: S2, coils
        self._noise = world.rng_for("board adc")
        pilot.listeners.append(self._pilot_changed)
        world.add(self)

    # ---- ports: what device code may call ------------------------------------------------------

    def sample(self, raw):
        """All inputs as integers, see evcc.ports. The inlet's voltage comes in steps of 0.1 V with
        +-0.4 V of noise, its current in steps of 0.05 A with +-0.1 A."""
        self._count("sample")
        pilot, plant, missing = self.pilot, self.plant, self.missing
        duty = mV = mA = feedback = locked = dC = isolation = ports.NONE
        if pilot.duty is not None and pilot.state not in "AEF":
            duty = round(pilot.duty * 10 + self._noise.uniform(-2, 2))
        if "inlet_voltage" not in missing:
            mV = max(0, self._noisy(plant.inlet_voltage, 0.4, 100))
        if "inlet_current" not in missing:
            mA = self._noisy(plant.current, 0.1, 50)
        if "contactor_feedback" not in missing:
            feedback = int(plant.contactors.feedback())
        if "locked" not in missing:
            locked = int(self.motor.at(self.world.now))
        if "temperature" not in missing:
            dC = round(max(self.inlet_C) * 2) * 5
        if self.isolation is not None and "isolation" not in missing:
            isolation = int(self.isolation)
        raw[ports.CP], raw[ports.DUTY] = ord(pilot.state), duty
        raw[ports.INLET_mV], raw[ports.INLET_mA] = mV, mA
        raw[ports.FEEDBACK], raw[ports.LOCKED] = feedback, locked
        raw[ports.HOTTEST_dC], raw[ports.ISOLATION] = dC, isolation

    def set_state_c(self, on):
        """S2: True shows C, False B."""
        self._count("set_state_c")
        self._levels[0] = bool(on)
        self._drive()

    def contactors(self, on):
        """Coils of both DC contactors."""
        self._count("contactors")
        self._levels[1] = bool(on)
        self._drive()

    def lock(self, on):
        """Run the connector lock's motor."""
        self._count("lock")
        self.motor.command(bool(on), self.world.now)
        self.world.wake_at(self, self.world.now + self.motor.TRAVEL_MS)

    def watchdog(self):
        """A pulse. The watchdog bites WATCHDOG_MS after the last one; the first one starts it."""
        self._count("watchdog")
        self._fed = self.world.now
        self._drive()

    def ticks(self):
        """ms for a timer's tick, see evcc.ports."""
        return self.world.now & 0x3FFFFFFF

    def timer(self, callback):
        """The board's timer: `callback(timer)` every 20 ms, whatever its controller does; None:
        no more."""
        while self.timers:
            self.world.remove(self.timers.pop())
        if callback is not None:
            self.timers.append(self.world.add(_Timer(callback), self.world.now + _Timer.EVERY_MS))

    def clock(self):
        """now, ms."""
        return self.world.now

    # ---- the person ----------------------------------------------------------------------------

    def plug(self):
        """Put the plug in."""
        self.pilot.plug(True)

    def unplug(self, force=False):
        """Draw the plug: False when the lock holds it. `force`: the lock breaks."""
        if self.motor.at(self.world.now) and not force:
            return False
        if self.pilot.plugged:
            self.pilot.plug(False)
            self.plant.unplugged()
        return True

    # ---- the board itself ----------------------------------------------------------------------

    def step(self, now):
        # contacts warm up by I^2 R towards a few degrees at 200 A, in minutes
        for i in range(len(self.inlet_C)):
            rise = 25.0 + 30.0 * (self.plant.current / 200.0) ** 2
            self.inlet_C[i] += (rise - self.inlet_C[i]) * 0.05 / 60
        if self.motor.at(now) != self.locked_log[-1][1]:
            self.locked_log.append((now, self.motor.locked))
        self._drive()
        if self._fed is not None and now - self._fed > self.WATCHDOG_MS:
            self._bite()
        if self._fed is None:
            return now + 50
        lapses = (self.ENABLE_C_MS, self.WATCHDOG_MS, self.ENABLE_COILS_MS)
        return min([now + 50, *(t for ms in lapses if (t := self._fed + ms + 1) > now)])

    def _bite(self):
        """The watchdog resets the controller: every output falls to its idle level."""
        self.resets += 1
        for timer in self.timers:
            self.world.remove(timer)
        self.fall()
        if self.on_reset is not None:
            self.on_reset()

    def fall(self):
        """The controller is in reset: nothing drives an output, nothing pulses."""
        self._fed = None
        self._levels = [False, False]
        self._drive()

    @property
    def forced_openings(self):
        return sum(abs(amps) > self.plant.OPEN_A for amps in self.plant.opened_at)

    def _drive(self):
        """What the pins say, where the monostables let it through."""
        age = self.ENABLE_COILS_MS + 1 if self._fed is None else self.world.now - self._fed
        c = self._levels[0] and age <= self.ENABLE_C_MS
        coils = self._levels[1] and age <= self.ENABLE_COILS_MS
        if c != self.pilot.s2:
            self.pilot.switch(c)
        if coils != self.plant.contactors.commanded:
            self.plant.command(coils)

    def _pilot_changed(self, state):
        self.world.wake(self)

    def _noisy(self, value, noise, step):
        """`value` in thousandths, in whole steps, with +-`noise` on it."""
        return round((value + self._noise.uniform(-noise, noise)) * 1000 / step) * step

    def _count(self, name):
        self.counters[name] = self.counters.get(name, 0) + 1


class _Timer:
    EVERY_MS = 20

    def __init__(self, callback):
        self._callback = callback

    def step(self, now):
        self._callback(self)
        return now + self.EVERY_MS
