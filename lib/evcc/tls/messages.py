# SPDX-License-Identifier: MIT
"""Handshake messages of TLS 1.3 (RFC 8446, 4): packing the hello, reading what the server sends.

Every length is checked against what is left; whatever does not parse is a decode_error.
"""

from evcc.tls import TlsError
from evcc.tls.keys import SUITES

CLIENT_HELLO, SERVER_HELLO, TICKET, ENCRYPTED_EXTENSIONS = 1, 2, 4, 8
CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, FINISHED, KEY_UPDATE = 11, 13, 15, 20, 24
X_FRAGMENT, X_STATUS, X_GROUPS, X_SCHEMES, X_VERSIONS, X_COOKIE = 1, 5, 10, 13, 43, 44
X_AUTHORITIES, X_SCHEMES_CERT, X_SHARE = 47, 50, 51

GROUPS = {0x0019: "P-521", 0x001E: "X448", 0x0017: "P-256"}
# scheme: kind of key, hash, name
SCHEMES = {
    0x0603: ("P-521", "sha512", "ecdsa_secp521r1_sha512"),
    0x0808: ("Ed448", None, "ed448"),
    0x0403: ("P-256", "sha256", "ecdsa_secp256r1_sha256"),
}
# profile: suites, groups, signature schemes in order of preference, group of the first key share
PROFILES = {
    "strict": ((0x1302, 0x1303), (0x0019, 0x001E), (0x0603, 0x0808), 0x0019),
    "bench": (
        (0x1302, 0x1303, 0x1301),
        (0x0019, 0x001E, 0x0017),
        (0x0603, 0x0808, 0x0403),
        0x0017,
    ),
}
RETRY = (  # SHA-256 of "HelloRetryRequest"
    b"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
    b"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"
)


def vec(size, *parts):
    """The parts behind their length in `size` bytes."""
    data = b"".join(parts)
    return len(data).to_bytes(size, "big") + data


def message(kind, *parts):
    return bytes((kind,)) + vec(3, *parts)


def _list(numbers):
    return vec(2, *[n.to_bytes(2, "big") for n in numbers])


def client_hello(random, profile, group, share, names, fragment=0, cookie=None):
    """profile: an entry of PROFILES; names: DER names of our roots; fragment: 0 or 512 .. 4096."""
    suites, groups, schemes, _ = profile
    schemes = _list(schemes)
    x = [
        (X_VERSIONS, vec(1, b"\x03\x04")),
        (X_GROUPS, _list(groups)),
        (X_SCHEMES, schemes),
        (X_SCHEMES_CERT, schemes),
        (X_SHARE, vec(2, group.to_bytes(2, "big"), vec(2, share))),
        (X_STATUS, b"\x01\0\0\0\0"),
    ]
    if names:
        x.append((X_AUTHORITIES, vec(2, *[vec(2, n) for n in names])))
    if fragment:
        x.append((X_FRAGMENT, bytes(((512, 1024, 2048, 4096).index(fragment) + 1,))))
    if cookie is not None:
        x.append((X_COOKIE, vec(2, cookie)))
    x = [k.to_bytes(2, "big") + vec(2, v) for k, v in x]
    return message(CLIENT_HELLO, b"\x03\x03", random, b"\0", _list(suites), b"\1\0", vec(2, *x))


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


def server_hello(c, profile, offered):
    """(retry, suite, group, share, cookie); a HelloRetryRequest has no share."""
    if c.number(2) != 0x0303:
        raise TlsError("protocol_version", "server's version")
    random = bytes(c.take(32))
    retry = random == RETRY
    if c.vector(1).more():
        raise TlsError("illegal_parameter", "session id was not echoed")
    suite = c.number(2)
    compression = c.number(1)
    allowed = (X_VERSIONS, X_SHARE, X_COOKIE) if retry else (X_VERSIONS, X_SHARE)
    if not c.more():
        raise TlsError("protocol_version", "server speaks TLS 1.2 or older")
    try:
        x = extensions(c, allowed, offered)
    except TlsError as e:
        # an older server's hello: say the version rather than one of its extensions
        if e.alert == "unsupported_extension" and b"\0\x2b\0\2" not in bytes(c.b):
            raise TlsError("protocol_version", "server speaks TLS 1.2 or older") from None
        raise
    c.done()
    if X_VERSIONS not in x:
        raise TlsError("protocol_version", "server speaks TLS 1.2 or older")
    v = x[X_VERSIONS]
    if v.number(2) != 0x0304:
        raise TlsError("illegal_parameter", "server chose a version we did not offer")
    v.done()
    if suite not in profile[0] or suite not in SUITES:
        raise TlsError("illegal_parameter", "suite 0x%04x was not offered" % suite)
    if compression:
        raise TlsError("illegal_parameter", "compression")
    group = share = cookie = None
    if X_SHARE in x:
        v = x[X_SHARE]
        group = v.number(2)
        if not retry:
            share = v.vector(2).rest()
        v.done()
    elif not retry:
        raise TlsError("missing_extension", "server sent no key share")
    if X_COOKIE in x:
        v = x[X_COOKIE]
        cookie = v.vector(2).rest()
        v.done()
        if not cookie:
            raise TlsError("decode_error", "empty cookie")
    if group is not None and group not in profile[1]:
        raise TlsError("illegal_parameter", "group 0x%04x was not offered" % group)
    return retry, suite, group, share, cookie


def encrypted_extensions(c, offered, fragment):
    """True when max_fragment_length was accepted."""
    x = extensions(c, (X_FRAGMENT, X_GROUPS) if fragment else (X_GROUPS,), offered)
    c.done()
    if X_FRAGMENT not in x:
        return False
    v = x[X_FRAGMENT]
    if v.number(1) != (512, 1024, 2048, 4096).index(fragment) + 1:
        raise TlsError("illegal_parameter", "another max_fragment_length than asked")
    v.done()
    return True


def certificate_request(c):
    """Signature schemes the server accepts."""
    if c.vector(1).more():
        raise TlsError("illegal_parameter", "certificate request with a context")
    x = extensions(c, (X_SCHEMES,))
    c.done()
    if X_SCHEMES not in x:
        raise TlsError("missing_extension", "certificate request without signature_algorithms")
    v = x[X_SCHEMES].vector(2)
    out = []
    while v.more():
        out.append(v.number(2))
    return out


def certificate(c, offered):
    """[(DER, OCSP response or None)], leaf first."""
    if c.vector(1).more():
        raise TlsError("illegal_parameter", "server certificate with a context")
    v = c.vector(3)
    c.done()
    out = []
    while v.more():
        der = v.vector(3).rest()
        x = extensions(v, (X_STATUS,), offered)
        response = None
        if X_STATUS in x:
            s = x[X_STATUS]
            if s.number(1) != 1:
                raise TlsError("decode_error", "kind of certificate status")
            response = s.vector(3).rest()
            s.done()
        out.append((der, response))
        if len(out) > 8:
            raise TlsError("bad_certificate", "more than eight certificates")
    if not out:
        raise TlsError("decode_error", "server sent no certificate")
    return out
