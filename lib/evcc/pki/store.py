# SPDX-License-Identifier: MIT
"""A PKI folder on the device: roots, chains and keys as DER files (PKCS#8 keys, RFC 5958, 5915).

    v2g_root/*.der                        anchors
    vehicle.der vehicle.key               leaf, key; vehicle_ca/1.der, 2.der: sub CAs upwards
    vehicle_NAME.der, .key, _ca/          more of them, for stations that know other issuers
Other credentials have the same form: oem_prov, contract/1, cps, secc.
"""

from os import listdir

from evcc.pki import CertificateError
from evcc.pki.der import Reader
from evcc.pki.x509 import Certificate

_SIZES = {"P-256": 32, "P-521": 66, "Ed448": 57}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def private_key(der):
    """(kind, secret bytes) of a PKCS#8 key; ValueError."""
    from evcc.pki.x509 import CURVES, EC, ED448

    r = Reader(der)
    k = r.enter()
    r.done()
    k.integer()
    a = k.enter()
    oid = a.oid()
    kind = CURVES.get(a.oid()) if oid == EC else "Ed448" if oid == ED448 else None
    k = k.enter(4)
    if kind == "Ed448":
        secret = k.bytes(4)
    else:
        k = k.enter()
        k.integer()
        secret = k.bytes(4)
    if kind is None or len(secret) != _SIZES[kind]:
        raise ValueError("kind of key")
    return kind, secret


def _names(folder):
    try:
        return sorted(n for n in listdir(folder) if n.endswith(".der"))
    except OSError:
        return []


def _parse(path, parse):
    try:
        return parse(read(path))
    except OSError:
        raise CertificateError("internal_error", "%s is missing" % path) from None
    except (ValueError, IndexError) as e:
        raise CertificateError("internal_error", "%s cannot be read: %s" % (path, e)) from None


def roots(folder, *names):
    """Certificates of the anchors in folder/name/*.der; name "v2g_root" by default."""
    out = []
    for name in names or ("v2g_root",):
        path = "%s/%s" % (folder, name)
        out += [_parse("%s/%s" % (path, n), Certificate) for n in _names(path)]
    return out


class Identity:
    """A leaf with its sub CAs (`chain`: DER, leaf first), its key (`kind`, `secret`), `leaf`."""

    def __init__(self, folder, name="vehicle"):
        path = "%s/%s" % (folder, name)
        self.path = path
        self.leaf = _parse(path + ".der", Certificate)
        self.kind, self.secret = _parse(path + ".key", private_key)
        self.issuers = None
        self.chain = [self.leaf.der]
        self.chain += [read("%s_ca/%s" % (path, n)) for n in _names(path + "_ca")]
        if self.kind != self.leaf.kind:
            raise CertificateError("internal_error", "%s.key is no key for %s.der" % (path, name))

    def check(self, urandom):
        """Steps; CertificateError unless key and certificate belong together."""
        from evcc import crypto

        if (yield from crypto.public(self.kind, self.secret, urandom)) != self.leaf.key:
            raise CertificateError(
                "internal_error", "%s.key does not belong to %s.der" % (self.path, self.path)
            )


def identities(folder):
    """Every vehicle*.der, "vehicle" first; where there are several, each with `issuers`: the DER
    names of the issuers in its chain.
    """
    names = [n[:-4] for n in _names(folder) if n.startswith("vehicle")]
    found = [Identity(folder, n) for n in names or ["vehicle"]]
    if len(found) > 1:
        for one in found:
            one.issuers = [one.leaf.issuer] + [Certificate(der).issuer for der in one.chain[1:]]
    return found
