# SPDX-License-Identifier: MIT
"""Every Wycheproof and NIST vector, not only every few: the tests of test_crypto once more."""

import pytest

from host_tests.crypto import test_crypto as t

pytestmark = pytest.mark.slow
backend = t.backend


@pytest.fixture(autouse=True)
def everything(monkeypatch):
    monkeypatch.setenv("UEVCC_VECTORS", "all")


@pytest.mark.parametrize(
    "kind,file",
    [
        ("P-256", "ecdsa_secp256r1_sha256_test"),
        ("P-521", "ecdsa_secp521r1_sha512_test"),
        ("Ed448", "ed448_test"),
    ],
)
def test_signatures(backend, kind, file):
    t.test_signatures_wycheproof(backend, kind, file, 0)


@pytest.mark.parametrize("kind,curve", [("P-256", "secp256r1"), ("P-521", "secp521r1")])
def test_ecdh(backend, kind, curve):
    t.test_ecdh_wycheproof(backend, kind, curve)


def test_x448(backend):
    t.test_x448_wycheproof(backend)


def test_gcm():
    t.test_gcm_nist()


def test_shake():
    t.test_shake256()
