# SPDX-License-Identifier: MIT
"""Conductive DC charging of ISO 15118-20, DC, MCS and their BPT, Scheduled and Dynamic (8.4.4,
8.4.6).

The story from the first limits to an inlet without voltage. What a request carries is built in
dc_limits.py and schedule.py (before the loop) and dc_loop.py. MCS differs by its service ids
only. Renegotiation, standby and metering are detour.py's.
"""

from evcc import exi
from evcc.compat import const, forget
from evcc.iso20.session import Stop, lock, power, scheduled
from evcc.iso20.units import number, rational
from evcc.reasons import V2GError

_PRECHARGE_MS = const(100)
_TOUCH_V = const(60.0)


def charge(s):
    """From DC_ChargeParameterDiscovery to welding detection. Ends with contactors open."""
    from evcc.iso20 import dc_limits

    response = yield from s.ask("DC_ChargeParameterDiscovery", dc_limits.request(s))
    dc_limits.take(s, response)
    dc_limits = response = None
    exi.forget()
    forget("evcc.iso20.dc_limits")
    from evcc.iso20 import schedule

    offer = yield from scheduled(s)
    yield from lock(s)
    closed = False
    try:  # from here on state C may be set: everything below ends in release()
        s.safety.ready()
        yield from contactors(s, "ready")
        yield from s.until_finished("DC_CableCheck", {})
        try:
            yield from precharge(s)
            s.safety.close()
            closed = True
            yield from contactors(s, "closed")
            yield from power(s, schedule.profile(s, offer, s.vehicle.limits().charge_power))
            schedule = offer = None
            forget("evcc.iso20.schedule")
            # only now: the answers before the loop are the largest
            from evcc.iso20 import dc_loop, loop

            yield from loop.run(s, "DC_ChargeLoop", dc_loop.Request(s))
        except Stop:
            pass
        yield "PowerDelivery", {"EVProcessing": "Finished", "ChargeProgress": "Stop"}
    finally:
        s.safety.release()
    yield from contactors(s, "open")
    if closed:
        yield from welding(s)


def precharge(s):
    """Bring the inlet to the pack's voltage; the last request says Finished."""
    s.vehicle.notify("precharge")
    body = {
        "EVProcessing": "Ongoing",
        "EVPresentVoltage": {},
        "EVTargetVoltage": {},
    }
    while True:
        inlet = s.safety.inlet_voltage()
        pack = s.vehicle.measured().pack_voltage
        if inlet is None or pack is None:
            raise V2GError("NO_INLET_SENSOR")
        # Half the tolerance: what is left is for the time until the contactors have closed.
        if abs(inlet - pack) <= s.params.precharge_tolerance_V / 2:
            body["EVProcessing"] = "Finished"
        rational(inlet, body["EVPresentVoltage"])
        rational(pack, body["EVTargetVoltage"])
        response = yield from s.ask("DC_PreCharge", body)
        s.evse["voltage"] = number(response["EVSEPresentVoltage"])
        if s.stop:
            raise Stop
        if body["EVProcessing"] == "Finished":
            return
        yield _PRECHARGE_MS


def contactors(s, state):
    """Wait until safety reports `state`; its faults are thrown in here and end that wait."""
    while s.safety.state != state:
        yield 20


def welding(s):
    """Watch the inlet lose its voltage; our own sensor judges, the station's value is noted."""
    body = {"EVProcessing": "Ongoing"}
    for _ in range(s.params.welding_rounds):
        response = yield "DC_WeldingDetection", body
        s.evse["voltage"] = number(response["EVSEPresentVoltage"])
        inlet = s.safety.inlet_voltage()
        if inlet is not None and inlet < _TOUCH_V:
            body["EVProcessing"] = "Finished"
            yield "DC_WeldingDetection", body
            return
        yield 500
    s.safety.suspect_weld()
