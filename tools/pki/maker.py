# SPDX-License-Identifier: MIT
"""Keys, certificates and OCSP responses; the folder of files that car and station load.

The profile is that of ISO 15118-20: roots, up to three sub CAs, leaves with their role in a
domain component, keys on P-521, Ed448 or (bench) P-256.
"""

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID

KINDS = ("P-521", "Ed448", "P-256")
_HASH = {"P-521": hashes.SHA512, "P-256": hashes.SHA256}


def new_key(kind):
    if kind == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    return ec.generate_private_key(ec.SECP521R1() if kind == "P-521" else ec.SECP256R1())


def hash_for(key):
    """The hash that goes with a key in signatures; None for Ed448."""
    if isinstance(key, ed448.Ed448PrivateKey):
        return None
    return _HASH["P-521" if key.curve.name == "secp521r1" else "P-256"]()


def name(common=None, organisation=None, domain=None):
    parts = []
    for oid, text in (
        (NameOID.COMMON_NAME, common),
        (NameOID.ORGANIZATION_NAME, organisation),
        (NameOID.DOMAIN_COMPONENT, domain),
    ):
        if text:
            parts.append(x509.NameAttribute(oid, text))
    return x509.Name(parts)


class Authority:
    """A certificate with its key, and its issuer (None for a root)."""

    def __init__(self, key, cert, issuer=None):
        self.key, self.cert, self.issuer = key, cert, issuer

    @property
    def der(self):
        return self.cert.public_bytes(Encoding.DER)

    def chain(self):
        """[self, sub CA .., below the root]."""
        out, one = [], self
        while one is not None and one.issuer is not None:
            out.append(one)
            one = one.issuer
        return out


class Maker:
    """Makes certificates of one kind of key, valid from yesterday for `days`."""

    def __init__(self, kind="P-521", days=365, now=None):
        self.kind, self.days = kind, days
        self.now = now or datetime.now(timezone.utc)

    def issue(
        self,
        subject,
        issuer=None,
        ca=False,
        path_length=None,
        purposes=(),
        start=None,
        end=None,
        kind=None,
        key=None,
        signing_key=None,
        usage=True,
        constraints=True,
        extra=(),
        serial=None,
    ):
        """One certificate. `extra`: (extension, critical) pairs; `usage`: "none", True (right
        for the place) or a set of key usage names; `signing_key`: sign with a wrong key."""
        key = key or new_key(kind or self.kind)
        signer = signing_key or (issuer.key if issuer else key)
        b = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
        b = b.issuer_name(issuer.cert.subject if issuer else subject)
        b = b.serial_number(serial or x509.random_serial_number())
        b = b.not_valid_before(start or self.now - timedelta(days=1))
        b = b.not_valid_after(end or self.now + timedelta(days=self.days))
        if constraints:
            b = b.add_extension(x509.BasicConstraints(ca, path_length if ca else None), True)
        if usage is True:
            usage = {"key_cert_sign", "crl_sign"} if ca else {"digital_signature"}
            if purposes is None:
                usage = {"key_agreement"}
        if usage != "none":
            names = (
                "digital_signature content_commitment key_encipherment data_encipherment "
                "key_agreement key_cert_sign crl_sign encipher_only decipher_only"
            ).split()
            b = b.add_extension(x509.KeyUsage(**{n: n in usage for n in names}), True)
        if purposes:
            b = b.add_extension(x509.ExtendedKeyUsage(list(purposes)), False)
        b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        for extension, critical in extra:
            b = b.add_extension(extension, critical)
        cert = b.sign(signer, None if hash_for(signer) is None else hash_for(signer))
        return Authority(key, cert, issuer)

    def root(self, common):
        return self.issue(name(common + " TEST", "uEVCC TEST", "V2G"), ca=True)

    def subs(self, root, what, count):
        """`count` sub CAs below `root`; returns the lowest (or the root)."""
        one = root
        for i in range(count):
            n = name("%s Sub CA %d TEST" % (what, i + 1), "uEVCC TEST", what)
            one = self.issue(n, one, ca=True, path_length=count - 1 - i)
        return one

    def secc(self, issuer, common="SECC TEST", domain="CPO", **more):
        more.setdefault("purposes", (Eku.SERVER_AUTH, Eku.CLIENT_AUTH))
        return self.issue(name(common, "uEVCC TEST", domain), issuer, **more)


def status(cert, issuer, signer=None, state="good", this=None, days=6, algorithm=None, embed=True):
    """OCSP response (DER) about `cert` of `issuer`, signed by `signer` (default the issuer)."""
    signer = signer or issuer
    now = this or datetime.now(timezone.utc) - timedelta(hours=1)
    states = {
        "good": ocsp.OCSPCertStatus.GOOD,
        "revoked": ocsp.OCSPCertStatus.REVOKED,
        "unknown": ocsp.OCSPCertStatus.UNKNOWN,
    }
    b = ocsp.OCSPResponseBuilder().add_response(
        cert.cert,
        issuer.cert,
        algorithm or hashes.SHA256(),
        states[state],
        now,
        now + timedelta(days=days) if days else None,
        now if state == "revoked" else None,
        None,
    )
    b = b.responder_id(ocsp.OCSPResponderEncoding.NAME, signer.cert)
    if signer is not issuer and embed:
        b = b.certificates([signer.cert])
    return b.sign(signer.key, hash_for(signer.key)).public_bytes(Encoding.DER)


def responses(leaf, state="good", **more):
    """One OCSP response for each certificate of the leaf's chain, leaf first."""
    return [status(one, one.issuer, state=state, **more) for one in leaf.chain()]


def _save(folder, what, one, key=True):
    path = folder / (what + ".der")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(one.der)
    if key:
        secret = folder / (what + ".key")
        secret.write_bytes(
            one.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        )
        secret.chmod(0o600)
        for i, sub in enumerate(one.chain()[1:]):
            path = folder / (what + "_ca") / ("%d.der" % (i + 1))
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(sub.der)


def pem(one):
    """The chain below the root, then nothing else, as PEM bytes for other programs."""
    return b"".join(c.cert.public_bytes(Encoding.PEM) for c in one.chain())


def key_pem(one):
    return one.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make(folder, kind="P-521", days=365, subs=2, evccid="TESTEVCC0000001", now=None):
    """Write a whole PKI into `folder`; returns {what: Authority}. Old files of it are removed."""
    folder = Path(folder)
    for what in ("v2g_root", "oem_root", "mo_root", "contract", "ocsp", "ca_keys"):
        shutil.rmtree(folder / what, ignore_errors=True)
    for what in ("vehicle", "oem_prov", "cps", "secc", "contract/1"):
        shutil.rmtree(folder / (what + "_ca"), ignore_errors=True)
    m = Maker(kind, days, now)
    made = {}
    v2g = made["v2g_root"] = m.root("V2G Root")
    oem = made["oem_root"] = m.root("OEM Root")
    mo = made["mo_root"] = m.root("MO Root")
    oem_sub = m.subs(oem, "OEM", subs)
    made["vehicle"] = m.issue(name(evccid, "uEVCC TEST OEM"), oem_sub, purposes=(Eku.CLIENT_AUTH,))
    made["oem_prov"] = m.issue(name("TESTPCID000000001 TEST", None, "OEM"), oem_sub)
    made["contract/1"] = m.issue(
        name("DETSTCTEST00010", "uEVCC TEST", "MO"), m.subs(mo, "MO", subs)
    )
    made["cps"] = m.issue(name("CPS TEST", "uEVCC TEST", "CPS"), m.subs(v2g, "CPS", subs))
    made["secc"] = m.secc(m.subs(v2g, "CPO", subs))
    for what in ("v2g_root", "oem_root", "mo_root"):
        _save(folder, "%s/%s" % (what, what), made[what], key=False)
        _save(folder, "ca_keys/" + what, made[what])
    for what in ("vehicle", "oem_prov", "contract/1", "cps", "secc"):
        _save(folder, what, made[what])
    ocsp_folder = folder / "ocsp"
    ocsp_folder.mkdir()
    for i, response in enumerate(responses(made["secc"])):
        (ocsp_folder / ("secc_%d.der" % i)).write_bytes(response)
    (folder / "secc.pem").write_bytes(pem(made["secc"]))
    (folder / "secc_key.pem").write_bytes(key_pem(made["secc"]))
    (folder / "oem_root.pem").write_bytes(made["oem_root"].cert.public_bytes(Encoding.PEM))
    return made


def load_key(path):
    return load_der_private_key(Path(path).read_bytes(), None)
