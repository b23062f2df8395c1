# SPDX-License-Identifier: MIT
"""The car's certificate and the proof of its key in TLS 1.3 (RFC 8446, 4.4.2 and 4.4.3)."""

from evcc import crypto
from evcc.tls import messages as m
from evcc.tls.profile import SCHEMES

CONTEXT = b" " * 64 + b"TLS 1.3, client CertificateVerify\0"


def _choose(t, schemes, authorities):
    """(identity, scheme), or two Nones: of several one whose issuers the station names."""
    known = t.identity if isinstance(t.identity, list) else [t.identity]
    found = None, None
    for one in known:
        scheme = next((x for x in t.profile[2] if one and SCHEMES[x][0] == one.kind), None)
        if scheme in schemes:
            if len(known) == 1 or any([name in authorities for name in one.issuers]):
                return one, scheme
            if not found[0]:
                found = one, scheme
    if any(known) and not found[0]:
        t.agreed["warnings"].append("station does not take our kind of key")
    return found


def prove(t, schemes, authorities):
    """Steps: our certificate, if the server takes our kind of signature, and the proof of it."""
    one, scheme = _choose(t, schemes, authorities)
    t.agreed["client_certificate"] = bool(scheme)
    chain = one.chain if scheme else []
    size = sum([len(der) + 5 for der in chain])
    parts = [
        bytes((m.CERTIFICATE,)),
        (size + 4).to_bytes(3, "big"),
        b"\0",
        size.to_bytes(3, "big"),
    ]
    for der in chain:
        parts += [len(der).to_bytes(3, "big"), der, b"\0\0"]
    m.send(t, *parts)
    parts = None
    if scheme:
        kind, h, _ = SCHEMES[scheme]
        signed = CONTEXT + t.transcript.digest()
        signature = yield from crypto.sign(kind, h, one.secret, signed, t.urandom)
        m.send(t, m.message(m.CERTIFICATE_VERIFY, scheme.to_bytes(2, "big"), m.vec(2, signature)))
