# SPDX-License-Identifier: MIT
"""TLS 1.3 read along with the secrets of a key log (RFC 8446, 5 and 7; NSS key log format).

Both directions of recorded connections; shares nothing with the car's TLS. Nothing is verified but
the records' own tags. Not read: TLS 1.2, early data, what a resumed session says.
"""

import struct

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

ALERT, HANDSHAKE, DATA = 21, 22, 23
SUITES = {  # number: name, AEAD, bytes of its key, hash
    0x1301: ("TLS_AES_128_GCM_SHA256", AESGCM, 16, SHA256),
    0x1302: ("TLS_AES_256_GCM_SHA384", AESGCM, 32, SHA384),
    0x1303: ("TLS_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, 32, SHA256),
}
GROUPS = {23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 29: "x25519", 30: "x448"}
SCHEMES = {
    0x0403: "ecdsa_secp256r1_sha256",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
}
MESSAGES = {
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    8: "EncryptedExtensions",
    11: "Certificate",
    13: "CertificateRequest",
    15: "CertificateVerify",
    20: "Finished",
    24: "KeyUpdate",
}
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class Secrets:
    """Lines of a key log: `add(text)`; `find(label, client_random)` -> secret or None."""

    def __init__(self):
        self._found = {}

    def add(self, text):
        for line in text.splitlines():
            words = line.split()
            if len(words) == 3 and not line.startswith("#"):
                self._found[words[0], words[1].lower()] = bytes.fromhex(words[2])

    def find(self, label, random):
        return self._found.get((label, random.hex()))


def expand_label(algorithm, secret, label, length):
    name = b"tls13 " + label
    info = struct.pack(">HB", length, len(name)) + name + b"\0"
    return HKDFExpand(algorithm(), length, info).derive(secret)


class Side:
    """One direction. `client`: None until its first hello; then whose direction it is."""

    def __init__(self, connection):
        self.connection = connection
        self.client = None
        self.records = []  # (mark, bytes) whole records that wait for keys
        self._bytes = b""
        self._part = b""  # of a handshake message
        self._phase = "HANDSHAKE_TRAFFIC_SECRET"
        self._secret = self._aead = None
        self._number = 0

    def feed(self, data, mark):
        """Stream bytes; `mark` comes back with the events of the records that they complete."""
        self._bytes += data
        while len(self._bytes) >= 5:
            end = 5 + int.from_bytes(self._bytes[3:5], "big")
            if len(self._bytes) < end:
                break
            self.records.append((mark, self._bytes[:end]))
            self._bytes = self._bytes[end:]

    def events(self):
        """(mark, kind, bytes or (message number, body)) of all records that can be read by now.

        Raises ValueError for a record that does not decrypt; the rest stays unread then.
        """
        while self.records:
            mark, record = self.records[0]
            kind, data = record[0], record[5:]
            if kind == DATA:
                if self._aead is None and not self._keys():
                    return
                self.records.pop(0)
                kind, data = self._open(record)
            else:
                self.records.pop(0)
            if kind == HANDSHAKE:
                self._part += data
                while len(self._part) >= 4:
                    end = 4 + int.from_bytes(self._part[1:4], "big")
                    if len(self._part) < end:
                        break
                    message, self._part = self._part[:end], self._part[end:]
                    self._noted(message[0], message[4:])
                    yield mark, HANDSHAKE, (message[0], message[4:])
            elif kind in (ALERT, DATA):
                yield mark, kind, data

    def _noted(self, number, body):
        """What a handshake message means for the keys."""
        if number in (1, 2):
            self.client = number == 1
            if number == 1:
                self.connection.random = body[2:34]
            elif body[2:34] != RETRY:
                at = 35 + body[34]
                (self.connection.suite,) = struct.unpack_from(">H", body, at)
        elif number == 20:
            self._phase, self._aead = "TRAFFIC_SECRET_0", None
        elif number == 24:
            algorithm = SUITES[self.connection.suite][3]
            self._set(expand_label(algorithm, self._secret, b"traffic upd", len(self._secret)))

    def _keys(self):
        """Keys of this phase, when suite, role and secret are known."""
        c = self.connection
        if c.suite not in SUITES or c.random is None:
            return False
        if self.client is None:
            return False
        label = ("CLIENT_" if self.client else "SERVER_") + self._phase
        secret = c.secrets.find(label, c.random)
        if secret is None:
            return False
        self._set(secret)
        return True

    def _set(self, secret):
        _, aead, size, algorithm = SUITES[self.connection.suite]
        self._secret, self._number = secret, 0
        self._aead = aead(expand_label(algorithm, secret, b"key", size))
        self._iv = int.from_bytes(expand_label(algorithm, secret, b"iv", 12), "big")

    def _open(self, record):
        nonce = (self._iv ^ self._number).to_bytes(12, "big")
        self._number += 1
        try:
            inner = self._aead.decrypt(nonce, record[5:], record[:5]).rstrip(b"\0")
        except InvalidTag:
            raise ValueError("TLS record does not decrypt") from None
        if not inner:
            raise ValueError("TLS record of padding only")
        return inner[-1], inner[:-1]


class Connection:
    """Two sides and what they share."""

    def __init__(self, secrets):
        self.secrets = secrets
        self.random = self.suite = None
        self.sides = (Side(self), Side(self))


def describe(number, body):
    """(name, fields) of a handshake message: what was agreed, who showed which certificate."""
    name = MESSAGES.get(number, f"handshake {number}")
    fields = {}
    if number == 2:
        if body[2:34] == RETRY:
            name = "HelloRetryRequest"
        at = 35 + body[34]
        (suite,) = struct.unpack_from(">H", body, at)
        fields["suite"] = SUITES.get(suite, (hex(suite),))[0]
        for kind, data in _extensions(body[at + 3 :]):
            value = int.from_bytes(data[:2], "big")
            if kind == 43:
                fields["version"] = {0x0304: "TLS 1.3"}.get(value, hex(value))
            elif kind == 51:
                fields["group"] = GROUPS.get(value, hex(value))
    elif number == 11:
        fields["chain"] = list(_chain(body))
    elif number == 15:
        scheme = int.from_bytes(body[:2], "big")
        fields["scheme"] = SCHEMES.get(scheme, hex(scheme))
    return name, fields


def _extensions(data):
    at, end = 2, 2 + int.from_bytes(data[:2], "big")
    while at + 4 <= end:
        kind, length = struct.unpack_from(">HH", data, at)
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + length


def _chain(body):
    """Subjects of a Certificate message, leaf first."""
    at = 1 + body[0] + 3
    while at + 3 <= len(body):
        length = int.from_bytes(body[at : at + 3], "big")
        der = body[at + 3 : at + 3 + length]
        at += 3 + length
        at += 2 + int.from_bytes(body[at : at + 2], "big")
        yield x509.load_der_x509_certificate(der).subject.rfc4514_string()
