# SPDX-License-Identifier: MIT
"""After a session, whatever became of it: the connection, what a pause keeps, lock and result.

A part of the controller's story, which has opened the contactors before; `c` is the Controller.
"""

from evcc.compat import const, forget, get_logger
from evcc.reasons import GOOD, PAUSES

_LEAVE_MS = const(2000)  # after SessionStop: the station closes TCP, at most 5 s; then we do
_UNLOCK_MS = const(10000)
_CONNECTION = const(("evcc.v2gtp", "evcc.net", "evcc.tls", "evcc.opening"))

log = get_logger("evcc.controller")


def end(c, reason, detail, good):
    """Leave the connection, the station's network and the connector; `c.result`, `c.detail`.

    `good`: the station knows of the end, and closes TCP first.
    """
    if c.kept:  # the session that was to be resumed is used up
        from evcc import paused

        paused.drop(c)
    yield from close(c, good)
    if reason in PAUSES and not c.safety.fault:
        from evcc import paused

        paused.keep(c)
    paused = None
    forget(*_CONNECTION)
    if c.safety.forced:
        reason, detail = "FORCED_OPENING", "%s %s" % (reason, detail)
    elif c.safety.fault and reason in GOOD:
        reason, detail = c.safety.fault
    if not c.kept:
        c.safety.unlock()
        if c.keyed:
            from evcc import bring_up

            yield from bring_up.leave(c)
        end = c.now + _UNLOCK_MS
        while c.safety.locked() and c.now < end:
            yield 20
    c.detail = detail
    c.result = reason
    c.sessions += 1
    c.vehicle.notify("ended " + reason)
    c.enter("finished")
    log.info("stop reason %s %s", reason, detail)
    if c.trace:
        c.trace.step("%s %s" % (reason, detail), c.now)


def close(c, good):
    """TCP: after a good end the station closes first, else we do."""
    tcp = c.tcp
    if tcp:
        c.enter("closing")
        if c.tls:
            c.tls.close()
        end = c.now + (_LEAVE_MS if good else 0)
        while tcp.state == "ESTABLISHED" and c.now < end:
            yield 20
        tcp.close(c.now)
        end = c.now + _LEAVE_MS
        while tcp.state != "CLOSED" and c.now < end:
            yield 20
        tcp.abort(c.now)
    c.sdp = c.tcp = c.tls = c.framer = None
    c.host = None
