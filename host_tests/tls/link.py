# SPDX-License-Identifier: MIT
"""Puts our client and a server (an object with feed(bytes) -> bytes) together; simulated time."""

import random

from evcc.pki.clock import Clock
from evcc.pki.store import Identity
from evcc.pki.x509 import Certificate
from evcc.tls.client import TlsClient

from host_tests.pki.test_path import NOW, SECONDS
from tools.pki.maker import Maker, name

_made = {}


class Params:
    tls_profile = "strict"
    ocsp_policy = "lenient"
    tls_max_fragment = 0
    tls_timeout_ms = 20000

    def __init__(self, **more):
        for key, value in more.items():
            setattr(self, key, value)


class Own(Identity):
    """The car's identity from a maker's Authority, without files."""

    def __init__(self, one):
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
        )
        from evcc.pki.store import private_key

        self.path = "test"
        self.leaf = Certificate(one.der)
        self.chain = [c.der for c in one.chain()]
        self.kind, self.secret = private_key(
            one.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        )


def pki(kind="P-521", subs=2):
    """(maker, root, SECC leaf, car's identity), made once per kind."""
    if (kind, subs) not in _made:
        m = Maker(kind, now=NOW)
        root = m.root("V2G Root")
        leaf = m.secc(m.subs(root, "CPO", subs))
        oem = m.root("OEM Root")
        car = m.issue(name("TESTEVCC0000001", "TEST"), m.subs(oem, "OEM", 2))
        _made[kind, subs] = m, root, leaf, Own(car)
    return _made[kind, subs]


class Pair:
    """One connection. `run()` until nothing moves; now in ms."""

    def __init__(self, server, root, identity=None, clock=None, chunk=None, **params):
        self.server, self.chunk = server, chunk
        self.sent, self.data, self.keylog = b"", b"", []
        self.now = 0
        self.open = True  # False: `send` takes nothing
        self.cut = None  # drop what the server sends after so many bytes
        self.tls = TlsClient(
            self._send,
            random.Random(5).randbytes,
            [Certificate(root.der)],
            identity,
            Params(**params),
            clock or Clock(lambda: SECONDS),
            [],
            on_data=self._data,
            keylog=self.keylog.append,
        )

    def _send(self, data):
        if not self.open:
            return False
        self.sent += bytes(data)
        return True

    def _data(self, data, now):
        assert self.tls.state == "ready"
        self.data += bytes(data)

    def to_client(self, data):
        n = self.chunk or len(data) or 1
        for i in range(0, len(data), n):
            self.tls.feed(memoryview(data)[i : i + n], self.now)

    def run(self, start=True):
        if start and self.tls.state == "idle":
            self.tls.start(self.now)
        for _ in range(20000):
            busy = self.tls.step(self.now) <= self.now
            if self.sent:
                data, self.sent = self.sent, b""
                back = self.server.feed(data)
                if self.cut is not None:
                    back = back[: self.cut]
                    self.cut -= len(back)
                self.to_client(back)
                busy = True
            if not busy:
                return self.tls
        raise AssertionError("does not come to rest")
