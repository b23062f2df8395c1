# SPDX-License-Identifier: MIT
"""The DC charge loop's request and response (ISO 15118-20 8.3.4.5.5), built without garbage.

One request dict serves the whole loop; only numbers that changed are written again. In Dynamic
mode the car states limits and the station steers; in Scheduled mode the car asks for a current.
"""

from evcc.iso20.units import number, optional, rational

_MODES = {
    ("Dynamic", False): "Dynamic_DC_CLReqControlMode",
    ("Dynamic", True): "BPT_Dynamic_DC_CLReqControlMode",
    ("Scheduled", False): "Scheduled_DC_CLReqControlMode",
    ("Scheduled", True): "BPT_Scheduled_DC_CLReqControlMode",
}


class Request:
    """DC_ChargeLoopReq of session `s`; `fill` brings it up to date and returns it."""

    def __init__(self, s):
        self._s = s
        self._mode = {}
        self._display = {"ChargingComplete": False}
        self._body = {
            "DisplayParameters": self._display,
            "MeterInfoRequested": False,
            "EVPresentVoltage": {},
            _MODES[s.selected.control_mode, s.selected.bpt]: self._mode,
        }
        self._last = {}

    def _put(self, name, value):
        """Write one RationalNumber of the control mode if it changed."""
        if self._last.get(name) != value:
            self._last[name] = value
            pair = self._mode.get(name)
            if pair is None:
                self._mode[name] = rational(value)
            else:
                rational(value, pair)

    def fill(self, zero):
        """The request for now; `zero`: the ramp to the end, all limits and targets nothing."""
        s, put = self._s, self._put
        lim, d, m = s.vehicle.limits(), s.vehicle.demand(), s.vehicle.measured()
        # A board that lost its inlet sensor reports 0 here; safety has ended the session by then.
        rational(round(s.safety.board.inlet_voltage() or 0.0, 1), self._body["EVPresentVoltage"])
        display = self._display
        display["PresentSOC"] = int(m.soc + 0.5)
        display["TargetSOC"] = d.target_soc
        if "BatteryEnergyCapacity" not in display:
            display["BatteryEnergyCapacity"] = rational(m.capacity)
        display["ChargingComplete"] = m.soc >= d.target_soc
        # Energies in steps of 10 Wh: finer ones would only be noise that has to be sent.
        put("EVTargetEnergyRequest", int(d.target_energy / 10) * 10)
        put("EVMaximumEnergyRequest", int(d.max_energy / 10) * 10)
        put("EVMinimumEnergyRequest", int(d.min_energy / 10) * 10)
        if s.selected.control_mode == "Scheduled":
            self._target(zero, lim, d, m)
            return self._body
        if s.selected.mobility_needs_mode == 1:
            self._mode["DepartureTime"] = d.departure_s
        put("EVMaximumChargePower", 0 if zero else lim.charge_power)
        put("EVMinimumChargePower", 0 if zero else lim.min_charge_power)
        put("EVMaximumChargeCurrent", 0 if zero else lim.charge_current)
        put("EVMaximumVoltage", lim.max_voltage)
        put("EVMinimumVoltage", lim.min_voltage)
        if s.selected.bpt:
            put("EVMaximumDischargePower", 0 if zero else lim.discharge_power)
            put("EVMinimumDischargePower", 0 if zero else lim.min_discharge_power)
            put("EVMaximumDischargeCurrent", 0 if zero else lim.discharge_current)
            if d.max_v2x_energy is not None:
                put("EVMaximumV2XEnergyRequest", int(d.max_v2x_energy / 10) * 10)
                put("EVMinimumV2XEnergyRequest", int(d.min_v2x_energy / 10) * 10)
        return self._body

    def _target(self, zero, lim, d, m):
        """Scheduled mode: the current asked for, within car, station and schedule."""
        s, evse = self._s, self._s.evse
        volts = min(d.target_voltage, evse["max_voltage"], lim.max_voltage)
        amps = 0.0
        # A pack whose voltage is unknown gets no current.
        if not zero and m.pack_voltage:
            watts = min(lim.charge_power, evse["max_power"])
            plan = planned_power(s)
            if plan is not None:
                watts = min(watts, plan)
            amps = min(d.target_current, lim.charge_current, evse["max_current"])
            amps = max(0.0, min(amps, watts / m.pack_voltage))
        self._put("EVTargetCurrent", round(amps, 1))
        self._put("EVTargetVoltage", round(volts, 1))
        self._put("EVMaximumChargePower", 0 if zero else lim.charge_power)
        self._put("EVMaximumChargeCurrent", 0 if zero else lim.charge_current)
        self._put("EVMaximumVoltage", lim.max_voltage)


def planned_power(s):
    """W that the selected schedule grants now; 0 outside of it. None without a schedule."""
    if s.plan is None:
        return None
    t = s.unix() - s.plan[0]
    for duration, watts in zip(s.plan[1], s.plan[2]):
        if t < duration:
            return max(0.0, watts)
        t -= duration
    return 0.0


def take(s, response):
    """The station's answer: present values, limits, and energy summed from both."""
    volts = number(response["EVSEPresentVoltage"])
    amps = number(response["EVSEPresentCurrent"])
    evse = s.evse
    evse["voltage"] = volts
    evse["current"] = amps
    # Energy of the time since the last answer: W x ms / 3.6e6 = Wh
    energy = volts * amps * (s.now - s.loop_at) / 3600000
    s.loop_at = s.now
    s.loops += 1
    if energy > 0:
        s.charged += energy
    else:
        s.discharged -= energy
    for key in response:
        if key.endswith("CLResControlMode"):
            mode = response[key]
            evse["max_power"] = optional(mode, "EVSEMaximumChargePower", evse["max_power"])
            evse["max_current"] = optional(mode, "EVSEMaximumChargeCurrent", evse["max_current"])
            evse["max_voltage"] = optional(mode, "EVSEMaximumVoltage", evse["max_voltage"])
            if s.selected.bpt:
                was = evse["max_discharge_power"]
                evse["max_discharge_power"] = abs(optional(mode, "EVSEMaximumDischargePower", was))
    s.vehicle.offer(evse)
