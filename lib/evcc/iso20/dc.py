# SPDX-License-Identifier: MIT
"""Conductive DC charging of ISO 15118-20, DC, MCS and their BPT, Scheduled and Dynamic (8.4.4,
8.4.6).

The story from the first limits to an inlet without voltage. What it does step by step is loaded
when it comes to it and dropped behind: dc_limits.py, schedule.py and precharge.py before the loop,
dc_loop.py, precharge.py again. MCS differs by its service ids only. Renegotiation, standby and
metering are detour.py's.
"""

from evcc import exi
from evcc.compat import forget
from evcc.iso20.session import Stop, lock

LATER = "dc_limits schedule precharge loop dc_loop"


def charge(s):
    """From DC_ChargeParameterDiscovery to welding detection. Ends with contactors open."""
    from evcc.iso20 import dc_limits

    response = yield from s.ask("DC_ChargeParameterDiscovery", dc_limits.request(s))
    dc_limits.take(s, response)
    dc_limits = response = None
    exi.forget()
    forget("evcc.iso20.dc_limits")
    from evcc.iso20 import precharge, schedule

    offer = yield from schedule.agree(s)
    yield from lock(s)
    closed = False
    try:  # from here on state C may be set: everything below ends in release()
        s.safety.ready()
        yield from contactors(s, "ready")
        yield from s.until_finished("DC_CableCheck", {})
        try:
            yield from precharge.run(s)
            s.safety.close()
            closed = True
            yield from contactors(s, "closed")
            body = schedule.profile(s, offer, s.vehicle.limits().charge_power)
            yield from schedule.start(s, body)
            precharge = schedule = offer = body = None
            exi.forget()
            forget("evcc.iso20.precharge", "evcc.iso20.schedule")
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
        dc_loop = loop = None
        forget("evcc.iso20.dc_loop", "evcc.iso20.loop")
        from evcc.iso20 import precharge

        yield from precharge.welding(s)


def contactors(s, state):
    """Wait until safety reports `state`; its faults are thrown in here and end that wait."""
    while s.safety.state != state:
        yield 20
