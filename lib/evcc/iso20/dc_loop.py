# SPDX-License-Identifier: MIT
"""The DC charge loop's request and response (ISO 15118-20 8.3.4.5.5), built without garbage.

In Dynamic mode the car states limits and the station steers; in Scheduled mode the car asks for a
current, a negative one to give back (no public source shows that on the wire: off unless the
setting scheduled_discharge is on).
"""

from evcc.iso20 import loop
from evcc.iso20.session import needs
from evcc.iso20.units import number, optional, rational


class Request(loop.Request):
    """DC_ChargeLoopReq, and what its answer means."""

    def __init__(self, s):
        super().__init__(s, "DC")
        self.body["EVPresentVoltage"] = {}

    def fill(self, zero):
        """The request for now; `zero`: the ramp to the end, all limits and targets nothing."""
        s, put = self._s, self._put
        lim, d = s.vehicle.limits(), s.vehicle.demand()
        # A board that lost its inlet sensor reports 0 here; safety has ended the session by then.
        rational(round(s.safety.inlet_voltage() or 0.0, 1), self.body["EVPresentVoltage"])
        self._needs(d)
        share = 0 if zero else s.safety.share()  # a warm inlet asks for less
        put("EVMaximumChargePower", share * lim.charge_power)
        put("EVMaximumChargeCurrent", share * lim.charge_current)
        put("EVMaximumVoltage", lim.max_voltage)
        if s.selected.bpt:
            put("EVMaximumDischargePower", share * lim.discharge_power)
            put("EVMaximumDischargeCurrent", share * lim.discharge_current)
        if s.selected.control_mode == "Scheduled":
            self._target(share, lim, d)
            return self.body
        put("EVMinimumChargePower", share * lim.min_charge_power)
        put("EVMinimumVoltage", lim.min_voltage)
        if s.selected.bpt:
            put("EVMinimumDischargePower", share * lim.min_discharge_power)
        return self.body

    def _target(self, share, lim, d):
        """Scheduled mode: the current asked for, within car, station and schedule."""
        s, evse = self._s, self._s.evse
        pack = s.vehicle.measured().pack_voltage
        volts = min(d.target_voltage, evse["max_voltage"], lim.max_voltage)
        amps = 0.0
        # A pack whose voltage is unknown gets no current.
        if pack:
            watts = min(share * lim.charge_power, evse["max_power"])
            plan = loop.planned(s)
            if plan is not None:
                watts = min(watts, plan)
            if watts < 0:
                watts = min(-watts, share * lim.discharge_power, evse["max_discharge_power"])
                amps = min(
                    watts / pack, share * lim.discharge_current, evse["max_discharge_current"]
                )
                amps = -amps if s.selected.bpt else 0.0
            else:
                amps = min(d.target_current, share * lim.charge_current, evse["max_current"])
                amps = max(0.0, min(amps, watts / pack))
        # cut, not rounded: never above a limit
        self._put("EVTargetCurrent", int(amps * 10) / 10)
        self._put("EVTargetVoltage", int(volts * 10) / 10)

    def take(self, response):
        """The station's answer: present values, limits, and energy summed from both."""
        s, evse = self._s, self._s.evse
        volts = evse["voltage"] = number(response["EVSEPresentVoltage"])
        amps = evse["current"] = number(response["EVSEPresentCurrent"])
        loop.count(s, volts * amps)
        for key in response:
            if key.endswith("CLResControlMode"):
                mode = response[key]
                needs(s, mode)
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
