# SPDX-License-Identifier: MIT
"""SimVehicle: pack model, BMS limits that taper; bench mode, demo and test double in one.

It reads current at the inlet from the board it is given and integrates it; it never looks at the
station's words for that. Inverter and ramp are in sim_charger.py. Not modelled: ageing, cells.
"""

from evcc import ports
from evcc.compat import const
from evcc.vehicle import Demand, Limits, Measured, Vehicle

_CURVE = const(
    b"\x00\x12\x1e\x26\x2c\x32\x3a\x44\x4f\x5a\x64"
)  # % of the span, at each 10 % of SOC


class Pack:
    """Battery: open-circuit voltage over SOC, one resistance, one temperature.

    `capacity` Wh, `soc` 0..1, `empty_V`/`full_V` open-circuit voltage at 0 and 100 %,
    `resistance` ohm, `celsius` of pack and air. `heat`: Wh lost in the resistance so far.
    Positive current charges.
    """

    def __init__(
        self, capacity=60000.0, soc=0.5, empty_V=340.0, full_V=400.0, resistance=0.08, celsius=25.0
    ):
        self.capacity = capacity
        self.soc = soc
        self.empty_V = empty_V
        self.full_V = full_V
        self.resistance = resistance
        self.celsius = self._air = celsius
        self.heat = 0.0

    def ocv(self):
        at = self.soc * 10
        i = min(int(at), 9)
        share = _CURVE[i] + (_CURVE[i + 1] - _CURVE[i]) * (at - i)
        return self.empty_V + (self.full_V - self.empty_V) * share / 100

    def voltage(self, current=0.0):
        """Terminal voltage in V at `current` A."""
        return self.ocv() + current * self.resistance

    def integrate(self, current, dt):
        """Take `current` A for `dt` s. SOC stays within 0..1; stored energy counts at OCV."""
        soc = self.soc + self.ocv() * current * dt / 3600.0 / self.capacity
        self.soc = 0.0 if soc < 0.0 else 1.0 if soc > 1.0 else soc
        joule = current * current * self.resistance * dt
        self.heat += joule / 3600
        # a Wh of capacity takes 5 J for each K, 350 kg for 60 kWh; 10000 s to cool by two thirds
        lost = (self.celsius - self._air) * dt / 2000
        self.celsius += (joule / self.capacity - lost) / 5


class SimVehicle(Vehicle):
    """`board`: its `raw` (see ports) has the current at the inlet. `params`: the ev_* settings.

    `speed` ages the pack faster.
    """

    def __init__(self, board, params, pack=None, speed=1):
        self.board = board
        self.params = params
        self.pack = pack or Pack(
            params.ev_capacity_Wh,
            params.ev_soc / 100,
            params.ev_empty_V,
            params.ev_full_V,
            celsius=params.ev_temperature_C,
        )
        self.speed = speed
        self.events = []  # the last few, for tests and the REPL
        self.evse = {}
        self.done = False
        self.trouble = None
        self._now = None
        self._charger = None
        self._limits = Limits()
        self._demand = Demand()
        self._measured = Measured()

    def update(self, now):
        if self._now is not None:
            milliamps = self.board.raw[ports.INLET_mA]
            current = 0.0 if milliamps == ports.NONE else milliamps / 1000
            if self._charger:
                current += self._charger.step((now - self._now) / 1000)
            self.pack.integrate(current, (now - self._now) * self.speed / 1000)
            self._measured.current = current
        self._now = now

    def identity(self):
        return self.params.evccid or None

    def limits(self):
        p, soc, lim = self.params, self.pack.soc * 100, self._limits
        # Tapers of the kind a BMS does: full power to 80 %, then down to 5 % of it at 100 %; cold
        # cells take little and below -10 degrees nothing, hot ones neither take nor give.
        up = 1.0 if soc < 80 else max(0.05, (100 - soc) / 20)
        down = max(0.0, min(1.0, (soc - p.ev_min_soc) / 5))
        t = self.pack.celsius
        if not 15 <= t <= 50:
            up = max(0.0, min(up, (t + 10) / 25, (60 - t) / 10))
            down = max(0.0, min(down, (t + 20) / 20, (60 - t) / 10))
        if soc >= p.ev_max_soc:
            up = 0.0
        lim.charge_power = p.ev_charge_power_W * up
        lim.charge_current = p.ev_charge_current_A * up
        lim.discharge_power = p.ev_discharge_power_W * down
        lim.discharge_current = p.ev_discharge_current_A * down
        lim.max_voltage = p.ev_max_V
        lim.min_voltage = p.ev_min_V
        return lim

    def demand(self):
        p, cap, d = self.params, self.pack.capacity, self._demand
        soc = self.pack.soc * 100
        d.target_soc, d.min_soc, d.max_soc = p.ev_target_soc, p.ev_min_soc, p.ev_max_soc
        d.target_energy = cap * (p.ev_target_soc - soc) / 100
        d.max_energy = cap * (p.ev_max_soc - soc) / 100
        d.min_energy = cap * (p.ev_min_soc - soc) / 100
        d.max_v2x_energy, d.min_v2x_energy = d.max_energy, d.min_energy
        d.departure_s = p.departure_s
        lim = self.limits()
        # A BMS asks for a little above the pack: the charger is current-steered below it.
        d.target_voltage = min(self.pack.full_V + 10, lim.max_voltage)
        d.target_current = lim.charge_current if soc < p.ev_target_soc else 0.0
        return d

    def measured(self):
        m = self._measured
        m.pack_voltage = self.pack.voltage(m.current or 0.0)
        m.soc = self.pack.soc * 100
        m.capacity = self.pack.capacity
        m.temperature = self.pack.celsius
        return m

    def wants_power(self):
        p = self.params
        if self.done:
            return False
        # Who may be discharged stays until somebody ends it; who only charges ends when full.
        return self.stays or p.ev_discharge_power_W > 0 or self.pack.soc * 100 < p.ev_target_soc

    def offer(self, evse):
        self.evse = evse

    def notify(self, event):
        self.events.append(event)
        if len(self.events) > 20:
            del self.events[0]

    def charger(self):
        if self._charger is None and self.params.ev_ac_charge_power_W:
            from evcc.sim_charger import SimCharger

            self._charger = SimCharger(self)
        return self._charger

    def fault(self):
        return self.trouble
