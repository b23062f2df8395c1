# SPDX-License-Identifier: MIT
"""A car whose battery, inverter and clock a test sets; EMS between it and the session's limits."""

from evcc.ems import Ems
from evcc.params import Params
from evcc.vehicle import Demand, Limits, Measured, Vehicle

MIDNIGHT = 1_790_000_000 // 86400 * 86400
OPEN = "* * DC_BPT - 11000; * * AC_BPT - 4600; * * GridForming - 3000"


class Car(Vehicle):
    """A battery of 60 kWh at 400 V whose every value a test sets."""

    forms_grid = True

    def __init__(self):
        self.soc, self.amps, self.celsius = 50.0, 0.0, 25.0
        self.charge_W = self.discharge_W = 11000.0
        self.own_energy = 0.0
        self.power = True
        self.trouble = None
        self.events = []
        self.inverter = None

    def update(self, now):
        pass

    def identity(self):
        return "CAR"

    def limits(self):
        lim = Limits()
        lim.charge_power, lim.discharge_power = self.charge_W, self.discharge_W
        lim.charge_current = lim.discharge_current = 30.0
        lim.min_charge_power, lim.max_voltage, lim.min_voltage = 500.0, 450.0, 300.0
        return lim

    def demand(self):
        d = Demand()
        d.target_soc, d.min_soc, d.max_soc = 80, 20, 100
        d.target_current, d.target_voltage = 30.0, 410.0
        d.own_energy = self.own_energy
        return d

    def measured(self):
        m = Measured()
        m.pack_voltage, m.current, m.soc, m.capacity = 400.0, self.amps, self.soc, 60000.0
        m.temperature = self.celsius
        return m

    def wants_power(self):
        return self.power

    def wish(self):
        return None

    def offer(self, evse):
        pass

    def notify(self, event):
        self.events.append(event)

    def charger(self):
        return self.inverter

    def fault(self):
        return self.trouble


class Inverter:
    charge_power, discharge_power, phases = 11000.0, 7000.0, 3

    def __init__(self):
        self.forming = None

    def form(self, on):
        self.forming = on


class Store:
    def __init__(self):
        self.files = {}

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        self.files[name] = data


class Rig:
    """`mode` at `clock` of a day, in s of simulated time."""

    def __init__(self, mode, clock=12.0, store=None, unix=True, **settings):
        self.params = Params()
        values = {
            "ems_mode": mode,
            "market_profile": OPEN,
            "services": "DC_BPT,AC_BPT,DC",
            "ev_discharge_power_W": 11000.0,
            "ev_discharge_current_A": 30.0,
            "ev_ac_discharge_power_W": 7000.0,
            "ems_efficiency": 1.0,
            **settings,
        }
        for name, value in values.items():
            self.params.set(name, value)
        self.car = Car()
        self.start = MIDNIGHT + int(clock * 3600)
        self.ems = Ems(self.car, self.params, self.start if unix else None, store)
        self.now = 0
        self.ems.update(0)
        self.ems.notify("plugged")
        self.run(10)

    def run(self, seconds, step=0.1):
        end = self.now + int(seconds * 1000)
        while self.now < end:
            self.now = min(self.now + int(step * 1000), end)
            self.ems.update(self.now)

    def at(self, clock):
        """Let time pass to this hour of the same day."""
        self.run((clock * 3600 + MIDNIGHT - self.start) - self.now / 1000, 60)
        self.run(10)

    @property
    def caps(self):
        lim = self.ems.limits()
        return lim.charge_power, lim.discharge_power
