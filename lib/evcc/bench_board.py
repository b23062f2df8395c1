# SPDX-License-Identifier: MIT
"""A board without hardware: the car's side of pilot, contactors, lock and inlet, simulated.

For a bench where only the communication is real. The inlet is an ideal power path: it follows the
pack in precharge, shows the pack while contactors are closed, and is dead otherwise; its current
is what the station says it delivers. It proves nothing about power.
"""

from evcc import ports

_RAMP = 0.5  # of the remaining voltage, a sample: precharge takes a few exchanges


class BenchBoard:
    """Board ports for `Safety`. Set `vehicle` (a SimVehicle) before use; `plugged` is the user."""

    def __init__(self, clock, plugged=True):
        self.clock = clock
        self.vehicle = None
        self.plugged = plugged
        self.state_c = False
        self.closed = False
        self.is_locked = False
        self._volts = 0.0

    def sample(self, raw):
        raw[ports.CP] = 65 if not self.plugged else 67 if self.state_c else 66
        raw[ports.DUTY] = 50 if self.plugged else ports.NONE
        raw[ports.INLET_mV] = int(self._inlet_voltage() * 1000)
        raw[ports.INLET_mA] = int(self._inlet_current() * 1000)
        raw[ports.FEEDBACK] = 1 if self.closed else 0
        raw[ports.LOCKED] = 1 if self.is_locked else 0
        raw[ports.HOTTEST_dC] = 250
        raw[ports.ISOLATION] = ports.NONE

    def set_state_c(self, on):
        self.state_c = on

    def contactors(self, on):
        self.closed = on

    def lock(self, on):
        self.is_locked = on

    def _inlet_voltage(self):
        events = self.vehicle.events
        if self.closed:
            self._volts = self.vehicle.pack.voltage(self._inlet_current())
        elif self.state_c and events and events[-1] == "precharge":
            self._volts += (self.vehicle.pack.ocv() - self._volts) * _RAMP
        else:
            self._volts = 0.0
        return self._volts

    def _inlet_current(self):
        if not self.closed or not self.state_c or self.vehicle.events[-1:] == ["stopping"]:
            return 0.0
        return self.vehicle.evse.get("current", 0.0)

    def watchdog(self):
        pass
