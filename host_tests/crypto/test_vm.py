# SPDX-License-Identifier: MIT
"""The same vectors inside 32-bit MicroPython: viper kernels, and plain code without them."""

import pytest

from host_tests.crypto import vectors
from tools.vm import micropython

pytestmark = pytest.mark.vm

CODE = """
import os, sys
from evcc import crypto
from evcc.crypto import aes_tables, gcm, sha2
from evcc.crypto.kdf import hkdf_expand
run = crypto.run
fast = bool(aes_tables._fast), bool(gcm._fast), bool(sha2._fast_block)
print("kernels", *fast, crypto.backend().__name__)
bad = 0
for kind, name, key, msg, sig, good in SIGNATURES:
    bad += run(crypto.verify(kind, name, key, msg, sig)) != good
for kind, key, iv, aad, msg, out, good in AEADS:
    for native in (True, False):
        if kind == "aes-gcm":
            c = gcm.AesGcm(key, native)
        else:
            c = crypto.aead(kind, key)
        b = bytearray(out)
        n = len(out) - 16
        ok = c.open(iv, aad, b, 0, n)
        bad += ok != good or (good and bytes(b[:n]) != msg)
        if good:
            c.seal(iv, aad, b, 0, n)
            bad += bytes(b) != out
for kind, secret, public, z in SHARED:
    bad += run(crypto.agree(kind, secret, public, os.urandom)) != z
for name, msg, md in HASHES:
    bad += sha2.Sha2(name, msg).digest() != md
for kind, name, secret, msg, sig in SIGNED:
    bad += run(crypto.sign(kind, name, secret, msg, os.urandom)) != sig
print("bad", bad, "evcc.crypto.mont" in sys.modules)
"""


def data():
    """The vectors as Python text, from files and from `cryptography`."""
    import hashlib
    import random

    from evcc.crypto import host, run

    names = {"P-256": "sha256", "P-521": "sha512", "Ed448": None}
    out = {"SIGNATURES": [], "AEADS": [], "SHARED": [], "HASHES": [], "SIGNED": []}
    for kind, file in (
        ("P-256", "ecdsa_secp256r1_sha256_test"),
        ("P-521", "ecdsa_secp521r1_sha512_test"),
        ("Ed448", "ed448_test"),
    ):
        for key, msg, sig, good, _ in vectors.sample(vectors.signatures(file, 10**6), 14):
            if len(msg) < 300:
                out["SIGNATURES"].append((kind, names[kind], key, msg, sig, good))
    for file, kind in (("aes_gcm", "aes-gcm"), ("chacha20_poly1305", "chacha20-poly1305")):
        for g in vectors.wycheproof("Cipher/%s_test" % file):
            if g["ivSize"] == 96 and g["keySize"] != 192:
                for t in vectors.sample(g["tests"], 20):
                    v = [bytes.fromhex(t[k]) for k in ("key", "iv", "aad", "msg", "ct", "tag")]
                    v[4:] = [v[4] + v[5], t["result"] != "invalid"]
                    out["AEADS"].append((kind, *v))
    rng = random.Random(9)
    for kind in ("P-256", "P-521", "X448"):
        a, b = (host.random_secret(kind, rng.randbytes) for _ in range(2))
        public = run(host.public(kind, b, None))
        out["SHARED"].append((kind, a, public, run(host.agree(kind, a, public, None))))
    for name in ("sha256", "sha384", "sha512"):
        for n in (0, 1, 55, 56, 64, 111, 112, 128, 129, 300):
            m = rng.randbytes(n)
            out["HASHES"].append((name, m, getattr(hashlib, name)(m).digest()))
    for kind, name in names.items():
        s, m = host.random_secret(kind, rng.randbytes), rng.randbytes(50)
        out["SIGNED"].append((kind, name, s, m, run(host.sign(kind, name, s, m, None))))
    return "\n".join("%s = %r" % pair for pair in out.items())


@pytest.mark.parametrize("name,arch", [("i386", "x86"), ("i386", None), ("armhf", "armv7emsp")])
def test_vectors_in_micropython(name, arch, mpy, machine):
    pytest.importorskip("cryptography")
    path = mpy(("evcc/__init__.py", "evcc/compat.py", "evcc/crypto"), arch)
    done = micropython(data() + CODE, machine=machine(name), path=[path], heap="512k", timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    fast = str(arch is not None)
    assert done.stdout.splitlines() == [
        "kernels %s %s %s evcc.crypto.pure" % (fast, fast, fast),
        "bad 0 %s" % (name == "armhf"),
    ]
