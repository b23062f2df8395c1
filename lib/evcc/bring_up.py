# SPDX-License-Identifier: MIT
"""From plug-in to a connection: SLAC, IPv6, SDP, TCP, TLS; and leaving the network again.

The controller's story until there is a session (ISO 15118-3 matching, ISO 15118-20 7.6 to 7.9).
Nothing of it, nor what it imports but the network itself, is needed while charging, so that the
controller drops it from memory. `c` is the Controller.
"""

import gc

from evcc.compat import Settings, const, forget, get_logger
from evcc.reasons import V2GError

_LEAVE_MS = const(1000)  # TP_match_leave
_AGAIN_MS = const(500)
_RESUME_MS = const(8000)  # T_conn_resume 6 s, and our address check
_RECORD = const(4096)  # the station's certificates; grows where they are more
_GARBAGE = const(8)  # steps of the handshake between two collections
# of TLS in Python, what to load before it begins
_EARLY = "evcc.crypto.gcm evcc.tls.client evcc.crypto.sha2 evcc.crypto.ecdsa evcc.tls.hello"

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
        yield from secure(c)
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
    gc.collect()


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


def secure(c):
    """TLS 1.3 with mutual authentication over the open connection, one slice of work a step."""
    c.enter("securing")
    forget("evcc.sdp")
    # What is large first, then all code, what stays before what is dropped: later it would lie
    # between the garbage of big numbers.
    buffer = bytearray(_RECORD)
    from evcc import crypto
    from evcc.tls import unload

    if crypto.backend().__name__ == "evcc.crypto.pure":
        from evcc.crypto.ec import curve

        curve("P-521" if c.params.tls_profile == "strict" else "P-256")
        curve = None
        for name in ("sha384", "sha512"):
            crypto.digest(name)  # its tables
        for name in _EARLY.split():
            __import__(name)
            gc.collect()
    from evcc.tls.client import TlsClient

    crypto.guard(lambda: c.safety.state != "open")
    tls = TlsClient(c.tcp_send, c.urandom, None, None, c.params, None, c.verified)
    yield from credentials(c, crypto, tls)
    verified = c.verified[:]
    tls.records.buf = buffer
    size = max([sum([len(der) + 5 for der in one.chain]) for one in tls.identity])
    tls.records.out = bytearray(size + 64)
    buffer = None
    tls.keylog = c.keylog
    tls.on_chain = c.saw_chain
    c.tls = tls
    c.tcp.on_data = tls.feed
    tls.start(c.now)
    steps = 0
    while tls.state != "ready":
        steps += 1
        if steps % _GARBAGE == 0:
            gc.collect()
        check(c)
        if tls.state in ("failed", "closed"):
            refused = tls.alert == "protocol_version"
            raise V2GError("TLS_REFUSED" if refused else "TLS_FAILED", tls.error or "closed")
        if c.tcp.state == "CLOSED":
            raise V2GError("TLS_FAILED", c.tcp.error or "connection closed")
        if c.now > c.setup_end:
            raise V2GError("SETUP_TIMEOUT", "TLS")
        yield 0
    log.info("%s", tls.summary())
    tls.roots = tls.identity = tls.clock = tls.profile = tls.raw = None
    unload()
    if c.store is not None and c.verified != verified:
        c.store.write("verified", b"".join(c.verified))


def credentials(c, crypto, tls):
    """Gives `tls` the device's roots, identities and clock; V2GError when they are no use."""
    from evcc.pki import CertificateError, store
    from evcc.pki.clock import Clock

    gc.collect()
    folder = c.params.pki_dir
    try:
        tls.roots = store.roots(folder)
        tls.identity = []
        for one in store.identities(folder):
            # once per start: without assembly it takes a second
            pair = crypto.digest("sha256", one.leaf.der, one.secret)
            if pair not in c.pairs:
                for _ in one.check(c.urandom):
                    check(c)
                    yield 0
                c.pairs.append(pair)
            # without its class: that would keep the code of certificates in memory
            mine = Settings()
            mine.kind, mine.secret, mine.chain = one.kind, one.secret, one.chain
            mine.issuers = one.issuers
            tls.identity.append(mine)
        one = None
    except CertificateError as error:
        raise V2GError("TLS_FAILED", str(error)) from None
    if not tls.roots:
        raise V2GError("TLS_FAILED", "no certificate in %s/v2g_root" % folder)
    if c.store is not None and not c.verified:
        known = c.store.read("verified") or b""
        c.verified += [known[i : i + 16] for i in range(0, len(known) - 15, 16)]
    tls.clock = Clock(None if c.unix is None else c.unix_now)
    store = CertificateError = None
    forget("evcc.pki.store")


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
