# SPDX-License-Identifier: MIT
"""Conductive AC charging of ISO 15118-20, AC and AC_BPT, Scheduled and Dynamic (8.4.3, 8.4.5).

Power is steered, not current, and the contactor is the station's: the car shows state C within
250 ms after PowerDelivery(Start) and its on-board charger draws only after the answer. Imported
when an AC service is taken. Not here: reactive power, frequency response.
"""

from evcc.compat import const, forget
from evcc.iso20 import ac_loop, loop
from evcc.iso20.session import Stop, lock

_OFF_TRIES = const(100)  # of 20 ms

# The rows in which AC differs from flow.FLOW; same columns, same sources for the times.
FLOW = (
    "\n"
    "SessionSetup common 2000 - AuthorizationSetup AC_ChargeParameterDiscovery\n"
    "ServiceSelection common 2000 - AC_ChargeParameterDiscovery SessionStop\n"
    "AC_ChargeParameterDiscovery ac 2000/6000 - ScheduleExchange SessionStop\n"
    "ScheduleExchange common 2000 60 ScheduleExchange PowerDelivery SessionStop\n"
    # field: EVerest's Evse15118D20 holds the answer until its contactor has closed, 1.4 to 3 s
    "PowerDelivery common 2000/6000 - PowerDelivery AC_ChargeLoop ScheduleExchange SessionStop\n"
    # 500: [V2G20-1500]; field: one lost frame on the power line costs a retransmission time-out
    "AC_ChargeLoop ac 500/2000 - AC_ChargeLoop PowerDelivery MeteringConfirmation\n"
)

LATER = "ac_limits schedule"


def charge(s):
    """From AC_ChargeParameterDiscovery to a pilot in B without current."""
    from evcc.iso20 import ac_limits, schedule
    from evcc.safety_ac import AcPower

    s.rows = FLOW
    charger = s.vehicle.charger()
    if charger is None:
        s.end("NO_SERVICE", "AC without an on-board charger")
    response = yield from s.ask("AC_ChargeParameterDiscovery", ac_limits.request(s, charger))
    ac_limits.take(s, charger, response)
    offer = yield from schedule.agree(s)
    yield from lock(s)
    try:  # from here on state C may be set: everything below ends in release()
        AcPower(s.safety, charger)  # B until the request has gone [V2G20-1617], then C
        try:
            most = min(charger.charge_power, s.evse["max_power"])
            yield from schedule.start(s, schedule.profile(s, offer, most, charger.phases))
            ac_limits = schedule = offer = response = None
            forget("evcc.iso20.ac_limits", "evcc.iso20.schedule")
            while s.safety.state != "ac":
                yield 20
            yield from loop.run(s, "AC_ChargeLoop", ac_loop.Request(s, charger))
        except Stop:
            pass
        charger.set(0.0)
        for _ in range(_OFF_TRIES):  # after the loop's ramp there is nothing to wait for
            if not s.safety.current():
                break
            yield 20
        yield "PowerDelivery", {"EVProcessing": "Finished", "ChargeProgress": "Stop"}
    finally:
        s.safety.release()
    while s.safety.state != "open":  # safety's faults are thrown in here and end that wait
        yield 20
