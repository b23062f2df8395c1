# SPDX-License-Identifier: MIT
"""Servers that deviate in the handshake: each ends with the right alert, and gives no data."""

import os
import struct

import pytest

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.asymmetric import ec

from host_tests.tls.hostile import (
    V13,
    backend,  # noqa: F401  an autouse fixture
    body,
    change,
    connect,
    entries,
    flip,
    hello,
    oversized,
    refused,
    request,
    share,
    tail,
    valid_point,
    verify,
)
from host_tests.tls.link import Pair, pki
from host_tests.tls.server import RETRY_RANDOM, Server, extension, message, v
from host_tests.tls.test_hostile_later import AFTER, CERTIFICATES

# what the server does, the alert it gets, options of the server
HANDSHAKE = [
    ("TLS 1.2 hello", "protocol_version", change("server_hello", tail(b"DOWNGRD\1"))),
    ("TLS 1.1 downgrade mark", "protocol_version", change("server_hello", tail(b"DOWNGRD\0"))),
    ("no supported_versions", "protocol_version",
     change("server_hello", hello(x=share(0x19, valid_point(ec.SECP521R1()))[6:]))),
    ("supported_versions TLS 1.2", "illegal_parameter",
     change("server_hello", hello(x=extension(43, b"\3\3")))),
    ("supported_versions a draft", "illegal_parameter",
     change("server_hello", hello(x=extension(43, b"\x7f\x1c")))),
    ("supported_versions too long", "decode_error",
     change("server_hello", hello(x=extension(43, b"\3\4\3\4")))),
    ("legacy version", "protocol_version", change("server_hello", hello(version=b"\3\4"))),
    ("legacy version SSL 3", "protocol_version", change("server_hello", hello(version=b"\3\0"))),
    ("session id not ours", "illegal_parameter",
     change("server_hello", hello(session=v(1, bytes(32))))),
    ("suite not offered", "illegal_parameter",
     change("server_hello", hello(suite=b"\x13\x01"))),
    ("suite of TLS 1.2", "illegal_parameter",
     change("server_hello", hello(suite=b"\xc0\x2c"))),
    ("unknown suite", "illegal_parameter", change("server_hello", hello(suite=b"\x13\x77"))),
    ("compression", "illegal_parameter",
     change("server_hello", hello(compression=b"\1"))),
    ("unknown extension in hello", "unsupported_extension",
     change("server_hello", hello(more=extension(0x1234, b"")))),
    ("pre-shared key not offered", "unsupported_extension",
     change("server_hello", hello(more=extension(41, b"\0\0")))),
    ("offered extension in the wrong message", "illegal_parameter",
     change("server_hello", hello(more=extension(10, b"\0\2\0\x19")))),
    ("extension twice in hello", "illegal_parameter",
     change("server_hello", hello(more=V13))),
    ("no key share", "missing_extension", change("server_hello", hello(x=V13))),
    ("key share of a group not offered", "illegal_parameter",
     change("server_hello", hello(x=share(0x18, b"\4" + bytes(96))))),
    ("key share of the other group", "illegal_parameter",
     change("server_hello", hello(x=share(0x1E, bytes(range(56)))))),
    ("point not on the curve", "illegal_parameter",
     change("server_hello", hello(x=share(0x19, b"\4" + b"\0" + os.urandom(131))))),
    ("point at infinity", "illegal_parameter",
     change("server_hello", hello(x=share(0x19, b"\0")))),
    ("compressed point", "illegal_parameter",
     change("server_hello", hello(x=share(0x19, b"\2" + bytes(66))))),
    ("point of zeros", "illegal_parameter",
     change("server_hello", hello(x=share(0x19, b"\4" + bytes(132))))),
    ("coordinate above the prime", "illegal_parameter",
     change("server_hello", hello(x=share(0x19, b"\4" + b"\xff" * 132)))),
    ("point of another curve", "illegal_parameter",
     change("server_hello", hello(x=share(0x19, valid_point(ec.SECP256R1()))))),
    ("empty key share", "illegal_parameter", change("server_hello", hello(x=share(0x19, b"")))),
    ("hello cut short", "decode_error", change("server_hello", body(lambda b: b[:-3]))),
    ("hello too long", "decode_error", change("server_hello", body(lambda b: b + b"x"))),
    ("empty hello", "decode_error", change("server_hello", body(lambda b: b""))),
    ("extensions longer than the hello", "decode_error",
     change("server_hello", body(lambda b: b[:38] + b"\xff\xff" + b[40:]))),
    ("certificate instead of the hello", "unexpected_message",
     change("server_hello", lambda data: message(11, b"\0\0\0\0"))),
    ("message longer than anything", "decode_error",
     change("server_hello", lambda data: b"\2\xff\xff\xff")),
    ("retry without a reason", "illegal_parameter",
     {"retry": True, **change("retry", lambda d: message(
         2, b"\3\3" + RETRY_RANDOM + b"\0\x13\x02\0" + v(2, V13)))}),
    ("retry for the group it has", "illegal_parameter",
     {"retry": True, **change("retry", lambda d: message(
         2, b"\3\3" + RETRY_RANDOM + b"\0\x13\x02\0" + v(2, V13, extension(51, b"\0\x19"))))}),
    ("retry for a group not offered", "illegal_parameter",
     {"retry": True, **change("retry", lambda d: message(
         2, b"\3\3" + RETRY_RANDOM + b"\0\x13\x02\0" + v(2, V13, extension(51, b"\0\x17"))))}),
    ("retry with an empty cookie", "decode_error",
     {"retry": True, **change("retry", lambda d: message(
         2, b"\3\3" + RETRY_RANDOM + b"\0\x13\x02\0" + v(2, V13, extension(44, b"\0\0"))))}),
    ("retry with an extension not for it", "illegal_parameter",
     {"retry": True, **change("retry", lambda d: message(
         2, b"\3\3" + RETRY_RANDOM + b"\0\x13\x02\0" + v(2, V13, extension(10, b"\0\0"))))}),
    ("second retry", "unexpected_message",
     {"group": 0x1E, **change("server_hello", lambda d: message(
         2, b"\3\3" + RETRY_RANDOM + b"\0\x13\x02\0" + v(2, V13, extension(51, b"\0\x19"))))}),
    ("suite changes after the retry", "illegal_parameter",
     {"group": 0x1E, **change("server_hello", hello(suite=b"\x13\x03"))}),
    ("group changes after the retry", "illegal_parameter",
     {"group": 0x1E, **change("server_hello",
                              hello(x=share(0x19, valid_point(ec.SECP521R1()))))}),
    ("cookie in the hello", "illegal_parameter",
     {"retry": True, "cookie": b"x", **change("server_hello",
                                              hello(more=extension(44, b"\0\1x")))}),
    ("wrong shared secret", "bad_record_mac", change("shared", flip(5))),
    ("another hello in the transcript", "bad_record_mac",
     change("record", lambda data: flip(12)(data))),
    ("unknown extension in EncryptedExtensions", "unsupported_extension",
     change("encrypted_extensions", lambda d: message(8, v(2, extension(0x1234, b""))))),
    ("ALPN that was not offered", "unsupported_extension",
     change("encrypted_extensions", lambda d: message(8, v(2, extension(16, b"\0\3\2h2"))))),
    ("key share in EncryptedExtensions", "illegal_parameter",
     change("encrypted_extensions", lambda d: message(8, v(2, extension(51, b""))))),
    ("max_fragment_length not offered", "unsupported_extension",
     change("encrypted_extensions", lambda d: message(8, v(2, extension(1, b"\1"))))),
    ("early data accepted", "unsupported_extension",
     change("encrypted_extensions", lambda d: message(8, v(2, extension(42, b""))))),
    ("extension twice", "illegal_parameter",
     change("encrypted_extensions",
            lambda d: message(8, v(2, 2 * extension(10, b"\0\2\0\x19"))))),
    ("EncryptedExtensions too long", "decode_error",
     change("encrypted_extensions", lambda d: message(8, v(2) + b"x"))),
    ("no EncryptedExtensions", "unexpected_message",
     change("encrypted_extensions", lambda d: b"")),
    ("request with a context", "illegal_parameter",
     change("certificate_request", lambda d: request(b"c"))),
    ("request without schemes", "missing_extension",
     change("certificate_request", lambda d: request(b"", b""))),
    ("request with an extension twice", "illegal_parameter",
     change("certificate_request",
            lambda d: request(b"", 2 * extension(13, v(2, b"\6\3"))))),
    ("request cut short", "decode_error", change("certificate_request", body(lambda b: b[:-2]))),
    ("two requests", "unexpected_message",
     change("certificate_request", lambda d: d + d)),
    ("no request at all", "handshake_failure", {"request": False}),
    ("no certificate", "decode_error",
     change("certificate", lambda d: message(11, v(1) + v(3)))),
    ("certificate with a context", "illegal_parameter",
     change("certificate", body(lambda b: b"\1c" + b[1:]))),
    ("certificate that is none", "bad_certificate",
     change("certificate", lambda d: message(11, v(1) + v(3, v(3, b"none") + v(2))))),
    ("empty certificate", "bad_certificate",
     change("certificate", lambda d: message(11, v(1) + v(3, v(3) + v(2))))),
    ("certificate list cut short", "decode_error", change("certificate", body(lambda b: b[:-9]))),
    ("nine certificates", "bad_certificate",
     change("certificate", body(lambda b: b"\0" + v(3, 3 * b[4:])))),
    ("unknown extension with the certificate", "unsupported_extension",
     change("certificate", lambda d: entries(pki()[2], extension(18, b"\0\0")))),
    ("status of an unknown kind", "decode_error",
     change("certificate", lambda d: entries(pki()[2], extension(5, b"\2\0\0\1x")))),
    ("status twice", "illegal_parameter",
     change("certificate", lambda d: entries(pki()[2], 2 * extension(5, b"\1\0\0\1x")))),
    ("tampered certificate", "bad_certificate", change("certificate", flip(400))),
    ("certificate twice", "unexpected_message", change("certificate", lambda d: d + d)),
    ("no certificate message", "unexpected_message", change("certificate", lambda d: b"")),
    ("signature over another transcript", "decrypt_error",
     change("signed", lambda d: d[:-1] + b"x")),
    ("signature with the client's context", "decrypt_error",
     change("signed", lambda d: d.replace(b"server", b"client"))),
    ("bad signature", "decrypt_error", change("signature", flip(20))),
    ("empty signature", "decrypt_error", change("signature", lambda d: b"")),
    ("signature of zeros", "decrypt_error",
     change("signature", lambda d: b"\x30\6\2\1\0\2\1\0")),
    ("scheme not offered", "illegal_parameter",
     change("certificate_verify", verify(0x0804))),
    ("scheme for another key", "illegal_parameter",
     change("certificate_verify", verify(0x0808))),
    ("scheme of the bench profile", "illegal_parameter",
     change("certificate_verify", verify(0x0403))),
    ("signature too long for its message", "decode_error",
     change("certificate_verify", body(lambda b: b + b"x"))),
    ("no signature of the handshake", "unexpected_message",
     change("certificate_verify", lambda d: b"")),
    ("wrong Finished", "decrypt_error", change("finished", flip(10))),
    ("short Finished", "decrypt_error", change("finished", body(lambda b: b[:-1]))),
    ("Finished of zeros", "decrypt_error",
     change("finished", body(lambda b: bytes(len(b))))),
    ("message behind Finished under the old keys", "unexpected_message",
     change("finished", lambda d: d + message(4, b""))),
    ("key update in the handshake", "unexpected_message",
     change("certificate_verify", lambda d: message(24, b"\0") + d)),
    ("ticket in the handshake", "unexpected_message",
     change("certificate", lambda d: message(4, b"") + d)),
    ("hello request", "unexpected_message",
     change("encrypted_extensions", lambda d: message(0, b"") + d)),
    ("oversized record", "record_overflow", change("record", lambda d: struct.pack(
        ">BHH", 22, 0x0303, 16385) + bytes(16385))),
    ("oversized protected record", "record_overflow", {"tweak": lambda what, d: (
        oversized(d) if what == "record" else d)}),
    ("tampered record", "bad_record_mac", {"tweak": lambda what, d: (
        flip(-1)(d) if what == "record" and d[0] == 23 else d)}),
    ("record that is not TLS", "unexpected_message",
     change("record", lambda d: b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("record of another version", "unexpected_message",
     change("record", lambda d: d[:1] + b"\2\0" + d[3:])),
    ("empty handshake record", "unexpected_message",
     change("record", lambda d: b"\x16\3\3\0\0" + d)),
    ("change_cipher_spec that is none", "unexpected_message",
     change("record", lambda d: d + b"\x14\3\3\0\1\2")),
    ("application data before keys", "unexpected_message",
     change("record", lambda d: b"\x17\3\3\0\x20" + bytes(32) + d)),
    ("plaintext after keys", "unexpected_message", {"tweak": lambda what, d: (
        b"\x16\3\3\0\4\x08\0\0\0" if what == "record" and d[0] == 23 else d)}),
    ("data inside the handshake", "unexpected_message", {"tweak": lambda what, d: (
        (23, b"early") if what == "inner" and d[1][0] == 8 else d)}),
    ("unknown inner type", "unexpected_message", {"tweak": lambda what, d: (
        (99, b"x") if what == "inner" and d[1][0] == 8 else d)}),
    ("padding only", "unexpected_message", {"tweak": lambda what, d: (
        (0, b"") if what == "inner" and d[1][0] == 8 else d)}),
    ("long alert", "decode_error",
     change("record", lambda d: b"\x15\3\3\0\3\2\x28\0")),
]  # fmt: skip


@pytest.mark.shows("faults of the station's TLS", "hostile handshakes", peer="our station")
@pytest.mark.parametrize("what,alert,options", HANDSHAKE, ids=[x[0] for x in HANDSHAKE])
def test_handshake(what, alert, options):
    maker, root, leaf, identity = pki()
    p = connect(Server(leaf, **options), root, identity)
    refused(p, alert)


@pytest.mark.parametrize("cut", [1, 4, 5, 60, 200, 500, 1500])
def test_truncated_handshake(cut):
    """Half a flight is waited for, then it is over: no state but failed, no data."""
    maker, root, leaf, identity = pki()
    p = Pair(Server(leaf), root, identity)
    p.cut = cut
    p.run()
    assert p.tls.state == "handshake"
    p.tls.lost()
    assert p.tls.state == "failed" and p.data == b"" and not p.tls.write(b"x")


@pytest.mark.parametrize("number", [0, 40, 42, 80, 112, 116, 255])
def test_alert_in_the_handshake(number):
    maker, root, leaf, identity = pki()
    p = Pair(Server(leaf), root, identity)
    p.server.hello = lambda one: p.server.alert(number)
    p.run()
    assert p.tls.state == "failed" and p.tls.error.startswith("station says ")


def test_flood_while_a_key_operation_runs():
    maker, root, leaf, identity = pki()
    p = Pair(Server(leaf), root, identity)
    p.tls.start(0)
    for _ in range(100):
        p.tls.feed(b"\x16\3\3\x40\0" + bytes(995), 0)
    assert p.tls.state == "failed" and p.tls.alert == "record_overflow"
    assert len(p.tls.records.buf) < 24000


def test_table_is_long_enough():
    assert len(HANDSHAKE) + len(CERTIFICATES) + len(AFTER) >= 130
