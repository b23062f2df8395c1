# SPDX-License-Identifier: MIT
"""From a leaf through sub CAs to an installed root (RFC 5280, 6.1; ISO 15118-20 profile).

Checks signatures, periods, basicConstraints, path length, key usage, critical extensions and
roles. Does not look anything up in a network; name constraints and policies are not processed: a
critical name constraint therefore ends the path.
"""

from evcc.compat import collect, const
from evcc.pki import CertificateError
from evcc.pki.x509 import ANY_USAGE, CERT_SIGN, SIGN, verify

_MAX = const(4)  # leaf and three sub CAs
_KNOWN = const(6)  # sub CAs that a memory keeps


def _known(cert, issuer):
    """What a memory keeps of a sub CA whose signature was verified."""
    from evcc.crypto import digest

    return digest("sha256", issuer.key, cert.der)[:16]


def check(cert, clock, is_ca, purpose=None):
    """CertificateError unless the certificate by itself may stand at this place."""
    who = cert.title()
    if cert.critical:
        raise CertificateError("unsupported_certificate", "%s: unknown critical extension" % who)
    if cert.kind is None:
        raise CertificateError("unsupported_certificate", "%s: kind of key" % who)
    fault = clock.judge(cert.start, cert.end)
    if fault:
        raise CertificateError("certificate_expired", "%s: %s" % (who, fault))
    if is_ca:
        if not cert.ca:
            raise CertificateError("bad_certificate", "%s: not a CA" % who)
        if cert.usage is None or not cert.usage & CERT_SIGN:
            raise CertificateError("bad_certificate", "%s: may not sign certificates" % who)
        return
    if cert.ca:
        raise CertificateError("bad_certificate", "%s: a CA as leaf" % who)
    if cert.usage is not None and not cert.usage & SIGN:
        raise CertificateError("bad_certificate", "%s: may not sign" % who)
    if purpose and cert.purposes is not None:
        if purpose not in cert.purposes and ANY_USAGE not in cert.purposes:
            raise CertificateError("bad_certificate", "%s: for another purpose" % who)


def build(chain, roots, clock, purpose=None, role=None, memory=None, kinds=None):
    """Steps -> [leaf, sub CAs .., root]; CertificateError.

    chain: certificates as received, leaf first, the rest in any order. role: domain component the
    leaf's subject must have. kinds: kinds of key allowed. memory: None, or a list of
    sub CAs verified before (16 bytes each): their signatures are not verified again.
    """
    leaf = chain[0]
    if len(chain) > _MAX + 1:  # one more: some send the root as well
        raise CertificateError("bad_certificate", "chain of %d certificates" % len(chain))
    check(leaf, clock, False, purpose)
    if role and role not in leaf.names():
        raise CertificateError(
            "bad_certificate", "%s: not a certificate with role %s" % (leaf.title(), role)
        )
    out = [leaf]
    while True:
        cert = out[-1]
        if kinds and cert.kind not in kinds:
            raise CertificateError(
                "unsupported_certificate", "%s: %s key" % (cert.title(), cert.kind)
            )
        named = [c for c in roots if c.subject == cert.issuer]
        for issuer in named:
            if (yield from _issued(cert, issuer, len(out) - 1, clock, memory)):
                out.append(issuer)
                return out
        more = [c for c in chain[1:] if c.subject == cert.issuer and c not in out]
        more = [c for c in more if c.subject != c.issuer]  # roots come from us only
        for issuer in more:
            if (yield from _issued(cert, issuer, len(out) - 1, clock, memory)):
                out.append(issuer)
                break
        else:
            who = cert.title()
            if named or more:
                raise CertificateError("bad_certificate", "%s: signature is wrong" % who)
            raise CertificateError(
                "unknown_ca", "%s: its issuer is neither installed nor in the chain" % who
            )
        if len(out) > _MAX:
            raise CertificateError("bad_certificate", "%s: path too long" % leaf.title())


def _issued(cert, issuer, below, clock, memory):
    """Steps -> bool; `below`: sub CAs between the issuer and the leaf."""
    check(issuer, clock, True)
    if issuer.path_length is not None and below > issuer.path_length:
        raise CertificateError(
            "bad_certificate", "%s: path longer than it allows" % issuer.title()
        )
    key = _known(cert, issuer) if memory is not None and cert.ca else None
    if key and key in memory:
        return True
    collect()
    good = yield from verify(issuer.kind, issuer.key, cert.algorithm, cert.tbs, cert.signature)
    if good and key:
        memory.append(key)
        del memory[:-_KNOWN]
    return good
