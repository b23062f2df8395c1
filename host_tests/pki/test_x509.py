# SPDX-License-Identifier: MIT
"""DER and X.509 against `cryptography`, truncation and mutation of real certificates."""

import random
from datetime import datetime, timezone

import pytest

pytest.importorskip("cryptography")
from cryptography import x509 as other
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from evcc.pki.der import Reader
from evcc.pki.x509 import CERT_SIGN, SIGN, Certificate, algorithm

from tools.pki.maker import KINDS, Maker, name


@pytest.mark.parametrize("kind", KINDS)
def test_fields(kind):
    m = Maker(kind)
    root = m.root("Root")
    one = m.secc(m.issue(name("S", "O", "CPO"), root, ca=True, path_length=1))
    for made in (*one.chain(), root):
        c, d = Certificate(made.der), made.cert
        assert c.serial == d.serial_number.to_bytes(len(c.serial), "big")
        assert c.start == int(d.not_valid_before_utc.timestamp())
        assert c.end == int(d.not_valid_after_utc.timestamp())
        assert c.subject == d.subject.public_bytes() and c.issuer == d.issuer.public_bytes()
        assert c.tbs == d.tbs_certificate_bytes and c.signature == d.signature
        key = d.public_key()
        if kind == "Ed448":
            raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        else:
            raw = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        assert (c.kind, c.key) == (kind, raw)
        assert c.usage & (CERT_SIGN if c.ca else SIGN)
    assert Certificate(one.issuer.der).path_length == 1
    assert Certificate(one.der).names() == ["CPO"]
    assert Certificate(one.der).title() == "SECC TEST"


def test_times():
    rng = random.Random(1)
    for _ in range(300):
        t = rng.randrange(0, 4102444800)
        d = datetime.fromtimestamp(t, timezone.utc)
        s = d.strftime("%Y%m%d%H%M%SZ").encode()
        assert Reader(b"\x18\x0f" + s).time() == t
        if 1970 <= d.year < 2050:
            assert Reader(b"\x17\x0d" + s[2:]).time() == t
    for bad in (b"20261301000000Z", b"20260101000000+", b"2026010100000 Z", b"20260101240000Z"):
        with pytest.raises(ValueError):
            Reader(b"\x18" + bytes((len(bad),)) + bad).time()


@pytest.mark.parametrize(
    "der",
    [
        "3080",
        "308100",
        "30810101",
        "3082000101",
        "30",
        "",
        "1f0100",
        "308400000001ff",
        "3003 0101",
    ],
)
def test_der_that_is_none(der):
    with pytest.raises(ValueError):
        Reader(bytes.fromhex(der)).take(0x30)


@pytest.mark.parametrize("content", ["", "0001", "80", "ff"])
def test_integers_that_are_none(content):
    b = bytes.fromhex(content)
    with pytest.raises(ValueError):
        Reader(b"\x02" + bytes((len(b),)) + b).integer()


def test_truncated_and_mutated_certificates_raise_only_value_errors():
    der = Maker("P-521").secc(None).der
    for i in range(len(der)):
        with pytest.raises(ValueError):
            Certificate(der[:i])
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    for _ in range(4000):
        b = bytearray(der)
        for _ in range(rng.randint(1, 4)):
            b[rng.randrange(len(b))] = rng.randrange(256)
        try:
            c = Certificate(b)
        except (ValueError, IndexError) as e:
            assert isinstance(e, ValueError), (seed, e)
            continue
        c.title(), c.names()  # what parsed can be named


def test_extension_twice():
    one = Maker("P-256").secc(None)
    der = bytearray(one.der)
    # turn the OID of subjectKeyIdentifier (14) into that of keyUsage (15)
    i = der.index(b"\x06\x03\x55\x1d\x0e")
    der[i + 4] = 15
    with pytest.raises(ValueError, match="twice"):
        Certificate(der)


def test_algorithms_we_do_not_know_are_none():
    assert algorithm(Reader(bytes.fromhex("300d06092a864886f70d01010b0500"))) == (None, None)
    assert isinstance(other.Certificate, type)
