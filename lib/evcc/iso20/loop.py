# SPDX-License-Identifier: MIT
"""The charge loop of ISO 15118-20 8.3.4.4: rhythm and end, and what DC and AC requests share.

One request dict serves the whole loop; only numbers that changed are written again, so that
nothing grows. dc_loop.py and ac_loop.py fill in the rest.
"""

from evcc import exi
from evcc.compat import const, forget
from evcc.iso20.units import rational

_RHYTHM_MS = const(200)  # request to request: at most 250, [V2G20-1499]
_LEAST_MS = const(50)  # after a slow answer: no flooding, and still inside the 250
_RAMP_LOOPS = const(25)  # 5 s of zero limits before PowerDelivery(Stop)


def run(s, name, request):
    """Loop by `request` at its own rhythm; on a wish to stop, limits go to zero first."""
    exi.forget()
    s.loop_at = s.now
    ramp = 0
    last = None
    while True:
        if s.stop is None and not s.vehicle.wants_power():
            s.wish_stop("COMPLETED")
        wish = s.vehicle.wish()
        if wish != last:
            last = wish
            _wished(s, wish)
        if s.wish and s.stop is None:
            from evcc.iso20 import detour

            exi.forget()
            yield from detour.take(s, name, request)
            detour = None
            forget(
                "evcc.iso20.detour",
                "evcc.iso20.schedule",
                "evcc.iso20.precharge",
                "evcc.iso20.metering",
                "evcc.iso20.side",
            )
            exi.forget()
        if s.stop:
            if ramp == 0:
                s.vehicle.notify("stopping")
            ramp += 1
        yield from exchange(s, name, request, ramp > 0)
        if ramp:
            if not s.safety.current() or ramp >= _RAMP_LOOPS:
                exi.forget()
                return
        yield rest(s)


def exchange(s, name, request, zero):
    """One charge loop, its answer taken in and returned; `zero`: without power."""
    response = yield name, request.fill(zero)
    request.take(response)
    s.notice(response)
    return response


def rest(s):
    """ms until the next request is due."""
    return max(_RHYTHM_MS - (s.now - s.sent), _LEAST_MS)


def _wished(s, wish):
    """The vehicle's wish (vehicle.py) in the session's words."""
    if wish == "pause":
        s.wish_stop("USER_PAUSE")
    elif wish == "standby":
        s.wish = "Standby"
    elif wish == "renegotiate":
        s.wish = "ScheduleRenegotiation"


class Request:
    """ChargeLoopReq of session `s`, its dict in `body`. A subclass has `fill(zero)`, which brings
    it up to date and returns it (`zero`: no power), and `take(response)`."""

    def __init__(self, s, kind):
        self._s = s
        self._mode = {}
        self._display = {"ChargingComplete": False}
        mode = "%s_%s_CLReqControlMode" % (s.selected.control_mode, kind)
        self.body = {
            "DisplayParameters": self._display,
            "MeterInfoRequested": False,
            ("BPT_" if s.selected.bpt else "") + mode: self._mode,
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

    def _needs(self, d):
        """What the car wants, the same for AC and DC. `d`: the vehicle's demand."""
        m, put, chosen = self._s.vehicle.measured(), self._put, self._s.selected
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
        if chosen.control_mode == "Dynamic":
            if chosen.mobility_needs_mode == 1:
                self._mode["DepartureTime"] = d.departure_s
            if chosen.bpt and d.max_v2x_energy is not None:
                put("EVMaximumV2XEnergyRequest", int(d.max_v2x_energy / 10) * 10)
                put("EVMinimumV2XEnergyRequest", int(d.min_v2x_energy / 10) * 10)


def planned(s):
    """W of the car's power profile now, negative: to give back; 0 outside of it. None without."""
    if s.plan is None:
        return None
    t = s.unix() - s.plan[0]
    for duration, watts in zip(s.plan[1], s.plan[2]):
        if t < duration:
            return watts * s.share
        t -= duration
    return 0.0


def count(s, watts):
    """One more loop, in which `watts` flowed since the last answer: W x ms / 3.6e6 = Wh."""
    energy = watts * (s.now - s.loop_at) / 3600000
    s.loop_at = s.now
    s.loops += 1
    if energy > 0:
        s.charged += energy
    else:
        s.discharged -= energy
