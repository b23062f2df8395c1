# SPDX-License-Identifier: MIT
"""Stapled responses made by `cryptography`: good, and everything else."""

import random
from datetime import timedelta

import pytest

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from evcc import crypto
from evcc.pki import CertificateError, ocsp
from evcc.pki.clock import Clock
from evcc.pki.x509 import Certificate

from host_tests.pki.test_path import NOW, SECONDS, rtc
from tools.pki.maker import KINDS, Maker, name, status

HOUR = timedelta(hours=1)


def check(leaf, response, clock=None):
    cert, issuer = Certificate(leaf.der), Certificate(leaf.issuer.der)
    return crypto.run(ocsp.check(cert, issuer, response, clock or rtc()))


@pytest.fixture
def leaf():
    m = Maker("P-256", now=NOW)
    return m.secc(m.root("V2G Root"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algorithm", [hashes.SHA1, hashes.SHA256, hashes.SHA512])
def test_good(kind, algorithm):
    m = Maker(kind, now=NOW)
    leaf = m.secc(m.root("R"))
    assert check(leaf, status(leaf, leaf.issuer, this=NOW, algorithm=algorithm())) == "good"


def responder(leaf, purposes=(Eku.OCSP_SIGNING,), issuer=None, **more):
    m = Maker("P-256", now=NOW)
    return m.issue(name("Responder TEST"), issuer or leaf.issuer, purposes=purposes, **more)


def test_delegate(leaf):
    assert check(leaf, status(leaf, leaf.issuer, responder(leaf), this=NOW)) == "good"


def other(leaf):
    m = Maker("P-256", now=NOW)
    return m.secc(leaf.issuer)


def stranger():
    return Maker("P-256", now=NOW).root("V2G Root")


def flipped(response, at):
    b = bytearray(response)
    b[at] ^= 1
    return bytes(b)


BAD = [
    ("revoked", "certificate_revoked", "revoked",
     lambda f: status(f, f.issuer, this=NOW, state="revoked")),
    ("unknown", None, "does not know", lambda f: status(f, f.issuer, this=NOW, state="unknown")),
    ("too old", None, "expired", lambda f: status(f, f.issuer, this=NOW - timedelta(days=7))),
    ("older than a week", None, "expired",
     lambda f: status(f, f.issuer, this=NOW - timedelta(days=8), days=30)),
    ("no nextUpdate, old", None, "expired",
     lambda f: status(f, f.issuer, this=NOW - timedelta(days=8), days=None)),
    ("of tomorrow", None, "not yet", lambda f: status(f, f.issuer, this=NOW + 24 * HOUR)),
    ("about another", None, "another", lambda f: status(other(f), f.issuer, this=NOW)),
    ("signed by a stranger of the same name", None, "signature",
     lambda f: status(f, f.issuer, stranger(), this=NOW, embed=False)),
    ("delegate for another purpose", None, "not allowed",
     lambda f: status(f, f.issuer, responder(f, (Eku.SERVER_AUTH,)), this=NOW)),
    ("the leaf signs for itself", None, "not allowed",
     lambda f: status(f, f.issuer, f, this=NOW)),
    ("delegate of another issuer", None, "wrong signature",
     lambda f: status(f, f.issuer, responder(f, issuer=stranger()), this=NOW)),
    ("expired delegate", None, "signer expired",
     lambda f: status(f, f.issuer, responder(f, end=NOW - HOUR), this=NOW)),
    ("delegate not in the response", None, "neither",
     lambda f: status(f, f.issuer, responder(f), this=NOW, embed=False)),
    ("tampered signature", None, "signature",
     lambda f: flipped(status(f, f.issuer, this=NOW), -4)),
    ("error of the responder", None, "no answer", lambda f: bytes.fromhex("30030a0106")),
    ("empty", None, "DER", lambda f: b""),
    ("something follows", None, "follows", lambda f: status(f, f.issuer, this=NOW) + b"\0"),
]  # fmt: skip


@pytest.mark.parametrize("what,alert,word,make", BAD, ids=[b[0] for b in BAD])
def test_bad(leaf, what, alert, word, make):
    with pytest.raises(CertificateError) as e:
        check(leaf, make(leaf))
    assert e.value.alert == (alert or "bad_certificate_status_response")
    assert word in str(e.value), str(e.value)


def test_teaches_the_time(leaf):
    clock = Clock(None, SECONDS - 1000000)
    check(leaf, status(leaf, leaf.issuer, this=NOW), clock)
    assert clock.last == SECONDS
    forged = status(leaf, leaf.issuer, stranger(), this=NOW + 999 * HOUR, embed=False)
    with pytest.raises(CertificateError):
        check(leaf, forged, clock)
    assert clock.last == SECONDS


def test_truncated_and_mutated(leaf):
    response = status(leaf, leaf.issuer, responder(leaf), this=NOW)
    for i in range(0, len(response), 3):
        with pytest.raises(CertificateError):
            check(leaf, response[:i])
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    for _ in range(500):
        b = bytearray(response)
        b[rng.randrange(len(b))] ^= 1 << rng.randrange(8)
        try:
            check(leaf, bytes(b))
        except CertificateError:
            continue
        # what is not signed may change: certificates the check does not need
        assert b != response, seed
