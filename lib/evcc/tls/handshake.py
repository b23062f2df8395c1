# SPDX-License-Identifier: MIT
"""The client's handshake of TLS 1.3 (RFC 8446, 2 and 4) as one story: `handshake(tls)`.

A generator: it yields 1 when it waits for a message of the server, None between slices of
public-key work. No resumption, no early data, no post-handshake authentication.
"""

from evcc import crypto
from evcc.crypto.gcm import same
from evcc.pki import CertificateError, ocsp, path
from evcc.pki.x509 import SERVER_AUTH, Certificate
from evcc.tls import TlsError
from evcc.tls import messages as m
from evcc.tls.keys import SUITES, Schedule
from evcc.tls.record import Direction

_CONTEXT = b" " * 64 + b"TLS 1.3, %s CertificateVerify\0"


def handshake(t):
    """t: the TlsClient. Ends with its keys for application data set."""
    log, names = t.transcript, [c.subject for c in t.roots]
    group, share = yield from _key(t, t.profile[3])
    random = t.urandom(32)
    hello = m.client_hello(random, t.profile, group, share, names, t.fragment)
    offered = [m.X_VERSIONS, m.X_GROUPS, m.X_SCHEMES, m.X_SCHEMES_CERT, m.X_SHARE, m.X_STATUS]
    offered += [m.X_AUTHORITIES] if names else []
    offered += [m.X_FRAGMENT] if t.fragment else []
    t.send_handshake(hello)
    c = yield from t.message(m.SERVER_HELLO)
    retry, suite, chosen, peer, cookie = m.server_hello(c, t.profile, offered)
    name = SUITES[suite][2]
    log.start(name, retry)
    log.update(t.raw)
    t.agreed["retry"] = retry
    if retry:
        if chosen is None and cookie is None:
            raise TlsError("illegal_parameter", "retry without a reason")
        if chosen == group:
            raise TlsError("illegal_parameter", "retry asks for the share it has")
        if chosen is not None:
            group, share = yield from _key(t, chosen)
        offered += [m.X_COOKIE] if cookie else []
        t.send_handshake(
            m.client_hello(random, t.profile, group, share, names, t.fragment, cookie)
        )
        c = yield from t.message(m.SERVER_HELLO)
        retry, other, chosen, peer, _ = m.server_hello(c, t.profile, offered)
        if retry:
            raise TlsError("unexpected_message", "second retry")
        if other != suite:
            raise TlsError("illegal_parameter", "suite changed after the retry")
        log.update(t.raw)
    if chosen != group:
        raise TlsError("illegal_parameter", "key share of another group")
    t.agreed["suite"] = SUITES[suite][3]
    t.agreed["group"] = m.GROUPS[group]
    t.no_rest()
    try:
        shared = yield from crypto.agree(m.GROUPS[group], t.ephemeral[1], peer, t.urandom)
    except ValueError as e:
        raise TlsError("illegal_parameter", "server's key share: %s" % e) from None
    t.ephemeral = None
    yield  # an HMAC takes 7 ms of an RP2350: at most four of them between two yields
    s = Schedule(name, random, t.keylog)
    yield
    s.next(shared)
    yield
    at = log.digest()
    ours = s.traffic(b"c hs traffic", at, "CLIENT_HANDSHAKE_TRAFFIC_SECRET")
    theirs = s.traffic(b"s hs traffic", at, "SERVER_HANDSHAKE_TRAFFIC_SECRET")
    yield
    t.records.read = Direction(suite, theirs)
    yield
    t.records.write = Direction(suite, ours)
    yield

    c = yield from t.message(m.ENCRYPTED_EXTENSIONS)
    limited = m.encrypted_extensions(c, offered, t.fragment)
    log.update(t.raw)
    if limited:
        t.records.limit = t.fragment
        t.agreed["max_fragment_length"] = t.fragment
    schemes = None
    c = yield from t.message(m.CERTIFICATE, m.CERTIFICATE_REQUEST)
    if t.raw[0] == m.CERTIFICATE_REQUEST:
        schemes = m.certificate_request(c)
        log.update(t.raw)
        c = yield from t.message(m.CERTIFICATE)
    elif t.strict:
        raise TlsError("handshake_failure", "station asks for no certificate of the car")
    entries = m.certificate(c, offered)
    log.update(t.raw)
    at = log.digest()
    c = t.raw = None  # several kB, not needed while signatures are checked
    leaf = yield from _certificates(t, entries)
    entries = None
    c = yield from t.message(m.CERTIFICATE_VERIFY)
    scheme = c.number(2)
    signature = c.vector(2).rest()
    c.done()
    if scheme not in t.profile[2]:
        raise TlsError("illegal_parameter", "signature scheme 0x%04x not offered" % scheme)
    kind, h, t.agreed["scheme"] = m.SCHEMES[scheme]
    if kind != leaf.kind:
        raise TlsError("illegal_parameter", "scheme does not belong to the server's key")
    try:
        signed = _CONTEXT % b"server" + at
        good = yield from crypto.verify(kind, h, leaf.key, signed, signature)
    except ValueError:
        good = False
    if not good:
        raise TlsError("decrypt_error", "server's signature of the handshake is wrong")
    log.update(t.raw)
    at = log.digest()
    c = yield from t.message(m.FINISHED)
    if not same(s.finished(theirs, at), c.rest()):
        raise TlsError("decrypt_error", "server's Finished is wrong")
    log.update(t.raw)
    t.no_rest()
    yield
    s.next()
    yield
    at = log.digest()
    ours_data = s.traffic(b"c ap traffic", at, "CLIENT_TRAFFIC_SECRET_0")
    theirs = s.traffic(b"s ap traffic", at, "SERVER_TRAFFIC_SECRET_0")
    if t.keylog:
        s.traffic(b"exp master", at, "EXPORTER_SECRET")
    yield
    if schemes is not None:
        yield from _own(t, schemes)
    yield
    t.send_handshake(m.message(m.FINISHED, s.finished(ours, log.digest())))
    yield
    theirs = Direction(suite, theirs)
    yield
    t.records.write = Direction(suite, ours_data)
    t.records.read = theirs
    t.records.ccs = False


def _key(t, group):
    """Steps -> (group, public share); the secret stays in t.ephemeral. Uses a key made before."""
    kind = m.GROUPS[group]
    if not t.ephemeral or t.ephemeral[0] != group:
        t.ephemeral = None
        secret = crypto.random_secret(kind, t.urandom)
        public = yield from crypto.public(kind, secret, t.urandom)
        t.ephemeral = (group, secret, public)
    return group, t.ephemeral[2]


def _certificates(t, entries):
    """Steps -> the leaf, after its whole chain and the stapled responses were checked."""
    if t.on_chain:
        t.on_chain(entries)
    chain = []
    for der, _ in entries:
        try:
            chain.append(Certificate(der))
        except (ValueError, IndexError) as e:
            raise TlsError("bad_certificate", "certificate %d: %s" % (len(chain), e)) from None
    responses = [response for _, response in entries]
    t.agreed["chain"] = [c.title() for c in chain]
    t.agreed["time"] = t.clock.now()[1]
    warn = t.agreed["warnings"]
    if max(len(der) for der, _ in entries) > 1600:
        warn.append("certificate longer than 1600 bytes")
    kinds = [m.SCHEMES[s][0] for s in t.profile[2]]
    try:
        out = yield from path.build(chain, t.roots, t.clock, SERVER_AUTH, t.role, t.memory, kinds)
        t.agreed["root"] = out[-1].title()
        good = 0
        for i in range(len(out) - 1):
            response = responses[chain.index(out[i])]
            try:
                if response is None:
                    raise CertificateError(
                        "bad_certificate_status_response", "no OCSP for %s" % out[i].title()
                    )
                yield from ocsp.check(out[i], out[i + 1], response, t.clock)
                good += 1
            except CertificateError as e:
                if t.ocsp_strict or e.alert == "certificate_revoked":
                    raise
                warn.append(str(e))
        t.agreed["ocsp"] = "%d of %d good" % (good, len(out) - 1)
    except CertificateError as e:
        raise TlsError(e.alert, str(e)) from None
    return chain[0]


def _own(t, schemes):
    """Steps: our certificate, if the server takes our kind of signature, and the proof of it."""
    one = t.identity
    scheme = None
    if one:
        scheme = next((x for x in t.profile[2] if m.SCHEMES[x][0] == one.kind), None)
        if scheme not in schemes:
            scheme = None
            t.agreed["warnings"].append("station does not take our kind of key")
    entries = [m.vec(3, der) + b"\0\0" for der in one.chain] if scheme else []
    t.agreed["client_certificate"] = bool(scheme)
    t.send_handshake(m.message(m.CERTIFICATE, b"\0", m.vec(3, *entries)))
    if scheme:
        kind, h, _ = m.SCHEMES[scheme]
        signed = _CONTEXT % b"client" + t.transcript.digest()
        signature = yield from crypto.sign(kind, h, one.secret, signed, t.urandom)
        t.send_handshake(
            m.message(m.CERTIFICATE_VERIFY, scheme.to_bytes(2, "big"), m.vec(2, signature))
        )
