# SPDX-License-Identifier: MIT
"""After an emergency in the car: PowerDelivery(Stop) and SessionStop, if the station is there yet.

ISO 15118-20 8.3.4.3: safety has acted alone (pilot B, contactors open or stuck), the station is
told afterwards and needs not wait for its time-outs. Nothing waits for this: each message has its
own short deadline, welding detection and check-out are skipped, and whatever goes wrong the
session's StopReason stays the first one. Loaded by the controller after such an end only. Not
here: ends that the station caused; after a FAILED answer nothing is sent.
"""

from evcc import exi
from evcc.compat import const, forget, get_logger
from evcc.exchange import Exchange
from evcc.iso20 import flow
from evcc.iso20.session import stop_request
from evcc.reasons import V2GError

_ANSWER_MS = const(1000)  # of each message, the one that was under way included
_LOOK_MS = const(10)
_MOST = const(999)  # bytes of an answer that is kept
# the car's own reasons: the ticks', and those of what the protocol asks for
_OURS = (
    "OVER_TEMPERATURE", "LIMIT_EXCEEDED", "ISOLATION_FAULT", "VEHICLE_FAULT", "PROTOCOL_STALLED",
    "CONTACTOR_FAILED", "WELD_SUSPECTED", "LOCK_FAILED", "INLET_VOLTAGE", "NO_INLET_SENSOR",
    "PRECHARGE_FAILED",
)  # fmt: skip

# code of the story that has ended
_OVER = tuple(
    ["evcc.iso20." + x for x in "dc dc_loop ac ac_loop loop schedule detour side".split(" ")]
)

log = get_logger("evcc.iso20")


def say(c, reason, since):
    """A part of the controller's story, pilot B shown already; returns whether the station has
    answered SessionStop. `reason`: the StopReason; `since`: ms, when it was.

    Where the loop ticks safety this comes when contactors are open, and an answer that was under
    way has passed unheard: then nothing is said.
    """
    s, safety, framer = c.session, c.safety, c.framer
    last = getattr(s, "exchange", None)  # charging by duty cycle has none
    if last is None or reason not in _OURS and not (reason == "PHASE_TIMEOUT" and safety.fault):
        return False
    powered, late = safety.state != "open", since != c.now
    heard = []
    framer.on_message = lambda kind, payload, now: (
        len(heard) < 2 and heard.append((kind, bytes(payload[:_MOST])))
    )
    last._story = None
    forget(*_OVER)  # what ran makes room
    try:
        yield from c._until_open()
        if last._waiting:
            if late or not (yield from _answered(c, s, last, heard)):
                return False
        if heard or not _there(c):
            return False
        exchange = Exchange(_words(left(s, powered), reason), s, last.send)
        framer.on_message = exchange.feed
        return (yield from _talk(c, exchange)) and s.state == "SessionStop"
    finally:
        framer.on_message = c.message  # nothing else holds this code in memory


def _answered(c, s, last, heard):
    """Was the message under way answered well?"""
    if last._unsent is not None:
        return False
    end = c.now + _ANSWER_MS
    while not heard:
        if c.now >= end or not _there(c):
            return False
        yield _LOOK_MS
    kind, payload = heard.pop(0)
    if not s.expects(kind, last.state):
        return False
    try:
        s.decode(last.state, kind, payload, c.now)
    except (exi.EXIError, V2GError) as error:
        log.warning("no farewell: %s", error)
        return False
    return True


def _talk(c, exchange):
    """Run the exchange to its end, each message within its own time; was it a good one?"""
    exchange.start(c.now)
    state = ""
    while not exchange.done:
        if exchange.state != state:
            state = exchange.state
            end = c.now + _ANSWER_MS
        if c.now >= end or not _there(c):
            log.warning("no farewell: %s", state)
            return False
        yield _LOOK_MS
        exchange.step(c.now)
    return exchange.error is None


def left(s, powered):
    """Names of the requests that the table allows from here to the end, the shortest way."""
    if s.state == "SessionStop":
        return ()
    may = flow.follows(s.state, s.rows).split(" ")
    if s.state == "PowerDelivery":
        _, body = exi.decode("iso20_common", memoryview(s._buffer)[8:])
        progress = body["ChargeProgress"]
        if progress == "ScheduleRenegotiation":
            return ()  # the station waits for a ScheduleExchange, and takes nothing else
        powered = progress != "Stop"
    if "PowerDelivery" in may and (powered or "SessionStop" not in may):
        return "PowerDelivery", "SessionStop"
    return ("SessionStop",) if "SessionStop" in may else ()


def _words(names, reason):
    """The story for an Exchange."""
    for name in names:
        if name == "SessionStop":
            yield name, stop_request(reason)
        else:
            yield name, {"EVProcessing": "Finished", "ChargeProgress": "Stop"}


def _there(c):
    """Is there still somebody to talk to?"""
    return (
        c.tcp.state == "ESTABLISHED"
        and (c.tls is None or c.tls.state == "ready")
        and not c.framer.error
        and c.safety.pilot not in "AEF"
    )
