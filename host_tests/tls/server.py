# SPDX-License-Identifier: MIT
"""A TLS 1.3 server for tests on `cryptography` alone, that can staple OCSP and misbehave.

It shares no code with lib/evcc: written from RFC 8446 once more. `tweak(what, data)` sees, and may
replace, every piece before it goes out: "server_hello" "retry" "encrypted_extensions"
"certificate_request" "certificate" "certificate_verify" "finished" (whole messages), "signature",
"signed", "shared", "inner" (type, plaintext) and "record" (bytes on the wire).
"""

import hashlib
import hmac
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, x448
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SUITES = {0x1301: ("sha256", 16), 0x1302: ("sha384", 32), 0x1303: ("sha256", 32)}
CURVES = {0x0017: ec.SECP256R1, 0x0019: ec.SECP521R1}
RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()


def v(size, *parts):
    data = b"".join(parts)
    return len(data).to_bytes(size, "big") + data


def message(kind, body):
    return bytes([kind]) + v(3, body)


def extension(kind, body):
    return struct.pack(">H", kind) + v(2, body)


def vectors(data, size):
    out = []
    while data:
        n = int.from_bytes(data[:size], "big")
        out.append(data[size : size + n])
        data = data[size + n :]
    return out


class Keys:
    def __init__(self, suite, secret):
        self.hash, size = SUITES[suite]
        self.suite = suite
        self.secret = secret
        key = label(self.hash, secret, "key", b"", size)
        self.iv = label(self.hash, secret, "iv", b"", 12)
        self.aead = (ChaCha20Poly1305 if suite == 0x1303 else AESGCM)(key)
        self.n = 0

    def nonce(self):
        out = (int.from_bytes(self.iv, "big") ^ self.n).to_bytes(12, "big")
        self.n += 1
        return out

    def next(self):
        size = len(self.secret)
        return Keys(self.suite, label(self.hash, self.secret, "traffic upd", b"", size))


def label(name, secret, text, context, size):
    text = b"tls13 " + text.encode()
    info = struct.pack(">H", size) + v(1, text) + v(1, context)
    algorithm = {"sha256": hashes.SHA256, "sha384": hashes.SHA384}[name]()
    return HKDFExpand(algorithm, size, info).derive(secret)


class Server:
    """feed(bytes) -> bytes to send. leaf: tools.pki Authority; responses: one per certificate."""

    def __init__(
        self,
        leaf,
        responses=(),
        suite=0x1302,
        group=None,
        request=True,
        schemes=(0x0603, 0x0808, 0x0403),
        tweak=None,
        retry=False,
        cookie=None,
        chunk=16384,
        padding=0,
        chain=None,
    ):
        self.leaf, self.responses, self.suite, self.group = leaf, responses, suite, group
        self.request, self.schemes, self.padding = request, schemes, padding
        self.tweak = tweak or (lambda what, data: data)
        self.retry, self.cookie, self.chunk = retry, cookie, chunk
        self.chain = chain
        self.inbox = b""
        self.transcript = b""
        self.read = self.write = None
        self.state = "hello"
        self.got, self.alerts, self.client_chain, self.hellos = b"", [], [], []
        self.part = b""

    # -- records ---------------------------------------------------------------

    def record(self, kind, data):
        kind, data = self.tweak("inner", (kind, data))
        if self.write is None:
            out = struct.pack(">BHH", kind, 0x0303, len(data)) + data
        else:
            inner = data + bytes([kind]) + bytes(self.padding)
            head = struct.pack(">BHH", 23, 0x0303, len(inner) + 16)
            out = head + self.write.aead.encrypt(self.write.nonce(), inner, head)
        return self.tweak("record", out)

    def data(self, data):
        return b"".join(
            self.record(23, data[i : i + self.chunk]) for i in range(0, len(data), self.chunk)
        )

    def alert(self, number, level=2):
        return self.record(21, bytes([level, number]))

    def handshake(self, *messages):
        data = b"".join(messages)
        return b"".join(
            self.record(22, data[i : i + self.chunk]) for i in range(0, len(data), self.chunk)
        )

    def feed(self, data):
        self.inbox += data
        out = b""
        while len(self.inbox) >= 5:
            kind, _, n = struct.unpack_from(">BHH", self.inbox)
            if len(self.inbox) < 5 + n:
                break
            body, head = self.inbox[5 : 5 + n], self.inbox[:5]
            self.inbox = self.inbox[5 + n :]
            if kind == 23:
                try:
                    inner = self.read.aead.decrypt(self.read.nonce(), body, head).rstrip(b"\0")
                except InvalidTag:
                    self.alerts.append(None)  # under keys of another transcript
                    self.state = "closed"
                    continue
                kind, body = inner[-1], inner[:-1]
            if kind == 21:
                self.alerts.append(body[1])
                self.state = "closed"
            elif kind == 23:
                assert self.state == "ready"
                self.got += body
            elif kind == 22:
                self.part += body
                while len(self.part) >= 4:
                    n = 4 + int.from_bytes(self.part[1:4], "big")
                    if len(self.part) < n:
                        break
                    one, self.part = self.part[:n], self.part[n:]
                    out += self.message(one)
        return out

    # -- handshake -------------------------------------------------------------

    def hash(self):
        return hashlib.new(SUITES[self.suite][0], self.transcript).digest()

    def message(self, one):
        if one[0] == 1:
            return self.hello(one)
        if one[0] == 24:
            self.read = self.read.next()
            return self.key_update(0) if one[4] else b""
        before = self.hash()
        self.transcript += one
        if one[0] == 11:
            body = one[5:]
            self.client_chain = []
            data = body[3:]
            while data:
                n = int.from_bytes(data[:3], "big")
                self.client_chain.append(data[3 : 3 + n])
                data = data[5 + n :]
        elif one[0] == 15:
            scheme, n = struct.unpack_from(">HH", one, 4)
            signed = b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + before
            self.verify_client(scheme, one[8 : 8 + n], signed)
        elif one[0] == 20:
            key = label(SUITES[self.suite][0], self.read.secret, "finished", b"", len(before))
            assert hmac.digest(key, before, SUITES[self.suite][0]) == one[4:]
            if self.request and not self.client_chain:
                return self.alert(116)
            self.state = "ready"
            self.read = Keys(self.suite, self.client_secret)
        return b""

    def verify_client(self, scheme, signature, signed):
        from cryptography import x509

        key = x509.load_der_x509_certificate(self.client_chain[0]).public_key()
        if scheme == 0x0808:
            key.verify(signature, signed)
        else:
            h = {0x0603: hashes.SHA512, 0x0403: hashes.SHA256}[scheme]
            key.verify(signature, signed, ec.ECDSA(h()))

    def hello(self, one):
        self.hellos.append(one)
        body = one[4:]
        assert body[:2] == b"\x03\x03"
        self.random = body[2:34]
        at = 34
        session = body[at + 1 : at + 1 + body[at]]
        at += 1 + body[at]
        n = int.from_bytes(body[at : at + 2], "big")
        suites = body[at + 2 : at + 2 + n]
        at += 2 + n + 1 + body[at + 2 + n]
        self.extensions = {}
        data = body[at + 2 :]
        while data:
            kind, n = struct.unpack_from(">HH", data)
            assert kind not in self.extensions
            self.extensions[kind] = data[4 : 4 + n]
            data = data[4 + n :]
        assert struct.pack(">H", self.suite) in [
            suites[i : i + 2] for i in range(0, len(suites), 2)
        ]
        share = self.extensions[51][2:]
        group, n = struct.unpack_from(">HH", share)
        share = share[4 : 4 + n]
        self.group = self.group or group
        self.session = session
        if (group != self.group or self.retry) and len(self.hellos) == 1:
            name = SUITES[self.suite][0]
            first = hashlib.new(name, one).digest()
            self.transcript = message(254, first)
            x = extension(43, b"\x03\x04")
            if group != self.group:
                x += extension(51, struct.pack(">H", self.group))
            if self.cookie:
                x += extension(44, v(2, self.cookie))
            out = self.tweak("retry", self.pack_hello(RETRY_RANDOM, x))
            self.transcript += out
            return self.handshake(out)
        self.transcript += one
        return self.flight(share)

    def pack_hello(self, random, x):
        head = b"\x03\x03" + random + v(1, self.session) + struct.pack(">HB", self.suite, 0)
        return message(2, head + v(2, x))

    def agree(self, share):
        if self.group == 0x001E:
            key = x448.X448PrivateKey.generate()
            mine = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return mine, key.exchange(x448.X448PublicKey.from_public_bytes(share))
        curve = CURVES[self.group]()
        key = ec.generate_private_key(curve)
        mine = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        peer = ec.EllipticCurvePublicKey.from_encoded_point(curve, share)
        return mine, key.exchange(ec.ECDH(), peer)

    def flight(self, share):
        name = SUITES[self.suite][0]
        size = hashlib.new(name).digest_size
        mine, shared = self.agree(share)
        mine = self.tweak("share", mine)
        x = extension(43, b"\x03\x04") + extension(51, struct.pack(">H", self.group) + v(2, mine))
        hello = self.tweak("server_hello", self.pack_hello(os.urandom(32), x))
        out = self.handshake(hello)
        self.transcript += hello
        early = hmac.digest(bytes(size), bytes(size), name)
        empty = hashlib.new(name).digest()
        salt = label(name, early, "derived", empty, size)
        secret = hmac.digest(salt, self.tweak("shared", shared), name)
        at = self.hash()
        self.read = Keys(self.suite, label(name, secret, "c hs traffic", at, size))
        self.write = Keys(self.suite, label(name, secret, "s hs traffic", at, size))
        salt = label(name, secret, "derived", empty, size)
        self.master = hmac.digest(salt, bytes(size), name)
        sent = self.add("encrypted_extensions", message(8, v(2)))
        if self.request:
            x = extension(13, v(2, b"".join(struct.pack(">H", s) for s in self.schemes)))
            sent += self.add("certificate_request", message(13, v(1) + v(2, x)))
        sent += self.add("certificate", message(11, v(1) + v(3, self.entries())))
        sent += self.add("certificate_verify", self.verify())
        key = label(name, self.write.secret, "finished", b"", size)
        sent += self.add("finished", message(20, hmac.digest(key, self.hash(), name)))
        out += self.handshake(*sent)
        at = self.hash()
        self.client_secret = label(name, self.master, "c ap traffic", at, size)
        self.write = Keys(self.suite, label(name, self.master, "s ap traffic", at, size))
        self.state = "flight"
        return out

    def add(self, what, data):
        """Through the tweak, into the transcript; b"" leaves it out."""
        data = self.tweak(what, data)
        self.transcript += data
        return [data]

    def entries(self):
        out = b""
        for i, one in enumerate(self.chain or self.leaf.chain() or [self.leaf]):
            x = b""
            if i < len(self.responses) and self.responses[i] is not None:
                x = extension(5, b"\1" + v(3, self.responses[i]))
            out += v(3, one.der) + v(2, x)
        return out

    def verify(self):
        key = self.leaf.key
        signed = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + self.hash()
        signed = self.tweak("signed", signed)
        if isinstance(key, ed448.Ed448PrivateKey):
            scheme, signature = 0x0808, key.sign(signed)
        else:
            scheme, h = {521: (0x0603, hashes.SHA512), 256: (0x0403, hashes.SHA256)}[
                key.curve.key_size
            ]
            signature = key.sign(signed, ec.ECDSA(h()))
        signature = self.tweak("signature", signature)
        return message(15, struct.pack(">H", scheme) + v(2, signature))

    # -- afterwards ------------------------------------------------------------

    def key_update(self, request):
        out = self.handshake(message(24, bytes([request])))
        self.write = self.write.next()
        return out

    def ticket(self):
        return self.handshake(
            message(4, struct.pack(">II", 7200, 5) + v(1, b"n") + v(2, b"t") + v(2))
        )
