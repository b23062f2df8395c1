# SPDX-License-Identifier: MIT
"""Handshake messages (RFC 8446, 4): numbers, vectors, and taking the next one off the records.

Every length is checked against what is left; whatever does not parse is a decode_error.
"""

from evcc.tls import TlsError
from evcc.tls.record import ALERT, HANDSHAKE

CLIENT_HELLO, SERVER_HELLO, ENCRYPTED_EXTENSIONS = 1, 2, 8
CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, FINISHED = 11, 13, 15, 20
X_FRAGMENT, X_STATUS, X_GROUPS, X_SCHEMES, X_VERSIONS, X_COOKIE = 1, 5, 10, 13, 43, 44
X_AUTHORITIES, X_SCHEMES_CERT, X_SHARE = 47, 50, 51
WAIT = 1  # what a story yields when it needs a message


def vec(size, *parts):
    """The parts behind their length in `size` bytes."""
    data = b"".join(parts)
    return len(data).to_bytes(size, "big") + data


def message(kind, *parts):
    return bytes((kind,)) + vec(3, *parts)


class Cursor:
    """Reads numbers and vectors from one message; decode_error when it does not fit."""

    def __init__(self, data):
        self.b = data
        self.at = 0

    def take(self, n):
        at = self.at
        if n > len(self.b) - at:
            raise TlsError("decode_error", "message is too short")
        self.at = at + n
        return self.b[at : at + n]

    def number(self, size):
        return int.from_bytes(bytes(self.take(size)), "big")

    def vector(self, size):
        return Cursor(self.take(self.number(size)))

    def more(self):
        return self.at < len(self.b)

    def rest(self):
        return bytes(self.take(len(self.b) - self.at))

    def done(self):
        if self.more():
            raise TlsError("decode_error", "message is too long")


def extensions(c, allowed, offered=None):
    """{type: Cursor} of a vector of extensions. Those outside `allowed` are errors: of a kind we
    did not offer, or offered but not for this message. offered None: others are skipped.
    """
    v = c.vector(2)
    seen = []
    out = {}
    while v.more():
        kind = v.number(2)
        data = v.vector(2)
        if kind in seen:
            raise TlsError("illegal_parameter", "extension %d twice" % kind)
        seen.append(kind)
        if kind in allowed:
            out[kind] = data
        elif offered is not None:
            name = "illegal_parameter" if kind in offered else "unsupported_extension"
            raise TlsError(name, "extension %d not allowed here" % kind)
    return out


def receive(t, *kinds):
    """Steps -> Cursor over the body of the next handshake message, which is one of `kinds`.

    t: the TlsClient. The whole message stays in t.raw, in the buffer of the records: good until
    the caller yields. One cut by the ends of records is put together.
    """
    t.raw = None
    while True:
        body = t.take()
        if body is not None:
            break
        t.part = bytes(t.part)
        r = t.records.next()
        if r is None:
            yield WAIT
            continue
        kind, data = r
        t.counters["records"] += 1
        if kind == ALERT:
            t.alerted(data)
        elif kind == HANDSHAKE:
            t.part = t.part + bytes(data) if t.part else data
        else:
            raise TlsError("unexpected_message", "application data in the handshake")
    if t.raw[0] not in kinds:
        raise TlsError("unexpected_message", "handshake message %d now" % t.raw[0])
    return Cursor(body)


def send(t, *parts):
    """One message, in pieces where a whole would be a second copy of something large."""
    for part in parts:
        t.transcript.update(part)
    t.emit(HANDSHAKE, *parts)
