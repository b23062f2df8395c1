# SPDX-License-Identifier: MIT
"""From a connection to a session: the protocol that both speak, and all code for it.

supportedAppProtocol (ISO 15118-20 8.2), once more without TLS where settings allow that. A part of
the controller's story, over before the session's first message; `c` is the Controller.
"""

from evcc.compat import collect, get_logger
from evcc.reasons import V2GError

log = get_logger("evcc.controller")


def choose(c, again):
    """supportedAppProtocol. False: no protocol, and there is another offer to make, unless this
    is it (`again`). Raises V2GError."""
    from evcc.exchange import Exchange
    from evcc.sap import Sap, offer
    from evcc.v2gtp import Framer

    c.framer = Framer(c.message)
    (c.tls or c.tcp).on_data = c.framer.feed
    sap = Sap(offer(c.params), c.trace)
    offer = None
    try:
        yield from c.talk(Exchange(sap.story(), sap, c.send))
    except V2GError as error:
        p = c.params
        if again or error.reason != "NO_PROTOCOL" or c.tls is None:
            raise
        if not (p.sdp_plain_ok and p.allow_iso20_without_tls):
            raise
        log.warning("%s: once more without TLS", error)
        c.asks_tls = False
        return False
    c.protocol = sap.agreed
    return True


def begin(c):
    """`c.session`, ready to be talked: its exchange has sent nothing yet."""
    from evcc import exi
    from evcc.exchange import Exchange
    from evcc.iso20.session import Session

    # What lives as long as the session is loaded now, together: later it would lie between
    # the garbage of messages, and a small heap would break into pieces.
    __import__("evcc.iso20." + c.protocol[-2:])
    exi.load("iso20_common")
    exi.load(c.protocol)
    collect()
    evccid = c.vehicle.identity() or "".join(["%02X" % b for b in c.mac])
    session = Session(c.vehicle, c.safety, c.params, evccid, c.unix, c.trace)
    session.protocol = c.protocol
    session.kept = c.kept
    c.session = session
    if c.stopped:
        session.wish_stop(c.stopped)
    session.exchange = Exchange(session.story(), session, c.send)
