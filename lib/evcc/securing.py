# SPDX-License-Identifier: MIT
"""From a TCP connection to a TLS one: the device's credentials, and the handshake in slices.

A part of the controller's story (ISO 15118-20 7.7.3); `c` is the Controller. Loaded by bring_up
where SDP agreed on TLS, so that a session without it carries nothing of it.
"""

from evcc.bring_up import check
from evcc.compat import Settings, collect, const, forget, get_logger
from evcc.reasons import V2GError

_RECORD = const(4096)  # the station's certificates; grows where they are more
_FLIGHT = const(2048)  # our certificates in one record; a longer chain finds its own room
_GARBAGE = const(8)  # steps of the handshake between two collections
# of TLS in Python, what to load before it begins
_EARLY = const("evcc.crypto.gcm evcc.tls.client evcc.crypto.sha2 evcc.crypto.ecdsa evcc.tls.hello")

log = get_logger("evcc.controller")


def secure(c):
    """TLS 1.3 with mutual authentication over the open connection, one slice of work a step."""
    c.enter("securing")
    forget("evcc.sdp")
    # What is large first, then all code, what stays before what is dropped: later it would lie
    # between the garbage of big numbers.
    buffer = bytearray(_RECORD)
    c.tcp.reserve(_FLIGHT)
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
            collect()
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
    tls.on_chain = lambda entries: saw_chain(c, entries)
    c.tls = tls
    c.tcp.on_data = tls.feed
    tls.start(c.now)
    steps = 0
    while tls.state != "ready":
        steps += 1
        if steps % _GARBAGE == 0:
            collect()
        check(c)
        if tls.state in ("failed", "closed"):
            refused = tls.alert == "protocol_version"
            raise V2GError("TLS_REFUSED" if refused else "TLS_FAILED", tls.error or "closed")
        if c.tcp.state == "CLOSED":
            raise V2GError("TLS_FAILED", c.tcp.error or "connection closed")
        if c.now > c.setup_end:
            raise V2GError("SETUP_TIMEOUT", "TLS")
        yield 0
    c.tcp.reserve()
    log.info("%s", tls.summary())
    tls.on_chain = tls.roots = tls.identity = tls.clock = tls.profile = tls.raw = None
    unload()
    if c.store is not None and c.verified != verified:
        c.store.write("verified", b"".join(c.verified))


def saw_chain(c, entries):
    """The station's certificates, leaf first, before they are checked."""
    from evcc.crypto import digest

    c.leaf = "".join(["%02x" % byte for byte in digest("sha256", entries[0][0])])


def credentials(c, crypto, tls):
    """Gives `tls` the device's roots, identities and clock; V2GError when they are no use."""
    from evcc.pki import CertificateError, store
    from evcc.pki.clock import Clock

    collect()
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
    tls.clock = Clock(None if c.unix is None else lambda: c.unix + c.now // 1000)
    store = CertificateError = None
    forget("evcc.pki.store")
