# SPDX-License-Identifier: MIT
"""What makes a server deviate: changes to its messages, and what has to come of each."""

import os
import struct

import pytest

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.asymmetric import ec
from evcc import crypto

from host_tests.tls.link import Pair, pki
from host_tests.tls.server import Server, extension, message, v


@pytest.fixture(autouse=True)
def backend():
    crypto.use("host")
    yield
    crypto._b.clear()


def change(what, how):
    """A tweak that changes the first piece of that name."""
    done = []

    def tweak(kind, data):
        if kind == what and not done:
            done.append(1)
            return how(data)
        return data

    return {"tweak": tweak}


def flip(at):
    def how(data):
        b = bytearray(data)
        b[at] ^= 1
        return bytes(b)

    return how


def body(how):
    """Changes the body of a handshake message and keeps its length right."""
    return lambda data: message(data[0], how(data[4:]))


def hello(version=b"\x03\x03", session=b"\0", suite=None, compression=b"\0", x=None, more=b""):
    """A server hello with other fields; x: the whole vector of extensions, more: added ones."""

    def how(data):
        b = data[4:]
        random, old = b[2:34], b[35:37]
        extensions = (b[40:] if x is None else x) + more
        return message(
            2, version + random + session + (suite or old) + compression + v(2, extensions)
        )

    return how


V13 = extension(43, b"\x03\x04")


def share(group, key):
    return V13 + extension(51, struct.pack(">H", group) + v(2, key))


def random_point():
    return b"\4" + os.urandom(132)


def valid_point(curve):
    n = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    return b"\4" + n.x.to_bytes(size, "big") + n.y.to_bytes(size, "big")


def tail(text):
    """The end of a TLS 1.2 downgrade (RFC 8446, 4.1.3)."""

    def how(data):
        return message(2, b"\x03\x03" + data[6:30] + text + b"\0\xc0\x2c\0" + v(2, b""))

    return how


def entries(one, *extras):
    return message(11, v(1) + v(3, *[v(3, c.der) + v(2, *extras) for c in one.chain()]))


def request(context=b"", x=None):
    schemes = extension(13, v(2, b"\x06\x03"))
    return message(13, v(1, context) + v(2, schemes if x is None else x))


def verify(scheme):
    return body(lambda b: struct.pack(">H", scheme) + b[2:])


def oversized(data):
    return data if data[0] != 23 else struct.pack(">BHH", 23, 0x0303, 16641) + bytes(16641)


X = "extension"


def connect(server, root, identity, **params):
    p = Pair(server, root, identity, **params)
    p.run()
    return p


def refused(p, alert):
    """The alert went out (readable or not), the state says so, and nothing more is taken."""
    tls = p.tls
    assert tls.state == "failed", tls.state
    assert tls.alert == alert, tls.error
    assert tls.error.startswith(alert)
    assert p.data == b"" and not tls.write(b"x")
    assert tls.records.read is None and tls.records.write is None
    before = tls.error
    p.to_client(b"\x17\3\3\0\1x")
    assert tls.error == before and p.data == b""


def ready(**more):
    p = connect(Server(pki()[2]), pki()[1], pki()[3], **more)
    assert p.tls.state == "ready"
    return p
