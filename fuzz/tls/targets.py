# SPDX-License-Identifier: MIT
"""What the fuzzer of TLS and certificates feeds, and the rules that must hold.

The first byte chooses the target. Bytes of any kind may only lead to the documented errors: a
ValueError of the parsers, a TlsError of the messages, the state "failed" of the client.
"""

from pathlib import Path

import tools  # noqa: F401  (puts lib/ on the path)

# isort: split
from evcc import crypto
from evcc.crypto import ecdsa
from evcc.pki import CertificateError, ocsp, store
from evcc.pki.clock import Clock
from evcc.pki.x509 import Certificate
from evcc.tls import TlsError, hello, profile, tls13
from evcc.tls import messages as m
from evcc.tls.client import TlsClient
from evcc.tls.record import Records

OFFERED = [1, 5, 10, 13, 43, 47, 50, 51]


def certificate(data):
    try:
        c = Certificate(data)
    except (ValueError, IndexError):
        return
    c.title(), c.names()


def key(data):
    try:
        store.private_key(data)
    except (ValueError, IndexError):
        pass


def signature(data):
    try:
        r, s = ecdsa.unpack(data)
        assert ecdsa.pack(r, s) == data
    except (ValueError, IndexError):
        pass


class _Anything:
    """A certificate for OCSP responses whose signature does not matter."""

    serial, issuer, subject, key, kind = b"\1", b"\x30\0", b"\x30\0", b"k", None

    def title(self):
        return "x"


def response(data):
    try:
        crypto.run(ocsp.check(_Anything(), _Anything(), data, Clock()))
        raise AssertionError("an unsigned response was good")
    except CertificateError:
        pass


def messages(data):
    for read in (
        lambda c: hello.server_hello(c, profile.PROFILES["strict"], OFFERED),
        lambda c: tls13._encrypted_extensions(c, OFFERED, 512),
        tls13._certificate_request,
        lambda c: tls13._certificate(c, OFFERED),
    ):
        try:
            read(m.Cursor(memoryview(data)))
        except TlsError:
            pass


def records(data):
    r = Records()
    try:
        for i in range(0, len(data), 7):
            r.feed(data[i : i + 7])
            while r.next():
                pass
    except TlsError:
        pass


class Settings:
    tls_profile, ocsp_policy, tls_max_fragment, tls_timeout_ms = "strict", "strict", 0, 20000


def client(data):
    """A whole client; its ephemeral key is a fixed one, so that no curve is computed."""
    got = []
    t = TlsClient(
        lambda b: True,
        lambda n: b"\5" * n,
        [],
        None,
        Settings,
        Clock(),
        on_data=lambda d, now: got.append(d),
    )
    t.ephemeral = (0x19, b"\0" * 65 + b"\5", b"\4" + bytes(132))
    t.start(0)
    for _ in range(3):
        t.step(0)
    t.feed(data, 0)
    for _ in range(20):
        t.step(0)
    assert t.state in ("handshake", "failed") and not got, t.state
    assert t.alert != "internal_error" or t.error.startswith("station says"), t.error


KINDS = (certificate, key, signature, response, messages, records, client)


def check(data):
    if data:
        KINDS[data[0] % len(KINDS)](data[1:])


def corpus(folder):
    """Seeds for every target; needs the test environment."""
    from datetime import datetime, timezone

    from host_tests.tls.link import Pair, pki
    from host_tests.tls.server import Server
    from tools.pki.maker import responses

    now = datetime.now(timezone.utc)
    pieces = {}

    def tweak(what, data):
        if isinstance(data, bytes):
            pieces.setdefault(what, data)
        return data

    for kind in ("P-521", "Ed448"):
        _, root, leaf, identity = pki(kind)
        pieces.clear()
        Pair(Server(leaf, responses(leaf, this=now), tweak=tweak), root, identity).run()
        seeds = [(0, leaf.der), (0, root.der), (2, pieces["signature"])]
        seeds += [(3, r) for r in responses(leaf, this=now)]
        seeds += [
            (4, pieces[n][4:])
            for n in ("server_hello", "encrypted_extensions", "certificate_request", "certificate")
        ]
        seeds += [(5, pieces["record"]), (6, pieces["record"])]
        for i, (target, data) in enumerate(seeds):
            (Path(folder) / ("%s-%d" % (kind, i))).write_bytes(bytes([target]) + data)


TARGETS = {"any": check}
LATE = ("evcc.tls.tls13", "evcc.pki.path")
