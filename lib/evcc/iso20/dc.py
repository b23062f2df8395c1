# SPDX-License-Identifier: MIT
"""Conductive DC charging of ISO 15118-20, DC and DC_BPT, Scheduled and Dynamic (8.4.4, 8.4.6).

The story from the first limits to an inlet without voltage. What a request carries is built in
dc_limits.py (before the loop) and dc_loop.py. Not here: standby, renegotiation, metering.
"""

from evcc.compat import const, forget, get_logger
from evcc.iso20 import dc_loop
from evcc.iso20.units import number, rational
from evcc.reasons import V2GError

_RHYTHM_MS = const(200)  # request to request: at most 250, [V2G20-1499]
_LEAST_MS = const(50)  # after a slow answer: no flooding, and still inside the 250
_PRECHARGE_MS = const(100)
_RAMP_LOOPS = const(25)  # 5 s of zero limits before PowerDelivery(Stop)
_TOUCH_V = 60.0
_LOCK_TRIES = const(20)  # of 0.1 s

log = get_logger("evcc.iso20")


def charge(s):
    """From DC_ChargeParameterDiscovery to welding detection. Ends with contactors open."""
    from evcc.iso20 import dc_limits
    from evcc.iso20.session import Stop

    response = yield from s.ask("DC_ChargeParameterDiscovery", dc_limits.request(s))
    dc_limits.take(s, response)
    schedule = yield from s.until_finished("ScheduleExchange", dc_limits.schedule_request(s))
    yield from lock(s)
    s.safety.check_dead()
    closed = False
    try:  # from here on state C may be set: everything below ends in release()
        s.safety.ready()
        yield from s.until_finished("DC_CableCheck", {})
        try:
            yield from precharge(s)
            s.safety.close(s.now)
            closed = True
            yield from contactors(s, "closed")
            yield from power(s, dc_limits.power_profile(s, schedule))
            dc_limits = schedule = response = None
            forget("evcc.iso20.dc_limits")
            yield from loop(s)
        except Stop:
            pass
        yield "PowerDelivery", {"EVProcessing": "Finished", "ChargeProgress": "Stop"}
    finally:
        s.safety.release()
    yield from contactors(s, "open")
    if closed:
        yield from welding(s)


def lock(s):
    """Lock the connector; it has to be before cable check."""
    for _ in range(_LOCK_TRIES):
        if s.safety.lock():
            return
        yield 100
    raise V2GError("LOCK_FAILED")


def precharge(s):
    """Bring the inlet to the pack's voltage; the last request says Finished."""
    from evcc.iso20.session import Stop

    s.vehicle.notify("precharge")
    body = {
        "EVProcessing": "Ongoing",
        "EVPresentVoltage": {},
        "EVTargetVoltage": {},
    }
    while True:
        inlet = s.safety.board.inlet_voltage()
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


def power(s, body):
    """PowerDelivery(Start)."""
    from evcc.iso20.session import Stop

    response = yield from s.ask("PowerDelivery", body)
    s.notice(response)
    if s.stop:
        raise Stop


def loop(s):
    """The charge loop at its own rhythm; on a wish to stop, limits go to zero first."""
    request = dc_loop.Request(s)
    s.loop_at = s.now
    ramp = 0
    while True:
        if s.stop is None and not s.vehicle.wants_power():
            s.wish_stop("COMPLETED")
        if s.stop:
            if ramp == 0:
                s.vehicle.notify("stopping")
            ramp += 1
        response = yield "DC_ChargeLoop", request.fill(ramp > 0)
        dc_loop.take(s, response)
        s.notice(response)
        if ramp:
            if not s.safety.current() or ramp >= _RAMP_LOOPS:
                return
        yield max(_RHYTHM_MS - (s.now - s.sent), _LEAST_MS)


def welding(s):
    """Watch the inlet lose its voltage; our own sensor judges, the station's value is noted."""
    body = {"EVProcessing": "Ongoing"}
    for _ in range(s.params.welding_rounds):
        response = yield "DC_WeldingDetection", body
        s.evse["voltage"] = number(response["EVSEPresentVoltage"])
        inlet = s.safety.board.inlet_voltage()
        if inlet is not None and inlet < _TOUCH_V:
            body["EVProcessing"] = "Finished"
            yield "DC_WeldingDetection", body
            return
        yield 500
    s.safety.suspect_weld()
