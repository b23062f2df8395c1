# SPDX-License-Identifier: MIT
"""From plug-in to a connection: SLAC, IPv6, SDP, TCP, TLS; and leaving the network again.

The controller's story until there is a session (ISO 15118-3 matching, ISO 15118-20 7.6 to 7.9).
Nothing of it, nor what it imports but the network itself, is needed while charging, so that the
controller drops it from memory. `c` is the Controller.
"""

from evcc.compat import collect, const, forget, get_logger
from evcc.reasons import V2GError

_LEAVE_MS = const(1000)  # TP_match_leave
_AGAIN_MS = const(500)
_RESUME_MS = const(8000)  # T_conn_resume 6 s, and our address check

log = get_logger("evcc.controller")


def bring_up(c, again=False):
    """Match, find the station, connect; `again`: only the last. Raises V2GError."""
    if again:
        whole = c.params.setup_timeout_s * 1000
        yield from reach(c, c.now if c.setup_end is None else c.setup_end - whole, whole)
        return
    if c.kept and c.kept["network"] and c.use_slac:
        yield from rejoin(c)
        try:
            yield from reach(c, c.now, _RESUME_MS)
            return
        except V2GError as error:
            if error.reason not in ("SDP_FAILED", "TCP_FAILED"):
                raise
            # A station that has changed its key meanwhile (FreeV2G issue 61) is still the same.
            log.warning("not in the network of the paused session: %s", error)
            c.host = c.sdp = c.tcp = None
    plugged = c.now
    if c.use_slac:
        yield from match(c)
    start = plugged if c.params.setup_timer_start == "plug_in" else c.now
    yield from reach(c, start, c.params.setup_timeout_s * 1000)


def reach(c, start, limit):
    """IPv6 to TLS, on a power line that is there; SDP and TCP within `limit` ms of `start`."""
    c.setup_end = start + limit
    yield from network(c)
    while True:
        address, port, tls, mac = yield from discover(c)
        error = yield from connect(c, address, port, mac)
        if error is None:
            break
        # Some stations refuse the first connection and take the next (Supercharger V3).
        if c.now + 2 * _AGAIN_MS > c.setup_end:
            raise V2GError("TCP_FAILED", error)
        log.warning("TCP %s, again", error)
        yield _AGAIN_MS
    c.setup_end = start + c.params.setup_timeout_s * 1000
    if tls:
        from evcc import securing

        yield from securing.secure(c)
    if c.kept and c.kept["leaf"] not in (None, c.leaf):  # [V2G20-2539]
        raise V2GError("OTHER_STATION", "another certificate than before the pause")


def check(c):
    """What ends this phase from outside."""
    if c.safety.pilot == "A":
        raise V2GError("UNPLUGGED")
    if c.safety.pilot in "EF":
        raise V2GError("PILOT_LOST", "state " + c.safety.pilot)
    if c.stopped:
        raise V2GError(c.stopped)


def match(c):
    """SLAC until the modem is in the station's network."""
    from evcc.slac import Slac

    c.enter("matching")
    c.slac = Slac(c.mac, c.transmit, c.urandom, c.params, c.safety.toggle)
    c.slac.start(c.now)
    c.keyed = True
    while c.slac.state != "ready":
        check(c)
        if c.slac.state == "failed":
            raise V2GError("SLAC_FAILED", c.slac.failure)
        yield 10
    log.info("matched")
    c.network = c.slac.nmk and (c.slac.nid, c.slac.nmk)
    # From here on its frames are ignored.
    c.slac = None
    forget("evcc.slac", "evcc.homeplug")


def rejoin(c):
    """Back into the network of the paused session, without matching."""
    from evcc.iso20.set_up import unhex
    from evcc.slac import Slac

    c.enter("joining")
    c.network = [unhex(part) for part in c.kept["network"]]
    c.slac = Slac(c.mac, c.transmit, c.urandom, c.params)
    c.slac.rejoin(c.now, c.network[0], c.network[1])
    c.keyed = True
    while c.slac.state == "joining":
        check(c)
        yield 10
    c.slac = None
    forget("evcc.slac", "evcc.homeplug")


def network(c):
    """Our IPv6 address, checked."""
    from evcc.net import Host

    c.enter("discovering")
    c.host = Host(c.mac, c.transmit, c.urandom, c.params)
    c.host.start(c.now)
    while not c.host.ready:
        check(c)
        yield 10
    collect()


def discover(c):
    """SDP; returns (address, port, tls, mac)."""
    from evcc.sdp import Sdp

    c.enter("discovering")
    c.sdp = Sdp(c.host, c.urandom, c.asks_tls, c.params)
    c.sdp.start(c.now)
    while c.sdp.result is None:
        check(c)
        if c.sdp.failure or c.now > c.setup_end:
            reason = "TLS_REFUSED" if c.sdp.counters["no_tls"] else "SDP_FAILED"
            raise V2GError(reason, c.sdp.failure or "no answer in time")
        yield 10
    address, port, tls, mac = c.sdp.result
    c.sdp = None
    if not tls:
        if not c.params.allow_iso20_without_tls:
            raise V2GError("TLS_REFUSED", "no TLS, and allow_iso20_without_tls is not set")
        log.warning("ISO 15118-20 WITHOUT TLS: for the bench only")
    return address, port, tls, mac


def connect(c, address, port, mac):
    """TCP; returns None when established, else what went wrong."""
    c.enter("connecting")
    if mac:
        c.host.learn(address, mac, c.now)
    c.tcp = c.host.connect(address, port, c.now)
    while c.tcp.state != "ESTABLISHED":
        check(c)
        if c.tcp.state == "CLOSED" or c.now > c.setup_end:
            return c.tcp.error or "timeout"
        yield 10
    return None


def leave(c):
    """Take the modem out of the station's network, so that no later plug joins it."""
    from evcc.slac import Slac

    if c.slac is None:
        c.slac = Slac(c.mac, c.transmit, c.urandom, c.params, c.safety.toggle)
    c.slac.leave(c.now)
    c.keyed = False
    end = c.now + _LEAVE_MS
    while c.slac.state != "idle" and c.now < end:
        yield 20
    c.slac = None
