# SPDX-License-Identifier: MIT
"""The DC power path: station output, cable and inlet, the car's contactors, the pack.

A lumped circuit solved every 10 ms: one voltage source with a current limit, one cable
resistance, one pair of contactors, one pack (open-circuit voltage behind a resistance). It keeps
the true energies and writes down what a real car would have suffered from: contactors opened
under current or closed onto a voltage difference, current while the pilot says B, a live plug in
the hand. Not modelled: anything faster than 10 ms (inrush current above all), Y capacitors,
insulation faults, heat of the pack.

Positive current charges the pack. Voltages at the inlet are the station's side of the contactors.
"""

from evcc.sim_vehicle import Pack

from tools.charger.output import Output

STEP_MS = 10
REST_MS = 50  # where nothing can happen before somebody switches something on


class Violation:
    """Something that must not happen: `kind` (one of the names below), `value` in `unit`."""

    UNDER_CURRENT = "contactors opened under current"  # A
    DIFFERENCE = "contactors closed onto a voltage difference"  # V
    CURRENT_IN_B = "current while the pilot was B"  # ms it lasted
    VOLTAGE_IN_B = "voltage at the inlet while the pilot was B"  # ms it lasted
    UNPLUGGED_LIVE = "unplugged while live"  # V at the contacts
    OVER_VOLTAGE = "pack above its highest voltage"  # V
    UNITS = {
        UNDER_CURRENT: "A",
        DIFFERENCE: "V",
        CURRENT_IN_B: "ms",
        VOLTAGE_IN_B: "ms",
        UNPLUGGED_LIVE: "V",
        OVER_VOLTAGE: "V",
    }

    def __init__(self, now, kind, value):
        self.now, self.kind, self.value = now, kind, value

    def __repr__(self):
        return f"{self.now} ms: {self.kind}: {self.value:.1f} {self.UNITS[self.kind]}"


class Contactors:
    """Both poles of the car's DC contactors as one switch with travel times and mirror contact.

    `weld` closed for ever, honestly shown by the feedback; `weld_hidden` the same with a mirror
    contact that says open (only a voltage check can find it); `stuck_open` never closes.
    """

    CLOSE_MS = 25
    OPEN_MS = 15

    def __init__(self):
        self.commanded = False
        self.moved = False  # where a healthy armature is
        self.closed = False  # what conducts
        self.weld = self.weld_hidden = self.stuck_open = False
        self.operations = 0
        self._moves_at = None

    def command(self, on, now):
        """The coil is switched; returns the time (ms) at which the armature arrives."""
        if on != self.commanded:
            self.commanded = on
            self._moves_at = now + (self.CLOSE_MS if on else self.OPEN_MS)
        return self._moves_at

    def step(self, now):
        """True when what conducts changed at this time."""
        if self._moves_at is not None and now >= self._moves_at:
            self._moves_at = None
            self.moved = self.commanded
            self.operations += 1
        welded = (self.weld or self.weld_hidden) and (self.closed or self.moved)
        closed = welded or (self.moved and not self.stuck_open)
        changed = closed != self.closed
        self.closed = closed
        return changed

    def feedback(self):
        """The mirror contact: True closed, False open."""
        return self.moved and not self.stuck_open if self.weld_hidden else self.closed


class PlantOutput(Output):
    """The station's converter at the other end of the cable: slew rates, source and sink.

    `volt_s`, `ampere_s`: how fast it follows `target`. Switched off, the current is gone at once
    and the outlet discharges with the plant's BLEED_MS.
    """

    def __init__(self, plant, volt_s=1500.0, ampere_s=150.0):
        self.plant = plant
        self.volt_s, self.ampere_s = volt_s, ampere_s
        self.voltage_set = self.current_set = 0.0  # where the ramps are
        self._target = (0.0, 0.0)

    def enable(self, on):
        if on and not self.on:
            self.voltage_set, self.current_set = self.plant.station_voltage, 0.0
            self._target = (self.voltage_set, 0.0)
        super().enable(on)
        if not on:
            self.voltage_set = self.current_set = 0.0
            self._target = (0.0, 0.0)
        self.plant.settle()
        self.plant.world.wake(self.plant)

    def target(self, voltage, current, now):
        if self.on:
            self._target = (voltage, current)
            self.plant.settle()

    def step(self, now):
        """The plant keeps its own time: this only brings it up to date."""
        if now != self.plant.settled_at:
            self.plant.settle()

    def ramp(self, dt):
        """Let the ramps run for dt s."""
        if not self.on:
            return
        volts, amperes = self._target
        self.voltage_set = _toward(self.voltage_set, volts, self.volt_s * dt)
        self.current_set = _toward(self.current_set, amperes, self.ampere_s * dt)


class Plant:
    """The circuit; `output` is the station's side of it.

    `pack_speed` multiplies the time for which the pack sees each current, and nothing else: all
    counters named `..._Wh` count the energy that really flowed, once.
    """

    CABLE_OHM = 0.02
    BLEED_MS = 250.0  # time constant of the outlet without a source: its discharge resistor
    OPEN_A = 1.0  # more than this through opening contacts is a violation
    CLOSE_V = 20.0  # more than this across closing contacts is a violation
    SAFE_V = 60.0
    CURRENT_IN_B_MS = 500
    VOLTAGE_IN_B_MS = 5000

    def __init__(self, world, pilot, pack=None, pack_speed=1):
        self.world = world
        self.pilot = pilot
        self.pack = pack or Pack()
        self.pack_speed = pack_speed
        self.contactors = Contactors()
        self.inlet_voltage = 0.0
        self.station_voltage = 0.0
        self.current = 0.0  # A into the pack
        self.station_Wh_in = self.station_Wh_out = 0.0  # the station's meter: to and from the car
        self.pack_Wh_in = self.pack_Wh_out = 0.0  # at the pack's terminals
        self.loss_Wh = 0.0  # cable
        self.opened_at = []  # A, each time the contactors opened
        self.violations = []
        self.output = PlantOutput(self)
        self.settled_at = world.now
        self._since = {}  # kind of lasting violation -> since when; None: written down already
        world.add(self)

    # ---- what the car's wiring does ----------------------------------------------------------

    def command(self, on):
        """The coil of the contactors."""
        moves_at = self.contactors.command(on, self.world.now)
        if moves_at is not None:
            self.world.wake_at(self, moves_at)

    def unplugged(self):
        """The plug has been drawn just now, whatever flowed."""
        live = max(self.inlet_voltage, self.station_voltage)
        if live > self.SAFE_V:
            self._violate(Violation.UNPLUGGED_LIVE, live)
        self.settle()

    # ---- time --------------------------------------------------------------------------------

    def settle(self):
        """Bring all values to `world.now`."""
        dt = (self.world.now - self.settled_at) / 1000
        if dt > 0:
            self.settled_at = self.world.now
            self._account(dt)
            self.output.ramp(dt)
            self._discharge(dt)
        self._solve()

    def step(self, now):
        self.settle()
        if self.contactors.step(now):
            if self.contactors.closed:
                across = abs(self.pack.ocv() - self.inlet_voltage)
                if across > self.CLOSE_V:
                    self._violate(Violation.DIFFERENCE, across)
            else:
                self.opened_at.append(self.current)
                if abs(self.current) > self.OPEN_A:
                    self._violate(Violation.UNDER_CURRENT, abs(self.current))
            self._solve()
        self._watch()
        return now + (REST_MS if self._at_rest() else STEP_MS)

    def _at_rest(self):
        live = self.output.on or self.station_voltage > 1 or self.inlet_voltage > 1
        return not (live or self.contactors.moved or self.contactors.closed)

    def _account(self, dt):
        """Energies of the last `dt` s, with what flowed during them."""
        i = self.current
        if not i:
            return
        hours = dt / 3600
        at_pack = self.pack.voltage(i) * i * hours
        at_station = self.station_voltage * i * hours
        self.pack_Wh_in += max(at_pack, 0.0)
        self.pack_Wh_out += max(-at_pack, 0.0)
        self.station_Wh_in += max(at_station, 0.0)
        self.station_Wh_out += max(-at_station, 0.0)
        self.loss_Wh += at_station - at_pack
        self.pack.integrate(i, dt * self.pack_speed)

    def _discharge(self, dt):
        if not self.station_voltage and not self.inlet_voltage:
            return
        fall = 2.718281828 ** (-dt * 1000 / self.BLEED_MS)
        self.station_voltage *= fall
        self.inlet_voltage *= fall  # Y and filter capacitors: as fast as the outlet's

    def _solve(self):
        """Current and voltages of this moment (without a source: of `_discharge`)."""
        output, pack = self.output, self.pack
        connected = self.pilot.plugged
        if output.on:
            self.station_voltage = output.voltage_set
        current = 0.0
        if self.contactors.closed:
            ocv = pack.ocv()
            if output.on and connected:
                most = (output.voltage_set - ocv) / (pack.resistance + self.CABLE_OHM)
                # a source stops at its voltage, and so does a sink, from the other side
                if output.current_set >= 0:
                    current = max(0.0, min(output.current_set, most))
                else:
                    current = min(0.0, max(output.current_set, most))
            self.inlet_voltage = ocv + current * pack.resistance
            if connected:
                self.station_voltage = self.inlet_voltage + current * self.CABLE_OHM
        elif connected:
            self.inlet_voltage = self.station_voltage
        self.current = current
        output.voltage, output.current = self.station_voltage, current

    def _watch(self):
        live, flows = self.inlet_voltage, abs(self.current) > self.OPEN_A
        if not self._since and not flows and live <= self.SAFE_V:
            return
        in_b = self.pilot.state in "AB"
        self._lasting(Violation.CURRENT_IN_B, in_b and flows, self.CURRENT_IN_B_MS)
        self._lasting(Violation.VOLTAGE_IN_B, in_b and live > self.SAFE_V, self.VOLTAGE_IN_B_MS)
        over = self.contactors.closed and live > self.pack.full_V + 15
        self._lasting(Violation.OVER_VOLTAGE, over, 0, live)

    def _lasting(self, kind, true, allowed, value=None):
        """Write `kind` down once when it has been true for `allowed` ms without a break."""
        if not true:
            self._since.pop(kind, None)
            return
        now = self.world.now
        since = self._since.setdefault(kind, now)
        if since is not None and now - since >= allowed:
            self._violate(kind, now - since if value is None else value)
            self._since[kind] = None

    def _violate(self, kind, value):
        self.violations.append(Violation(self.world.now, kind, value))


def _toward(value, goal, most):
    return min(goal, value + most) if goal > value else max(goal, value - most)
