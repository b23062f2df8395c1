# SPDX-License-Identifier: MIT
"""The controller board in the car, its plug, and the person at it.

`Pilot` is the control pilot wire with the station's oscillator at one end and the car's S2 switch
at the other (IEC 61851-1 Annex A; 5 % duty = digital communication). `Board` has the ports that
device code may use: plain methods, SI units, None = no such sensor. Everything analogue goes
through a converter with noise and steps. Not modelled: pilot rise times, proximity resistor.
"""


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
    "contactor_feedback", "locked"): they answer None. `counters` counts calls by port.
    """

    WATCHDOG_MS = 500

    def __init__(self, world, plant, pilot, missing=()):
        self.world, self.plant, self.pilot = world, plant, pilot
        self.motor = LockMotor()
        self.missing = frozenset(missing)
        self.inlet_C = [25.0, 25.0]
        self.counters = {}
        self.resets = 0
        self.on_reset = None  # called when the watchdog bites: power the device up again
        self.locked_log = [(world.now, False)]
        self._fed = None
        self._noise = world.rng_for("board adc")
        pilot.listeners.append(self._pilot_changed)
        world.add(self)

    # ---- ports: what device code may call ------------------------------------------------------

    def cp(self):
        """(state "A".."F" at the pilot, duty in percent or None without PWM)."""
        self._count("cp")
        pilot = self.pilot
        if pilot.state in "AEF" or pilot.duty is None:
            return pilot.state, None
        return pilot.state, round(pilot.duty + self._noise.uniform(-0.2, 0.2), 1)

    def set_state_c(self, on):
        """S2: True shows C, False B."""
        self._count("set_state_c")
        self.pilot.switch(bool(on))

    def contactors(self, on):
        """Coils of both DC contactors."""
        self._count("contactors")
        self.plant.command(bool(on))

    def contactor_feedback(self):
        """Mirror contact: True closed, False open, None not wired."""
        self._count("contactor_feedback")
        return None if "contactor_feedback" in self.missing else self.plant.contactors.feedback()

    def lock(self, on):
        """Run the connector lock's motor."""
        self._count("lock")
        self.motor.command(bool(on), self.world.now)
        self.world.wake_at(self, self.world.now + self.motor.TRAVEL_MS)

    def locked(self):
        """End switch of the lock."""
        self._count("locked")
        return None if "locked" in self.missing else self.motor.at(self.world.now)

    def inlet_voltage(self):
        """V on the station's side of the contactors; steps of 0.1 V, +-0.4 V of noise."""
        self._count("inlet_voltage")
        if "inlet_voltage" in self.missing:
            return None
        return max(0.0, self._adc(self.plant.inlet_voltage, 0.4, 0.1))

    def inlet_current(self):
        """A into the pack; steps of 0.05 A, +-0.1 A of noise."""
        self._count("inlet_current")
        if "inlet_current" in self.missing:
            return None
        return self._adc(self.plant.current, 0.1, 0.05)

    def temperatures(self):
        """Degrees Celsius of the DC contacts of the inlet."""
        self._count("temperatures")
        return tuple(round(t * 2) / 2 for t in self.inlet_C)

    def watchdog(self):
        """Feed it. It bites WATCHDOG_MS after the last feed; the first feed starts it."""
        self._count("watchdog")
        self._fed = self.world.now

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
        if self._fed is not None and now - self._fed > self.WATCHDOG_MS:
            self._bite()
        return now + 50

    def _bite(self):
        """The watchdog resets the controller: every output falls to its idle level."""
        self._fed = None
        self.resets += 1
        self.pilot.switch(False)
        self.plant.command(False)
        if self.on_reset is not None:
            self.on_reset()

    def _pilot_changed(self, state):
        self.world.wake(self)

    def _adc(self, value, noise, step):
        value += self._noise.uniform(-noise, noise)
        return round(round(value / step) * step, 3)

    def _count(self, name):
        self.counters[name] = self.counters.get(name, 0) + 1
