# SPDX-License-Identifier: MIT
"""The generator refuses without a healthy seed, never repeats a boot, follows SP 800-90A."""

import hashlib
import hmac
import random

import pytest
from evcc.rng import Rng, Unseeded, health


def test_refuses_before_the_seed():
    with pytest.raises(Unseeded):
        Rng()(8)


@pytest.mark.parametrize(
    "source,word",
    [
        (lambda n: b"\xff" * n, "stuck"),
        (lambda n: b"\0" * n, "stuck"),
        (lambda n: bytes(i & 3 for i in range(n)), "prefers"),
        (lambda n: bytes(i & 255 for i in range(n)), "repeats"),
        (lambda n: b"", "too little"),
    ],
)
def test_bad_sources(source, word):
    rng = Rng()
    assert not rng.seed(source)
    assert word in rng.failure
    with pytest.raises(Unseeded):
        rng(1)


def test_good_source_passes_a_thousand_times():
    r = random.Random(11)
    assert all(health(r.randbytes(256)) is None for _ in range(1000))


def test_stored_seed_is_renewed_before_any_output_and_counts():
    """A source that gives the same on each boot still gives other output each boot."""
    flash = [b""]
    seen = []
    for _ in range(5):
        rng = Rng()
        order = []
        source = random.Random(1)

        def store(seed, order=order):
            flash[0] = seed
            order.append("stored")

        assert rng.seed(source.randbytes, flash[0], store)
        order.append("out")
        seen.append(rng(32))
        assert order == ["stored", "out"] and flash[0] not in seen
    assert len(set(seen)) == 5


def test_output_follows_sp_800_90a():
    """HMAC-DRBG written once more, with hashlib's hmac."""
    r = random.Random(3)
    rng = Rng()
    assert rng.seed(r.randbytes, b"stored", None, b"extra")
    r = random.Random(3)
    sample, _ = r.randbytes(256), r.randbytes(256)
    seed = r.randbytes(48) + sample + b"stored" + b"extra"
    k, v = bytes(32), b"\1" * 32

    def mac(key, data):
        return hmac.new(key, data, hashlib.sha256).digest()

    for x in (b"\0", b"\1"):
        k = mac(k, v + x + seed)
        v = mac(k, v)
    v = mac(k, v)
    out = v
    v = mac(k, v)
    assert rng(40) == (out + v)[:40]
    k = mac(k, v + b"\0")
    v = mac(k, v)
    assert rng(32) == mac(k, v)


def test_reseeds_by_itself():
    r = random.Random(4)
    rng = Rng()
    rng.seed(r.randbytes)
    rng.count = 10000
    key = rng.key
    rng(4)
    assert rng.count == 0 and rng.key != key
