# SPDX-License-Identifier: MIT
"""Certificates that a car must not take, and servers that deviate after the handshake."""

from datetime import timedelta

import pytest

pytest.importorskip("cryptography")
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from host_tests.pki.test_path import NOW
from host_tests.tls.hostile import (
    backend,  # noqa: F401  an autouse fixture
    connect,
    flip,
    ready,
    refused,
    request,
)
from host_tests.tls.link import pki
from host_tests.tls.server import Server, message
from tools.pki.maker import name

M, ROOT = pki()[:2]
SUB = M.issue(name("Sub TEST", None, "CPO"), ROOT, ca=True, path_length=0)
DAY = timedelta(days=1)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
CERTIFICATES = [
    ("self-signed", "unknown_ca", lambda: M.secc(None)),
    ("another root", "unknown_ca", lambda: M.secc(M.root("Other"))),
    ("root of the same name", "bad_certificate", lambda: M.secc(M.root("V2G Root"))),
    ("expired", "certificate_expired",
     lambda: M.secc(SUB, start=NOW - 9 * DAY, end=NOW - DAY)),
    ("not yet valid", "certificate_expired", lambda: M.secc(SUB, start=NOW + DAY)),
    ("role of an MO", "bad_certificate", lambda: M.secc(SUB, domain="MO")),
    ("a vehicle's certificate", "bad_certificate",
     lambda: M.secc(SUB, domain=None, purposes=(Eku.CLIENT_AUTH,))),
    ("a CA", "bad_certificate", lambda: M.secc(SUB, ca=True)),
    ("issued by a leaf", "bad_certificate", lambda: M.secc(M.secc(SUB))),
    ("path too long", "bad_certificate",
     lambda: M.secc(M.issue(name("S2"), SUB, ca=True))),
    ("may not sign", "bad_certificate", lambda: M.secc(SUB, usage={"key_agreement"})),
    ("unknown critical extension", "unsupported_certificate",
     lambda: M.secc(SUB, extra=[(UNKNOWN, True)])),
    ("name constraints", "unsupported_certificate",
     lambda: M.secc(M.issue(name("S3"), ROOT, ca=True, extra=[
         (x509.NameConstraints([x509.DNSName("x")], None), True)]))),
    ("P-256 key under strict", "unsupported_certificate", lambda: M.secc(SUB, kind="P-256")),
    ("signed by another key", "bad_certificate",
     lambda: M.secc(SUB, signing_key=M.secc(SUB).key)),
]  # fmt: skip


@pytest.mark.shows("faults of the station's TLS", "wrong certificates", peer="our station")
@pytest.mark.parametrize("what,alert,make", CERTIFICATES, ids=[x[0] for x in CERTIFICATES])
def test_certificates(what, alert, make):
    refused(connect(Server(make()), ROOT, pki()[3]), alert)


AFTER = [
    ("request for a certificate", "unexpected_message", lambda s: s.handshake(request(b"c"))),
    ("hello again", "unexpected_message", lambda s: s.handshake(message(2, b"x"))),
    ("renegotiation", "unexpected_message", lambda s: s.handshake(message(0, b""))),
    ("Finished again", "unexpected_message", lambda s: s.handshake(message(20, bytes(48)))),
    ("key update 2", "illegal_parameter", lambda s: s.handshake(message(24, b"\2"))),
    ("long key update", "decode_error", lambda s: s.handshake(message(24, b"\0\0"))),
    ("message behind a key update", "unexpected_message",
     lambda s: s.handshake(message(24, b"\0"), b"\4")),
    ("data inside a message", "unexpected_message",
     lambda s: s.record(22, b"\4\0") + s.data(b"secret")),
    ("old keys after a key update", "bad_record_mac",
     lambda s: s.handshake(message(24, b"\0")) + s.data(b"secret")),
    ("tampered record", "bad_record_mac", lambda s: flip(-1)(s.data(b"secret"))),
    ("tampered header", "record_overflow", lambda s: b"\x17\3\3\xff\xff" + s.data(b"secret")),
    ("record twice", "bad_record_mac", lambda s: s.ticket() + replay(s)),
    ("records in another order", "bad_record_mac",
     lambda s: b"".join(reversed([s.data(b"a"), s.data(b"b")]))),
    ("plaintext data", "unexpected_message", lambda s: b"\x16\3\3\0\4\0\0\0\0"),
    ("plaintext alert", "unexpected_message", lambda s: b"\x15\3\3\0\2\1\0"),
    ("change_cipher_spec now", "unexpected_message", lambda s: b"\x14\3\3\0\1\1"),
    ("empty handshake record", "unexpected_message", lambda s: s.record(22, b"")),
    ("unknown inner type", "unexpected_message", lambda s: s.record(24, b"x")),
    ("padding only", "unexpected_message", lambda s: s.record(0, b"")),
    ("short record", "bad_record_mac", lambda s: b"\x17\3\3\0\5" + bytes(5)),
    ("short alert", "decode_error", lambda s: s.record(21, b"\2")),
    ("more plaintext than allowed", "record_overflow", lambda s: s.record(23, bytes(16385))),
]  # fmt: skip


def replay(s):
    one = s.ticket()
    return one + one


@pytest.mark.parametrize("what,alert,make", AFTER, ids=[x[0] for x in AFTER])
def test_after_the_handshake(what, alert, make):
    p = ready()
    p.to_client(make(p.server))
    refused(p, alert)
    p.run()
    assert p.server.alerts, "the alert was sent"


def test_key_update_storm_grows_no_queue():
    p = ready()
    p.open = False
    for _ in range(300):
        p.to_client(p.server.key_update(1))
    assert p.tls.state == "ready" and len(p.tls._pending) <= 4
