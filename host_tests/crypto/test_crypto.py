# SPDX-License-Identifier: MIT
"""Every primitive against Wycheproof and NIST vectors, and the backends against each other."""

import hashlib
import os
import random

import pytest
from evcc import crypto
from evcc.crypto import aes, chacha, ec, ecdsa, gcm, jacobian, kdf, ladder, pure, shake
from evcc.crypto.sha1 import sha1
from evcc.crypto.sha2 import Sha2

from host_tests.crypto import vectors

run = crypto.run
NAMES = {"P-256": "sha256", "P-521": "sha512", "Ed448": None}


@pytest.fixture(params=["pure", "host"])
def backend(request):
    if request.param == "host":
        pytest.importorskip("cryptography")
    yield crypto.use(request.param)
    crypto._b.clear()


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_sha2_short_messages(name):
    for t in vectors.nist("hashes/SHA2/%sShortMsg.rsp" % name.upper()):
        if "Msg" in t:
            m = bytes.fromhex(t["Msg"])[: int(t["Len"]) // 8]
            assert Sha2(name, m).digest().hex() == t["MD"]


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_sha2_split_updates_and_copies(name):
    rng = random.Random(5)
    m = rng.randbytes(1000)
    h = Sha2(name)
    at = 0
    while at < len(m):
        n = rng.randint(0, 150)
        h.update(memoryview(m)[at : at + n])
        at += n
        expected = getattr(hashlib, name)(m[:at]).digest()
        assert h.copy().digest() == h.digest() == expected
    assert crypto.sha(name, m).digest() == Sha2(name, m).digest()


def test_sha1_without_hashlib(monkeypatch):
    for t in vectors.sample(vectors.nist("hashes/SHA1/SHA1ShortMsg.rsp"), 70):
        if "Msg" in t:
            m = bytes.fromhex(t["Msg"])[: int(t["Len"]) // 8]
            assert sha1(m).hex() == t["MD"]
    monkeypatch.setattr(kdf, "hashlib", None)
    assert kdf.digest("sha1", b"a", b"bc") == hashlib.sha1(b"abc").digest()
    assert kdf.digest("sha256", b"a", b"bc") == hashlib.sha256(b"abc").digest()


def test_shake256():
    for t in vectors.sample(vectors.nist("hashes/SHAKE/SHAKE256ShortMsg.rsp"), 60):
        if "Msg" in t:
            m = bytes.fromhex(t["Msg"])[: int(t["Len"]) // 8]
            assert run(shake.plain(32, m)).hex() == t["Output"]
    for n in (134, 135, 136, 137, 271, 272):
        assert run(shake.plain(114, b"x" * n)) == hashlib.shake_256(b"x" * n).digest(114)


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_hmac(name):
    for t in vectors.nist("HMAC/rfc-4231-%s.txt" % name):
        key, msg = bytes.fromhex(t["Key"]), bytes.fromhex(t["Msg"])
        assert kdf.hmac(name, key, msg).hex().startswith(t["MD"].lower())
        assert kdf.hmac(name, key, msg[:3], msg[3:]) == kdf.hmac(name, key, msg)


def test_hkdf_rfc5869_case_1():
    prk = kdf.hkdf_extract("sha256", bytes(range(13)), b"\x0b" * 22)
    assert prk.hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    okm = kdf.hkdf_expand("sha256", prk, bytes(range(0xF0, 0xFA)), 42)
    assert okm.hex().startswith("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")


def seal(c, nonce, aad, msg):
    buf = bytearray(b"head" + msg + bytes(16))
    c.seal(nonce, aad, buf, 4, 4 + len(msg))
    assert buf[:4] == b"head"
    return bytes(buf[4:])


@pytest.mark.shows("arithmetic", peer="Wycheproof and NIST vectors")
@pytest.mark.parametrize("name", ["aes_gcm", "chacha20_poly1305"])
def test_aead_wycheproof(backend, name):
    kind = "aes-gcm" if name == "aes_gcm" else name.replace("_", "-")
    done = 0
    for g in vectors.wycheproof("Cipher/%s_test" % name):
        if g["ivSize"] != 96 or g["keySize"] not in (128, 256):
            continue
        for t in g["tests"]:
            key, iv, aad, msg, ct, tag = (
                bytes.fromhex(t[k]) for k in ("key", "iv", "aad", "msg", "ct", "tag")
            )
            c = backend.aead(kind, key)
            buf = bytearray(ct + tag)
            ok = c.open(iv, aad, buf, 0, len(ct))
            assert ok == (t["result"] != "invalid"), t["tcId"]
            if ok:
                assert buf[: len(ct)] == msg
                assert seal(c, iv, aad, msg) == ct + tag
            else:
                assert buf[: len(ct)] == ct  # no unauthenticated plaintext is left behind
            done += 1
    assert done > 60


def test_gcm_nist():
    for name in ("gcmEncryptExtIV128", "gcmEncryptExtIV256"):
        tests = vectors.nist("ciphers/AES/GCM/%s.rsp" % name)
        tests = [t for t in tests if t["IVlen"] == "96" and t["Taglen"] == "128"]
        for t in vectors.sample(tests, 60):
            key, iv, aad, msg, ct, tag = (
                bytes.fromhex(t[k]) for k in ("Key", "IV", "AAD", "PT", "CT", "Tag")
            )
            assert seal(gcm.AesGcm(key), iv, aad, msg) == ct + tag


def test_aead_of_records_both_backends():
    pytest.importorskip("cryptography")
    rng = random.Random(1)
    for kind, size in (("aes-gcm", 16), ("aes-gcm", 32), ("chacha20-poly1305", 32)):
        for n in (0, 1, 15, 16, 17, 255, 256, 257, 1000):
            key, iv, msg = rng.randbytes(size), rng.randbytes(12), rng.randbytes(n)
            out = [
                seal(crypto.use(b).aead(kind, key), iv, b"12345", msg) for b in ("pure", "host")
            ]
            assert out[0] == out[1]
    crypto._b.clear()


def test_key_sizes_are_checked():
    for make in (lambda: aes.Aes(bytes(24)), lambda: chacha.ChaCha20Poly1305(bytes(16))):
        with pytest.raises(ValueError):
            make()


@pytest.mark.shows("arithmetic", peer="Wycheproof and NIST vectors")
@pytest.mark.parametrize(
    "kind,file,n",
    [
        ("P-256", "ecdsa_secp256r1_sha256_test", 120),
        ("P-521", "ecdsa_secp521r1_sha512_test", 80),
        ("Ed448", "ed448_test", 60),
    ],
)
def test_signatures_wycheproof(backend, kind, file, n):
    seen = set()
    for key, msg, sig, good, number in vectors.signatures(file, n):
        assert run(backend.verify(kind, NAMES[kind], key, msg, sig)) == good, number
        seen.add(good)
    assert seen == {True, False}


@pytest.mark.parametrize("kind,curve", [("P-256", "secp256r1"), ("P-521", "secp521r1")])
def test_ecdh_wycheproof(backend, kind, curve):
    size = ec.curve(kind).size
    tests = []
    for g in vectors.wycheproof("Protocol/ecdh_%s_ecpoint_test" % curve):
        tests += g["tests"]
    good = 0
    for t in vectors.sample(tests, 60):
        secret = bytes.fromhex(t["private"])[-size:].rjust(size, b"\0")
        public, expected = bytes.fromhex(t["public"]), bytes.fromhex(t["shared"])
        try:
            z = run(backend.agree(kind, secret, public, os.urandom))
        except ValueError:
            # compressed points are valid elsewhere; we read none
            assert t["result"] == "invalid" or "CompressedPoint" in t["flags"], t
            continue
        assert t["result"] != "invalid" and z == expected, t
        good += 1
    assert good > 10


def test_x448_wycheproof(backend):
    for g in vectors.wycheproof("Protocol/x448_test"):
        for t in vectors.sample(g["tests"], 60):
            k, u, z = (bytes.fromhex(t[x]) for x in ("private", "public", "shared"))
            try:
                assert run(backend.agree("X448", k, u, os.urandom)) == z, t
            except ValueError:
                assert not any(z) or len(u) != 56, t


@pytest.mark.parametrize("kind", ["P-256", "P-521", "Ed448", "X448"])
def test_backends_agree(kind):
    """Same public keys, same deterministic signatures, each works with the other."""
    pytest.importorskip("cryptography")
    from evcc.crypto import host

    rng = random.Random(7)
    for _ in range(4):
        secret = pure.random_secret(kind, rng.randbytes)
        mine = run(pure.public(kind, secret, os.urandom))
        assert mine == run(host.public(kind, secret, None))
        if kind != "X448":
            msg = rng.randbytes(rng.randint(0, 300))
            a = run(pure.sign(kind, NAMES[kind], secret, msg, os.urandom))
            b = run(host.sign(kind, NAMES[kind], secret, msg, None))
            assert a == b
            assert run(pure.verify(kind, NAMES[kind], mine, msg, b))
            assert run(host.verify(kind, NAMES[kind], mine, msg, a))
            assert not run(pure.verify(kind, NAMES[kind], mine, msg + b"x", b))
        if kind != "Ed448":
            other = pure.random_secret(kind, rng.randbytes)
            theirs = run(host.public(kind, other, None))
            z = run(pure.agree(kind, secret, theirs, os.urandom))
            assert z == run(host.agree(kind, other, mine, None))


@pytest.mark.parametrize("kind", ["P-256", "P-521"])
def test_scalars_at_the_edges(kind):
    c = ec.curve(kind)
    for k in (1, 2, 3, 15, 16, 17, 31, 32, c.n - 1, c.n - 2, c.n - 16):
        p = run(c.public(k.to_bytes(c.size, "big"), os.urandom))
        from cryptography.hazmat.primitives.asymmetric import ec as other

        curve = other.SECP256R1() if kind == "P-256" else other.SECP521R1()
        q = other.derive_private_key(k, curve).public_key().public_numbers()
        assert c.load(p) == (q.x, q.y)
    for k in (0, c.n, c.n + 1):
        with pytest.raises(ValueError):
            run(c.public(k.to_bytes(c.size, "big"), os.urandom))


def test_pattern_does_not_depend_on_the_secret():
    """The same additions and doublings for every scalar but the 30 next to a multiple of n."""
    counts = {"".join(_operations(k)) for k in (12345, 1 << 400, _N521 - 99, _N521 // 3)}
    assert len(counts) == 1


_N521 = ec.curve("P-521").n


def _operations(k):
    c = ec.curve("P-521")
    points = c.engine
    add, double, calls = points.add, points.double, []
    points.add = lambda p, q: calls.append("a") or add(p, q)
    points.double = lambda p: calls.append("d") or double(p)
    try:
        run(c.public(k.to_bytes(66, "big"), os.urandom))
    finally:
        del points.add, points.double
    assert len(calls) > 200
    return calls


def test_steps_are_small():
    """A caller gets its turn back every few doublings."""
    c = ec.curve("P-521")
    assert sum(1 for _ in c.public(bytes(65) + b"\x05", os.urandom)) > 30
    sig = run(pure.sign("P-521", "sha512", bytes(65) + b"\x05", b"m", os.urandom))
    key = run(c.public(bytes(65) + b"\x05", os.urandom))
    assert sum(1 for _ in pure.verify("P-521", "sha512", key, b"m", sig)) > 100


def test_signature_der_round_trip():
    rng = random.Random(2)
    for bits in (1, 8, 127, 255, 256, 512, 521):
        r, s = rng.getrandbits(bits) | 1, rng.getrandbits(bits) | 1
        assert ecdsa.unpack(ecdsa.pack(r, s)) == [r, s]
    good = ecdsa.pack(5, 300)
    for i in range(len(good)):
        with pytest.raises((ValueError, IndexError)):
            ecdsa.unpack(good[:i])
    with pytest.raises(ValueError):
        ecdsa.unpack(good + b"\0")


@pytest.fixture
def c_module(monkeypatch):
    """A module in the slot for C, made of OpenSSL, as native.py wants it. `.calls`: its uses."""
    import sys
    import types

    host = pytest.importorskip("evcc.crypto.host")
    module = types.ModuleType("_evcc_crypto")
    module.calls = []

    def plain(name, urandom):
        def call(*args):
            module.calls.append((name, args[0]))
            if "X448" in args:
                raise NotImplementedError
            return run(getattr(host, name)(*args + urandom))

        return call

    for name in ("public", "agree", "sign", "verify"):
        setattr(module, name, plain(name, () if name == "verify" else (None,)))
    monkeypatch.setitem(sys.modules, "_evcc_crypto", module)
    monkeypatch.delitem(sys.modules, "evcc.crypto.native", raising=False)
    monkeypatch.delattr(crypto, "native", raising=False)
    monkeypatch.setattr(crypto, "_b", [])
    return module


def test_native_slot(c_module):
    """The module's functions are used; what it lacks (AEAD, X448) runs in Python."""
    assert crypto.backend().__name__ == "evcc.crypto.native"
    for file, kind, name in (
        ("ecdsa_secp521r1_sha512_test", "P-521", "sha512"),
        ("ecdsa_secp256r1_sha256_test", "P-256", "sha256"),
        ("ed448_test", "Ed448", None),
    ):
        for key, msg, sig, good, _ in vectors.sample(vectors.signatures(file, 10**6), 20):
            assert run(crypto.verify(kind, name, key, msg, sig)) == good
    for kind in ("P-256", "P-521", "X448"):
        a, b = (crypto.random_secret(kind, os.urandom) for _ in range(2))
        pa, pb = (run(crypto.public(kind, s, os.urandom)) for s in (a, b))
        z = run(crypto.agree(kind, a, pb, os.urandom))
        assert z == run(crypto.agree(kind, b, pa, os.urandom))
        with pytest.raises(ValueError):
            run(crypto.agree(kind, a, bytes(len(pb)), os.urandom))
    sig = run(crypto.sign("P-521", "sha512", a66 := bytes(65) + b"\5", b"m", os.urandom))
    assert sig == run(pure.sign("P-521", "sha512", a66, b"m", os.urandom))
    assert {name for name, _ in c_module.calls} == {"public", "agree", "sign", "verify"}
    assert isinstance(crypto.aead("aes-gcm", bytes(32)), gcm.AesGcm)


def test_handshake_through_the_native_slot(c_module):
    from host_tests.tls.link import Pair, pki
    from host_tests.tls.server import Server

    _, root, leaf, identity = pki("P-521")
    p = Pair(Server(leaf), root, identity)
    p.run()
    assert p.tls.state == "ready", p.tls.error
    assert [name for name, _ in c_module.calls] == ["public", "agree"] + 4 * ["verify"] + ["sign"]


@pytest.mark.parametrize("kind", ["P-256", "P-521"])
def test_comb(kind):
    """The stored multiples of the generator, computed from the definition."""
    c = ec.curve(kind)
    points = jacobian.Engine(c)
    s = (c.bits + 36) // 4
    for m, point in enumerate(points.comb()):
        k = 1 << 3 * s
        for j in range(3):
            k += 1 << j * s if m >> j & 1 else -(1 << j * s)
        p = run(ladder.multiply(points, k % c.n, c.g, os.urandom))
        assert c.affine(p)[0] == point
