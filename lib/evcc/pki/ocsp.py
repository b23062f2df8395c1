# SPDX-License-Identifier: MIT
"""Stapled OCSP responses (RFC 6960): does this response say "good" about this certificate?

The signer is the issuer itself or a responder it certified for OCSP signing. No nonce, no
request, no network. A response is at most a week old (ISO 15118-20).
"""

from evcc.compat import const
from evcc.crypto import digest
from evcc.pki import CertificateError
from evcc.pki.clock import RTC
from evcc.pki.der import Reader
from evcc.pki.x509 import OCSP_SIGNING, Certificate, algorithm, verify

_BASIC = const(b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01")
_HASHES = {
    b"\x2b\x0e\x03\x02\x1a": "sha1",
    b"\x60\x86\x48\x01\x65\x03\x04\x02\x01": "sha256",
    b"\x60\x86\x48\x01\x65\x03\x04\x02\x02": "sha384",
    b"\x60\x86\x48\x01\x65\x03\x04\x02\x03": "sha512",
}
_WEEK = const(7 * 86400)
_BAD = const("bad_certificate_status_response")


def check(cert, issuer, response, clock):
    """Steps -> "good"; CertificateError (revoked, unknown, too old, forged, about another)."""
    who = cert.title()
    try:
        return (yield from _check(cert, issuer, response, clock, who))
    except CertificateError:
        raise
    except (ValueError, IndexError) as e:
        raise CertificateError(_BAD, "OCSP for %s: %s" % (who, e)) from None


def _check(cert, issuer, response, clock, who):
    r = Reader(response)
    o = r.enter()
    r.done()
    if o.bytes(10) != b"\0":
        raise ValueError("responder gave no answer")
    o = o.enter(0xA0).enter()
    if o.oid() != _BASIC:
        raise ValueError("kind of response")
    basic = o.enter(4).enter()
    at = basic.at
    data = basic.enter()
    signed = bytes(response[at : basic.at])
    alg = algorithm(basic)
    signature = basic.bits()
    signer = issuer
    if data.peek() == 0xA0:
        data.take()
    named = data.peek()
    if named not in (0xA1, 0xA2):
        raise ValueError("responder")
    responder = data.enter(named)
    responder = responder.whole() if named == 0xA1 else responder.bytes(4)
    data.time()
    if not _is(issuer, named, responder) and basic.peek() == 0xA0:
        certs = basic.enter(0xA0).enter()
        while certs.peek() is not None:
            c = Certificate(certs.whole())
            if _is(c, named, responder):
                yield from _delegate(c, issuer, clock)
                signer = c
                break
    if not _is(signer, named, responder):
        raise ValueError("responder is neither the issuer nor in the response")
    state, start, end = _single(data.enter(), cert, issuer)
    if end is None or end > start + _WEEK:
        end = start + _WEEK
    fault = clock.judge(start, end)
    if fault:
        raise ValueError(fault)
    if not (yield from verify(signer.kind, signer.key, alg, signed, signature)):
        raise ValueError("signature is wrong")
    if clock.now()[1] != RTC:
        clock.learn(start)
    if state == 1:
        raise CertificateError("certificate_revoked", "%s is revoked" % who)
    if state:
        raise CertificateError(_BAD, "OCSP for %s: responder does not know it" % who)
    return "good"


def _is(cert, named, responder):
    return responder == (cert.subject if named == 0xA1 else digest("sha1", cert.key))


def _delegate(c, issuer, clock):
    if c.issuer != issuer.subject or c.purposes is None or OCSP_SIGNING not in c.purposes:
        raise ValueError("signer is not allowed to sign OCSP")
    fault = clock.judge(c.start, c.end)
    if fault:
        raise ValueError("signer " + fault)
    if c.critical:
        raise ValueError("signer has an unknown critical extension")
    if not (yield from verify(issuer.kind, issuer.key, c.algorithm, c.tbs, c.signature)):
        raise ValueError("signer's certificate has a wrong signature")


def _single(responses, cert, issuer):
    """(state 0 good, 1 revoked, 2 unknown; thisUpdate; nextUpdate or None) of our certificate."""
    while responses.peek() is not None:
        s = responses.enter()
        i = s.enter()
        name = _HASHES.get(i.enter().oid())
        names, key, serial = i.bytes(4), i.bytes(4), i.integer()
        state = s.peek()
        s.take()
        start = s.time()
        end = s.enter(0xA0).time() if s.peek() == 0xA0 else None
        if (
            name
            and serial == cert.serial
            and names == digest(name, cert.issuer)
            and key == digest(name, issuer.key)
        ):
            states = {0x80: 0, 0xA1: 1, 0x82: 2}
            if state not in states:
                raise ValueError("state")
            return states[state], start, end
    raise ValueError("is about another certificate")
