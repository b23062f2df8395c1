# SPDX-License-Identifier: MIT
"""The DC charge loop's request and response (ISO 15118-20 8.3.4.5.5), built without garbage.

In Dynamic mode the car states limits and the station steers; in Scheduled mode the car asks for a
current, a negative one to give back (no public source shows that on the wire: off unless the
setting scheduled_discharge is on).
"""

from evcc.iso20 import loop
from evcc.iso20.units import number, optional, rational


class Request(loop.Request):
    """DC_ChargeLoopReq, and what its answer means."""

    def __init__(self, s):
        super().__init__(s, "DC")
        self._body["EVPresentVoltage"] = {}

    def fill(self, zero):
        """The request for now; `zero`: the ramp to the end, all limits and targets nothing."""
        s, put = self._s, self._put
        lim, d = s.vehicle.limits(), s.vehicle.demand()
        # A board that lost its inlet sensor reports 0 here; safety has ended the session by then.
        rational(round(s.safety.inlet_voltage() or 0.0, 1), self._body["EVPresentVoltage"])
        self._needs(d)
        if s.selected.control_mode == "Scheduled":
            self._target(zero, lim, d)
            return self._body
        put("EVMaximumChargePower", 0 if zero else lim.charge_power)
        put("EVMinimumChargePower", 0 if zero else lim.min_charge_power)
        put("EVMaximumChargeCurrent", 0 if zero else lim.charge_current)
        put("EVMaximumVoltage", lim.max_voltage)
        put("EVMinimumVoltage", lim.min_voltage)
        if s.selected.bpt:
            put("EVMaximumDischargePower", 0 if zero else lim.discharge_power)
            put("EVMinimumDischargePower", 0 if zero else lim.min_discharge_power)
            put("EVMaximumDischargeCurrent", 0 if zero else lim.discharge_current)
        return self._body

    def _target(self, zero, lim, d):
        """Scheduled mode: the current asked for, within car, station and schedule."""
        s, evse = self._s, self._s.evse
        pack = s.vehicle.measured().pack_voltage
        volts = min(d.target_voltage, evse["max_voltage"], lim.max_voltage)
        amps = 0.0
        # A pack whose voltage is unknown gets no current.
        if not zero and pack:
            watts = min(lim.charge_power, evse["max_power"])
            plan = loop.planned(s)
            if plan is not None:
                watts = min(watts, plan)
            if watts < 0:
                watts = min(-watts, lim.discharge_power, evse["max_discharge_power"])
                amps = min(watts / pack, lim.discharge_current, evse["max_discharge_current"])
                amps = -amps if s.selected.bpt else 0.0
            else:
                amps = min(d.target_current, lim.charge_current, evse["max_current"])
                amps = max(0.0, min(amps, watts / pack))
        self._put("EVTargetCurrent", round(amps, 1))
        self._put("EVTargetVoltage", round(volts, 1))
        self._put("EVMaximumChargePower", 0 if zero else lim.charge_power)
        self._put("EVMaximumChargeCurrent", 0 if zero else lim.charge_current)
        self._put("EVMaximumVoltage", lim.max_voltage)
        if s.selected.bpt:
            self._put("EVMaximumDischargePower", 0 if zero else lim.discharge_power)
            self._put("EVMaximumDischargeCurrent", 0 if zero else lim.discharge_current)

    def take(self, response):
        """The station's answer: present values, limits, and energy summed from both."""
        s, evse = self._s, self._s.evse
        volts = evse["voltage"] = number(response["EVSEPresentVoltage"])
        amps = evse["current"] = number(response["EVSEPresentCurrent"])
        loop.count(s, volts * amps)
        for key in response:
            if key.endswith("CLResControlMode"):
                mode = response[key]
                evse["max_power"] = optional(mode, "EVSEMaximumChargePower", evse["max_power"])
                evse["max_current"] = optional(
                    mode, "EVSEMaximumChargeCurrent", evse["max_current"]
                )
                evse["max_voltage"] = optional(mode, "EVSEMaximumVoltage", evse["max_voltage"])
                if s.selected.bpt:
                    was = evse["max_discharge_power"]
                    evse["max_discharge_power"] = abs(
                        optional(mode, "EVSEMaximumDischargePower", was)
                    )
        s.vehicle.offer(evse)
