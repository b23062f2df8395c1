# SPDX-License-Identifier: MIT
"""A board without hardware: the car's side of pilot, contactors, lock and inlet, simulated.

For a bench where only the communication is real. The inlet is an ideal power path: it follows the
pack in precharge, shows the pack while contactors are closed, and is dead otherwise; its current
is what the station says it delivers. It proves nothing about power.
"""

_RAMP = 0.5  # of the remaining voltage, a reading: precharge takes a few exchanges


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

    def cp(self):
        if not self.plugged:
            return "A", None
        return ("C" if self.state_c else "B"), 5

    def set_state_c(self, on):
        self.state_c = on

    def contactors(self, on):
        self.closed = on

    def contactor_feedback(self):
        return self.closed

    def lock(self, on):
        self.is_locked = on

    def locked(self):
        return self.is_locked

    def inlet_voltage(self):
        events = self.vehicle.events
        if self.closed:
            self._volts = self.vehicle.pack.voltage(self.inlet_current())
        elif self.state_c and events and events[-1] == "precharge":
            self._volts += (self.vehicle.pack.ocv() - self._volts) * _RAMP
        else:
            self._volts = 0.0
        return self._volts

    def inlet_current(self):
        if not self.closed or not self.state_c or self.vehicle.events[-1:] == ["stopping"]:
            return 0.0
        return self.vehicle.evse.get("current", 0.0)

    def temperatures(self):
        return (25.0,)

    def watchdog(self):
        pass
