# SPDX-License-Identifier: MIT
"""Random damage to everything a server sends: no exception, no data, no half-open state."""

import os
import random

import pytest

pytest.importorskip("cryptography")

from evcc import crypto

from fuzz.tls import targets
from host_tests.fuzzing import fuzz
from host_tests.pki.test_path import NOW
from host_tests.tls.link import Pair, pki
from host_tests.tls.server import Server, message
from tools.pki.maker import responses

TIMES = 3000 if os.environ.get("UEVCC_VECTORS") == "all" else 150
PIECES = (
    "server_hello encrypted_extensions certificate_request certificate certificate_verify finished"
).split()


@pytest.fixture(autouse=True)
def backend():
    crypto.use("host")
    yield
    crypto._b.clear()


def damage(rng, data):
    b = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(b) + 1)
        what = rng.randrange(5)
        if what == 0 and at < len(b):
            b[at] = rng.randrange(256)
        elif what == 1:
            del b[at : at + rng.randint(1, 9)]
        elif what == 2:
            b[at:at] = rng.randbytes(rng.randint(1, 9))
        elif what == 3 and at < len(b):
            b[at] ^= 1 << rng.randrange(8)
        else:
            n = rng.randrange(len(b) + 1)
            b[at:at] = b[n : n + 20]
    return bytes(b) if b != data else damage(rng, data)


def test_damaged_messages():
    """The length of the message stays right, so the damage reaches the parsers inside."""
    _, root, leaf, identity = pki()
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    stapled = responses(leaf, this=NOW)
    for i in range(TIMES):
        chosen = rng.choice(PIECES)

        def tweak(what, data, chosen=chosen):
            if what == chosen:
                return message(data[0], damage(rng, data[4:]))
            return data

        p = Pair(Server(leaf, stapled, tweak=tweak), root, identity)
        p.run()
        assert p.tls.state in ("failed", "ready", "handshake"), (seed, i, p.tls.state)
        if p.tls.state == "ready":  # only what is not judged may have changed
            assert chosen not in ("certificate_verify", "finished"), seed
        if p.tls.state == "handshake":
            assert not p.tls.write(b"x"), (seed, i)
        assert p.data == b"" and p.tls.alert != "internal_error", (seed, i, p.tls.error)


def test_damaged_stream():
    _, root, leaf, identity = pki()
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    for i in range(TIMES // 2):
        p = Pair(Server(leaf), root, identity)
        feed = p.server.feed
        p.server.feed = lambda data, feed=feed: damage(rng, feed(data))
        p.run()
        assert p.tls.state in ("failed", "handshake"), (seed, i, p.tls.state)
        assert p.data == b"" and p.tls.alert != "internal_error", (seed, i, p.tls.error)


def test_targets_take_their_corpus_and_noise(tmp_path):
    targets.corpus(tmp_path)
    seeds = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert len(seeds) > 20
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    for data in seeds:
        targets.check(data)
        for _ in range(TIMES // 5):
            targets.check(data[:1] + damage(rng, data[1:]))


@pytest.mark.peer
def test_short_fuzzing(tmp_path):
    assert fuzz("tls", "any", tmp_path, "-max_total_time=4", "-seed=1", limit=90) > 200


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_long_fuzzing(tmp_path):
    """60 s or more"""
    assert fuzz("tls", "any", tmp_path, "-max_total_time=62", limit=300) > 5000
