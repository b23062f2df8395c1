# SPDX-License-Identifier: MIT
"""A paused session: what is kept of it, the wait until it goes on, and waking the station.

ISO 15118-20 8.4.2 (pause and resume) and ISO 15118-3 (D-LINK_PAUSE): the modem keeps the network's
key, the connector stays locked, the pilot is in B. The session goes on by the driver's or the
car's wish, or when the station switches its oscillator on. What is kept also lies in the store,
if the controller has one, so that it survives power loss: SessionID, service and parameter set,
authorization mode, EVSEID, the station's leaf certificate and the network's key. `c` is the
Controller. Nothing of it is needed while charging.
"""

import json

from evcc.compat import const, get_logger

_NAME = const("session")
_FIELDS = const(("id", "evseid", "protocol", "service", "renegotiable", "authorization", "leaf"))
_GONE_MS = const(200)  # pilot A, E or F this long: unplugged, or the station has given up
_SETTLE_MS = const(1000)  # after the session's end: the oscillator goes off
_TOGGLES = const(3)  # B-C-B, until the oscillator comes on
_TOGGLE_MS = const(2000)

log = get_logger("evcc.controller")


def keep(c):
    """Remember the session that was just paused, in the store too."""
    from evcc.iso20.service import kept

    s = c.session
    c.kept = {
        "id": tohex(s.session_id),
        "evseid": s.evseid,
        "protocol": c.protocol,
        "service": kept(s.selected),
        "renegotiable": s.renegotiable,
        "authorization": "EIM",
        "leaf": c.leaf,
        "network": c.network and [tohex(part) for part in c.network],
    }
    if c.store:
        c.store.write(_NAME, json.dumps(c.kept).encode())


def drop(c):
    """Forget it: resumed, refused, or over."""
    c.kept = None
    if c.store:
        c.store.remove(_NAME)


def recall(c, data):
    """After power-on, with what the store has: the session that was paused before; what makes no
    sense is removed.

    Its wait ends at once if the station's oscillator is on: it may have called us meanwhile.
    """
    try:
        kept = json.loads(data.decode())
        sound = all([name in kept for name in _FIELDS])
        sound = sound and len(kept["id"]) == 16 and len(kept["service"]) == 7
        int(kept["id"], 16)
        for part in kept["network"] or ():
            int(part, 16)
    except (ValueError, TypeError, KeyError, AttributeError):
        sound = False
    if sound:
        c.kept = kept
        c.calls = True
    else:
        log.warning("the stored session makes no sense: forgotten")
        drop(c)


def wait(c):
    """Until the session goes on (True), or is over because of the plug or a stop (False)."""
    c.enter("paused")
    c.stopped = None
    c.resumed = False
    silent = c.calls  # the oscillator was off: if it is on now, the station calls
    gone = end = None
    go = False
    while True:
        pilot = c.safety.pilot
        if pilot not in "AEF":
            gone = None
        elif gone is None:
            gone = c.now
        elif c.now - gone > _GONE_MS:
            log.info("pilot %s: the paused session is over", pilot)
            break
        if c.stopped:
            c.result, c.detail = c.stopped, "in the pause"
            break
        if end is None:
            end = c.now + _SETTLE_MS
        if c.safety.duty is None:
            silent = True
        elif silent and c.port.ready:
            log.info("the station calls")
            go = True
            break
        if c.resumed or c.vehicle.wish() == "resume":
            if c.now >= end and c.port.ready:
                yield from _wake(c)
                go = True
                break
        yield 20
    c.calls = False
    if go:
        if c.store:  # a power cut from here on means a new session
            c.store.remove(_NAME)
        return True
    drop(c)
    c.safety.unlock()
    if c.keyed:
        from evcc import bring_up

        yield from bring_up.leave(c)
    c.enter("finished")
    return False


def _wake(c):
    """B-C-B until the station's oscillator is on; one that leaves it on needs no waking."""
    log.info("waking the station")
    for _ in range(_TOGGLES):
        if c.safety.duty is not None:
            return
        c.safety.toggle(1)
        end = c.now + _TOGGLE_MS
        while c.safety.duty is None and c.now < end:
            yield 20
    log.warning("the station's oscillator stays off")


def tohex(data):
    return "".join(["%02x" % byte for byte in data])
