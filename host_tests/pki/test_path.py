# SPDX-License-Identifier: MIT
"""Paths to the root: every kind of key and depth, and each reason to refuse one."""

from datetime import datetime, timedelta, timezone

import pytest

pytest.importorskip("cryptography")
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from evcc import crypto
from evcc.pki import CertificateError, path
from evcc.pki.clock import Clock
from evcc.pki.x509 import SERVER_AUTH, Certificate

from tools.pki.maker import KINDS, Maker, name

NOW = datetime(2027, 3, 1, 12, 0, 5, tzinfo=timezone.utc)
SECONDS = int(NOW.timestamp())


def rtc(seconds=SECONDS):
    return Clock(lambda: seconds)


@pytest.fixture(params=["pure", "host"])
def backend(request):
    crypto.use(request.param)
    yield
    crypto._b.clear()


def build(chain, root, clock=None, role="CPO", **more):
    certs = [Certificate(c.der) for c in chain]
    steps = path.build(certs, [Certificate(root.der)], clock or rtc(), SERVER_AUTH, role, **more)
    return crypto.run(steps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_good_paths(backend, kind, depth):
    m = Maker(kind, now=NOW)
    root = m.root("V2G Root")
    leaf = m.secc(m.subs(root, "CPO", depth - 1))
    out = build(leaf.chain(), root)
    assert [c.der for c in out] == [c.der for c in leaf.chain()] + [root.der]
    if depth > 2:  # the rest in any order, the root sent along, a stranger too
        chain = leaf.chain()
        assert len(build([chain[0], *reversed(chain[1:])], root)) == depth + 1
    if depth < 4:
        assert len(build([*leaf.chain(), root], root)) == depth + 1


def test_mixed_kinds(backend):
    m = Maker("P-521", now=NOW)
    root = m.root("Root")
    sub = m.issue(name("Sub", None, "CPO"), root, ca=True, kind="Ed448")
    leaf = m.secc(sub, kind="P-256")
    assert len(build(leaf.chain(), root)) == 3
    with pytest.raises(CertificateError) as e:
        build(leaf.chain(), root, kinds=("P-521", "Ed448"))
    assert e.value.alert == "unsupported_certificate"


def tampered(one):
    der = bytearray(one.der)
    der[-5] ^= 1
    one = type("Bad", (), {"der": bytes(der)})
    return one


def with_root(leaf):
    return [leaf, leaf.issuer]


def constraints(*permitted):
    return x509.NameConstraints([x509.DNSName(p) for p in permitted], None)


DAY = timedelta(days=1)
# what, alert, word in the text, chain made of (maker, root, sub)
BAD = [
    ("expired leaf", "certificate_expired", "expired",
     lambda m, root, sub: m.secc(sub, start=NOW - 9 * DAY, end=NOW - DAY).chain()),
    ("leaf of tomorrow", "certificate_expired", "not yet",
     lambda m, root, sub: m.secc(sub, start=NOW + DAY).chain()),
    ("expired sub CA", "certificate_expired", "expired",
     lambda m, root, sub: m.secc(m.issue(name("S"), root, ca=True, start=NOW - 9 * DAY,
                                         end=NOW - DAY)).chain()),
    ("self-signed", "unknown_ca", "issuer",
     lambda m, root, sub: [m.secc(None)]),
    ("unknown root", "unknown_ca", "issuer",
     lambda m, root, sub: m.secc(m.root("Another Root")).chain()),
    ("unknown root sent along", "unknown_ca", "issuer",
     lambda m, root, sub: with_root(m.secc(m.root("Another Root")))),
    ("sub CA withheld", "unknown_ca", "issuer",
     lambda m, root, sub: m.secc(sub).chain()[:1]),
    ("root with our root's name", "bad_certificate", "signature",
     lambda m, root, sub: m.secc(m.root("V2G Root")).chain()),
    ("signed with another key", "bad_certificate", "signature",
     lambda m, root, sub: m.secc(sub, signing_key=m.secc(sub).key).chain()),
    ("tampered signature", "bad_certificate", "signature",
     lambda m, root, sub: [tampered(m.secc(sub)), sub]),
    ("role of another", "bad_certificate", "role",
     lambda m, root, sub: m.secc(sub, domain="CPS").chain()),
    ("no role", "bad_certificate", "role",
     lambda m, root, sub: m.secc(sub, domain=None).chain()),
    ("for client authentication only", "bad_certificate", "purpose",
     lambda m, root, sub: m.secc(sub, purposes=(Eku.CLIENT_AUTH,)).chain()),
    ("leaf may not sign", "bad_certificate", "may not sign",
     lambda m, root, sub: m.secc(sub, usage={"key_agreement"}).chain()),
    ("a CA as leaf", "bad_certificate", "CA as leaf",
     lambda m, root, sub: m.secc(sub, ca=True).chain()),
    ("leaf as issuer", "bad_certificate", "not a CA",
     lambda m, root, sub: m.secc(m.secc(sub, common="L")).chain()),
    ("issuer without basicConstraints", "bad_certificate", "not a CA",
     lambda m, root, sub: m.secc(m.issue(name("S"), root, ca=True, constraints=False)).chain()),
    ("issuer without key usage", "bad_certificate", "may not sign certificates",
     lambda m, root, sub: m.secc(m.issue(name("S"), root, ca=True, usage="none")).chain()),
    ("issuer that may not sign", "bad_certificate", "may not sign certificates",
     lambda m, root, sub: m.secc(m.issue(name("S"), root, ca=True,
                                         usage={"digital_signature"})).chain()),
    ("path length", "bad_certificate", "path longer",
     lambda m, root, sub: m.secc(m.issue(name("S"), sub, ca=True)).chain()),
    ("critical name constraints", "unsupported_certificate", "critical",
     lambda m, root, sub: m.secc(m.issue(name("S"), root, ca=True,
                                         extra=[(constraints("x"), True)])).chain()),
    ("unknown critical extension", "unsupported_certificate", "critical",
     lambda m, root, sub: m.secc(sub, extra=[(x509.UnrecognizedExtension(
         x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]).chain()),
    ("five sub CAs", "bad_certificate", "chain of",
     lambda m, root, sub: m.secc(m.subs(root, "CPO", 5)).chain()),
]  # fmt: skip


@pytest.mark.parametrize("what,alert,word,make", BAD, ids=[b[0] for b in BAD])
def test_bad_paths(what, alert, word, make):
    m = Maker("P-256", now=NOW)
    root = m.root("V2G Root")
    sub = m.issue(name("Sub TEST", None, "CPO"), root, ca=True, path_length=0)
    with pytest.raises(CertificateError) as e:
        build(make(m, root, sub), root)
    assert e.value.alert == alert and word in str(e.value), str(e.value)


def test_expired_root():
    m = Maker("P-256", now=NOW)
    root = m.issue(name("R"), ca=True, end=NOW + DAY)
    leaf = m.secc(root)
    assert build([leaf], root)
    with pytest.raises(CertificateError):
        build([leaf], root, rtc(SECONDS + 2 * 86400))


def test_quality_of_the_time():
    """Without a set clock an old certificate may pass; with the last known time an expired one
    does not, and one that starts later is given the benefit of the doubt."""
    m = Maker("P-256", now=NOW)
    root = m.root("R")
    leaf = m.secc(root)
    after, before = SECONDS + 400 * 86400, SECONDS - 400 * 86400
    assert build([leaf], root, Clock())
    assert build([leaf], root, Clock(None, before))
    with pytest.raises(CertificateError):
        build([leaf], root, Clock(None, after))
    with pytest.raises(CertificateError):
        build([leaf], root, rtc(before))


def test_time_moves_only_forward():
    stored = []
    t = [1000000]
    clock = Clock(lambda: t[0], 0, stored.append)
    assert clock.now() == (1000000, "rtc")
    t[0] = 999  # the battery was off: RTC back in the past
    assert clock.now() == (1000000, "last known")
    clock.learn(500)
    assert clock.last == 1000000
    clock.learn(1000001)
    assert clock.last == 1000001 and stored == [1000000]
    clock.learn(1000000 + 86400)
    assert stored == [1000000, 1086400]
    assert Clock().now() == (None, "none")


def test_memory_of_signatures():
    m = Maker("P-256", now=NOW)
    root = m.root("R")
    leaf = m.secc(m.subs(root, "CPO", 2))
    memory = []
    crypto.use("pure")
    try:
        certs = [Certificate(c.der) for c in leaf.chain()]
        counts = []
        for _ in range(2):
            steps = path.build(certs, [Certificate(root.der)], rtc(), memory=memory)
            counts.append(sum(1 for _ in steps))
    finally:
        crypto._b.clear()
    assert len(memory) == 2 and counts[1] < counts[0] / 2.5
    other = m.root("R")  # same name, other key: not remembered
    with pytest.raises(CertificateError):
        crypto.run(path.build(certs, [Certificate(other.der)], rtc(), memory=memory))
