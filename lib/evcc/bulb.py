# SPDX-License-Identifier: MIT
"""Light-bulb mode: a resistor behind the contactors instead of a battery, to see current flow.

For the first tests at a real station with nothing that can be hurt: the load is asked for one
voltage and a small current, charging only, until somebody stops. The idea is pyPLC's. It tells
the station a SOC of 50 % for ever.
"""

from evcc import ports
from evcc.compat import const
from evcc.vehicle import Demand, Limits, Measured, Vehicle

_CAPACITY_WH = const(10000.0)


class Bulb(Vehicle):
    """`volts`: what the load is made for; `amps`: about what it takes there."""

    def __init__(self, board, volts, amps):
        self.board = board
        self.evse = {}
        self.done = False
        self._limits = lim = Limits()
        lim.charge_current = amps * 1.5 + 1  # a cold filament takes more
        lim.charge_power = volts * lim.charge_current
        lim.max_voltage = volts * 1.1
        lim.min_voltage = volts * 0.5
        self._demand = d = Demand()
        d.target_voltage, d.target_current = volts, amps
        d.target_energy = d.max_energy = _CAPACITY_WH * 0.3
        self._measured = m = Measured()
        m.pack_voltage, m.soc, m.capacity = volts, 50.0, _CAPACITY_WH

    def update(self, now):
        milliamps = self.board.raw[ports.INLET_mA]
        self._measured.current = None if milliamps == ports.NONE else milliamps / 1000

    def limits(self):
        return self._limits

    def demand(self):
        return self._demand

    def measured(self):
        return self._measured

    def wants_power(self):
        return not self.done

    def offer(self, evse):
        self.evse = evse
