# SPDX-License-Identifier: MIT
"""X.509 certificates (RFC 5280) as ISO 15118-20 uses them: parsed once, kept small.

Keys on P-256, P-521, Ed448 (others parse with kind None); signatures ECDSA with SHA-256, -384,
-512 and Ed448. Reads the extensions a path needs; any other critical one is remembered as unknown.
"""

from evcc.compat import const
from evcc.pki.der import Reader

CURVES = {b"\x2a\x86\x48\xce\x3d\x03\x01\x07": "P-256", b"\x2b\x81\x04\x00\x23": "P-521"}
EC = b"\x2a\x86\x48\xce\x3d\x02\x01"
ED448 = b"\x2b\x65\x71"
_ECDSA = const(b"\x2a\x86\x48\xce\x3d\x04\x03")  # and 2, 3, 4
_HASHES = {2: "sha256", 3: "sha384", 4: "sha512"}
_DC = const(b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19")
# of extensions 2.5.29.x: those that may be critical although nothing here depends on them
_HARMLESS = const((17, 18, 31, 32, 35))
SIGN, CERT_SIGN = 0x80, 0x04  # bits of key_usage: digitalSignature, keyCertSign
SERVER_AUTH = b"\x2b\x06\x01\x05\x05\x07\x03\x01"
OCSP_SIGNING = b"\x2b\x06\x01\x05\x05\x07\x03\x09"
ANY_USAGE = b"\x55\x1d\x25\x00"


def algorithm(r):
    """Reads an AlgorithmIdentifier of a signature: (kind or None, hash); kind "EC" or "Ed448"."""
    a = r.enter()
    oid = a.oid()
    if oid == ED448 and a.at == a.end:
        return "Ed448", None
    if oid[:-1] == _ECDSA and a.at == a.end and oid[-1] in _HASHES:
        return "EC", _HASHES[oid[-1]]
    return None, None


class Certificate:
    """Attributes: der, tbs (bytes that are signed), serial, issuer, subject (DER names), start
    and end (unix seconds), kind and key (as in evcc.crypto), ca (None without basicConstraints),
    path_length (None: no limit), usage (key usage bits or None), purposes (OIDs or None),
    critical (unknown critical extension). Raises ValueError for anything malformed.
    """

    def __init__(self, der):
        self.der = der = bytes(der)
        r = Reader(der)
        c = r.enter()
        r.done()
        at = c.at
        t = c.enter()
        self.tbs = memoryview(der)[at : c.at]
        self.algorithm = algorithm(c)
        self.signature = c.bits()
        c.done()
        version = 1
        if t.peek() == 0xA0:
            v = t.enter(0xA0)
            version = v.integer()[0] + 1
            v.done()
        self.serial = t.integer()
        if algorithm(t) != self.algorithm:
            raise ValueError("X.509: two different signature algorithms")
        self.issuer = t.whole(0x30)
        v = t.enter()
        self.start, self.end = v.time(), v.time()
        v.done()
        self.subject = t.whole(0x30)
        attributes(self.subject)  # ValueError now rather than when somebody asks for a name
        k = t.enter()
        a = k.enter()
        oid = a.oid()
        self.kind = None
        if oid == EC:
            self.kind = CURVES.get(a.oid()) if a.peek() == 6 else None
        elif oid == ED448:
            self.kind = "Ed448"
        self.key = k.bits()
        k.done()
        self.ca = self.path_length = self.usage = self.purposes = None
        self.critical = False
        if t.peek() in (0x81, 0x82):
            raise ValueError("X.509: unique identifier")
        if t.peek() == 0xA3:
            if version != 3:
                raise ValueError("X.509: extensions in version %d" % version)
            x = t.enter(0xA3)
            self._extensions(x.enter())
            x.done()
        t.done()

    def _extensions(self, r):
        seen = []
        while r.peek() is not None:
            e = r.enter()
            oid = e.oid()
            if oid in seen:
                raise ValueError("X.509: extension twice")
            seen.append(oid)
            critical = e.boolean() if e.peek() == 1 else False
            v = e.enter(4)
            e.done()
            n = oid[2] if len(oid) == 3 and oid[:2] == b"\x55\x1d" else 0
            if n == 19:
                v = v.enter()
                self.ca = v.boolean() if v.peek() == 1 else False
                if v.peek() is not None:
                    self.path_length = int.from_bytes(v.integer(), "big")
                v.done()
            elif n == 15:
                b = v.bytes(3)
                if len(b) < 2 or b[0] > 7:
                    raise ValueError("X.509: key usage")
                self.usage = b[1]
            elif n == 37:
                v = v.enter()
                self.purposes = []
                while v.peek() is not None:
                    self.purposes.append(v.oid())
            elif critical and n not in _HARMLESS:
                self.critical = True

    def names(self, oid=_DC, name=None):
        """Texts of one attribute type of the subject (or of another DER name)."""
        return [text for o, text in attributes(name or self.subject) if o == oid]

    def title(self):
        """What a person calls it: common name, or domain components."""
        return "/".join(self.names(b"\x55\x04\x03") or self.names() or ["?"])


def attributes(name):
    """[(OID, text)] of a DER name."""
    out = []
    r = Reader(name).enter()
    while r.peek() is not None:
        s = r.enter(0x31)
        while s.peek() is not None:
            a = s.enter()
            oid = a.oid()
            try:
                text = a.bytes().decode()
            except UnicodeError:
                text = "?"
            out.append((oid, text))
    return out


def verify(issuer_kind, issuer_key, algorithm, signed, signature):
    """Steps -> bool: is `signature` over `signed` by that key? False for a scheme that does not
    belong to the key.
    """
    from evcc import crypto

    kind, name = algorithm
    if issuer_kind is None or kind != ("Ed448" if issuer_kind == "Ed448" else "EC"):
        return False
    try:
        return (yield from crypto.verify(issuer_kind, name, issuer_key, signed, signature))
    except ValueError:
        return False
