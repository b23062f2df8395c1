# SPDX-License-Identifier: MIT
"""The client's handshake of TLS 1.3 (RFC 8446, 2 and 4) after the ServerHello, as one story.

A generator: it yields messages.WAIT when it waits for a message of the server, None between slices
of public-key work. No resumption, no early data, no post-handshake authentication. What checks the
station's certificates is loaded for that and dropped again.
"""

from evcc import crypto
from evcc.compat import collect, forget
from evcc.crypto.gcm import same
from evcc.tls import TlsError
from evcc.tls import messages as m
from evcc.tls.keys import Schedule
from evcc.tls.profile import GROUPS, SCHEMES
from evcc.tls.protection import SUITES, Direction

_CONTEXT = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"


def story(t, suite, group, peer, random, offered):
    """t: the TlsClient. Ends with its keys for application data set."""
    forget("evcc.tls.hello")
    log = t.transcript
    name = SUITES[suite][2]
    t.agreed["version"] = "TLS 1.3"
    t.agreed["suite"] = SUITES[suite][3]
    t.agreed["group"] = GROUPS[group]
    t.no_rest()
    try:
        shared = yield from crypto.agree(GROUPS[group], t.ephemeral, peer, t.urandom)
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

    collect()  # here and below: what stays a while should not come to lie between garbage
    c = yield from m.receive(t, m.ENCRYPTED_EXTENSIONS)
    limited = _encrypted_extensions(c, offered, t.fragment)
    log.update(t.raw)
    if limited:
        t.records.limit = t.fragment
        t.agreed["max_fragment_length"] = t.fragment
    asked = None
    c = yield from m.receive(t, m.CERTIFICATE, m.CERTIFICATE_REQUEST)
    if t.raw[0] == m.CERTIFICATE_REQUEST:
        asked = _certificate_request(c)
        log.update(t.raw)
        c = yield from m.receive(t, m.CERTIFICATE)
    elif t.strict:
        raise TlsError("handshake_failure", "station asks for no certificate of the car")
    collect()
    entries = _certificate(c, offered)
    log.update(t.raw)
    at = log.digest()
    c = t.raw = None  # several kB, not needed while signatures are checked
    theirs_kind, theirs_key = yield from _certificates(t, entries)
    entries = t.roots = None
    forget("evcc.pki")
    c = yield from m.receive(t, m.CERTIFICATE_VERIFY)
    scheme = c.number(2)
    signature = c.vector(2).rest()
    c.done()
    log.update(t.raw)
    if scheme not in t.profile[2]:
        raise TlsError("illegal_parameter", "signature scheme 0x%04x not offered" % scheme)
    kind, h, t.agreed["scheme"] = SCHEMES[scheme]
    if kind != theirs_kind:
        raise TlsError("illegal_parameter", "scheme does not belong to the server's key")
    try:
        signed = _CONTEXT + at
        good = yield from crypto.verify(kind, h, theirs_key, signed, signature)
    except ValueError:
        good = False
    if not good:
        raise TlsError("decrypt_error", "server's signature of the handshake is wrong")
    at = log.digest()
    c = yield from m.receive(t, m.FINISHED)
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
    if asked:
        from evcc.tls import own

        yield from own.prove(t, *asked)
    yield
    m.send(t, m.message(m.FINISHED, s.finished(ours, log.digest())))
    yield
    theirs = Direction(suite, theirs)
    yield
    t.records.write = Direction(suite, ours_data)
    t.records.read = theirs
    t.records.ccs = False


def _certificates(t, entries):
    """Steps -> (kind, key) of the leaf, after its whole chain and the responses were checked."""
    collect()
    from evcc.pki import CertificateError, path
    from evcc.pki.x509 import SERVER_AUTH, Certificate

    if t.on_chain:
        t.on_chain(entries)
    chain = []
    for der, _ in entries:
        try:
            chain.append(Certificate(der))
        except (ValueError, IndexError) as e:
            raise TlsError("bad_certificate", "certificate %d: %s" % (len(chain), e)) from None
        collect()
    responses = [response for _, response in entries]
    t.agreed["chain"] = [c.title() for c in chain]
    t.agreed["time"] = t.clock.now()[1]
    warn = t.agreed["warnings"]
    if max(len(der) for der, _ in entries) > 1600:
        warn.append("certificate longer than 1600 bytes")
    kinds = [SCHEMES[s][0] for s in t.profile[2]]
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
                collect()
                from evcc.pki import ocsp

                yield from ocsp.check(out[i], out[i + 1], response, t.clock)
                good += 1
            except CertificateError as e:
                if t.ocsp_strict or e.alert == "certificate_revoked":
                    raise
                warn.append(str(e))
        t.agreed["ocsp"] = "%d of %d good" % (good, len(out) - 1)
    except CertificateError as e:
        raise TlsError(e.alert, str(e)) from None
    return chain[0].kind, chain[0].key


def _encrypted_extensions(c, offered, fragment):
    """True when max_fragment_length was accepted."""
    x = m.extensions(c, (m.X_FRAGMENT, m.X_GROUPS) if fragment else (m.X_GROUPS,), offered)
    c.done()
    if m.X_FRAGMENT not in x:
        return False
    v = x[m.X_FRAGMENT]
    if v.number(1) != (512, 1024, 2048, 4096).index(fragment) + 1:
        raise TlsError("illegal_parameter", "another max_fragment_length than asked")
    v.done()
    return True


def _certificate_request(c):
    """(signature schemes the server accepts, DER names of the issuers it knows)."""
    if c.vector(1).more():
        raise TlsError("illegal_parameter", "certificate request with a context")
    x = m.extensions(c, (m.X_SCHEMES, m.X_AUTHORITIES))
    c.done()
    if m.X_SCHEMES not in x:
        raise TlsError("missing_extension", "certificate request without signature_algorithms")
    v = x[m.X_SCHEMES].vector(2)
    schemes, names = [], []
    while v.more():
        schemes.append(v.number(2))
    if m.X_AUTHORITIES in x:
        v = x[m.X_AUTHORITIES].vector(2)
        while v.more():
            names.append(v.vector(2).rest())
    return schemes, names


def _certificate(c, offered):
    """[(DER, OCSP response or None)], leaf first."""
    if c.vector(1).more():
        raise TlsError("illegal_parameter", "server certificate with a context")
    v = c.vector(3)
    c.done()
    out = []
    while v.more():
        der = v.vector(3).rest()
        x = m.extensions(v, (m.X_STATUS,), offered)
        response = None
        if m.X_STATUS in x:
            s = x[m.X_STATUS]
            if s.number(1) != 1:
                raise TlsError("decode_error", "kind of certificate status")
            response = s.vector(3).rest()
            s.done()
        out.append((der, response))
        if len(out) > 8:
            raise TlsError("bad_certificate", "more than eight certificates")
    if not out:
        raise TlsError("decode_error", "server sent no certificate")
    return out
