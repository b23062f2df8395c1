# SPDX-License-Identifier: MIT
"""A recorded handshake that MicroPython plays again: same random bytes, so the same messages.

`script(kind, ...)` runs our client in this Python against the test server, keeps what the server
said, and returns code that does the client's part once more, without socket or server.
"""

import hashlib

from evcc import crypto

from host_tests.pki.test_path import NOW, SECONDS
from host_tests.tls.link import Pair, pki
from host_tests.tls.server import Server
from tools.pki.maker import responses

CODE = """
import gc
from evcc import crypto
from evcc.pki import path
from evcc.pki.clock import Clock
from evcc.pki.x509 import Certificate
from evcc.tls.client import TlsClient
import hashlib

class Params:
    tls_profile = PROFILE
    ocsp_policy = OCSP
    tls_max_fragment = 0
    tls_timeout_ms = 20000

class Own:
    pass

own = Own()
own.kind, own.secret, own.chain = IDENTITY
roots = [Certificate(ROOT)]

class Random:
    n = 0
    def __call__(self, n):
        out = b""
        while len(out) < n:
            self.n += 1
            out += hashlib.sha256(b"%d" % self.n).digest()
        return out[:n]

def handshake(got=None):
    sent = []
    def send(b):
        sent.append(bytes(b))
        return True
    t = TlsClient(send, Random(), roots, own, Params, Clock(lambda: SECONDS), on_data=got)
    t.start(0)
    for said in SAID:
        while t.step(0) <= 0:
            pass
        for i in range(0, len(said), 1000):
            t.feed(memoryview(said)[i : i + 1000], 0)
    while t.step(0) <= 0:
        pass
    assert t.state == "ready", t.error
    return t, sent
"""


class Random:
    """The same bytes as in CODE."""

    n = 0

    def __call__(self, n):
        out = b""
        while len(out) < n:
            self.n += 1
            out += hashlib.sha256(b"%d" % self.n).digest()
        return out[:n]


def script(kind="P-521", profile="strict", ocsp=False, subs=2, data=b"", **server):
    """(code, what the client sent in all, plaintext records of the server in `DATA`)."""
    _, root, leaf, identity = pki(kind, subs)
    before = crypto._b[:]
    crypto.use("pure")
    try:
        stapled = responses(leaf, this=NOW) if ocsp else ()
        p = Pair(
            Server(leaf, stapled, **server),
            root,
            identity,
            tls_profile=profile,
            ocsp_policy="strict" if ocsp else "lenient",
        )
        p.tls.urandom = Random()
        p.tls.memory = None
        said, sent, feed = [], [], p.server.feed

        def listen(data):
            sent.append(data)
            back = feed(data)
            if back:
                said.append(back)
            return back

        p.server.feed = listen
        p.run()
        assert p.tls.state == "ready", p.tls.error
        records = p.server.data(data) if data else b""
    finally:
        crypto._b[:] = before
    head = {
        "PROFILE": profile,
        "OCSP": "strict" if ocsp else "lenient",
        "IDENTITY": (identity.kind, identity.secret, identity.chain),
        "ROOT": root.der,
        "SECONDS": SECONDS,
        "SAID": said,
        "DATA": records,
    }
    code = "".join("%s = %r\n" % pair for pair in head.items()) + CODE
    return code, b"".join(sent)
