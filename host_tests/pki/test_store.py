# SPDX-License-Identifier: MIT
"""The folder of keys and certificates, made and explained by tools.pki, loaded as on a board."""

import os
import shutil
import time

import pytest

pytest.importorskip("cryptography")
from evcc.crypto import run
from evcc.pki import CertificateError, store

from tools.pki import make
from tools.pki.__main__ import main
from tools.pki.show import show


@pytest.mark.parametrize("kind", ["P-521", "Ed448", "P-256"])
def test_made_folder_loads_and_is_explained(tmp_path, kind):
    make(tmp_path, kind)
    lines, faults = show(tmp_path)
    assert faults == 0
    text = "\n".join(lines)
    assert "key belongs to it" in text and text.count("OCSP     good") == 3
    one = store.Identity(str(tmp_path))
    assert one.kind == kind and len(one.chain) == 3 and max(map(len, one.chain)) < 1600
    run(one.check(os.urandom))
    assert [c.title() for c in store.roots(str(tmp_path))] == ["V2G Root TEST"]


def test_every_subject_says_test(tmp_path):
    for what, one in make(tmp_path, "P-256").items():
        assert "TEST" in one.cert.subject.rfc4514_string(), what


@pytest.mark.parametrize(
    "damage,word",
    [
        (lambda d: shutil.copy(d / "secc.key", d / "vehicle.key"), "does not belong"),
        (lambda d: (d / "vehicle.key").write_bytes(b"0"), "cannot be read"),
        (lambda d: (d / "vehicle.key").unlink(), "is missing"),
        (lambda d: (d / "vehicle.der").unlink(), "missing"),
        (lambda d: shutil.rmtree(d / "vehicle_ca"), "issuer"),
        (lambda d: shutil.rmtree(d / "v2g_root"), "missing"),
        (lambda d: (d / "ocsp" / "secc_0.der").write_bytes(b"x"), "OCSP     BAD"),
        (lambda d: (d / "v2g_root" / "v2g_root.der").write_bytes(b"x"), "cannot be read"),
    ],
)
def test_damage_is_named(tmp_path, damage, word):
    make(tmp_path, "P-256")
    damage(tmp_path)
    lines, faults = show(tmp_path)
    assert faults and word in "\n".join(lines)


def test_expired_is_named(tmp_path):
    make(tmp_path, "P-256", days=3)
    lines, faults = show(tmp_path, time.time() + 10 * 86400)
    assert faults > 5 and "expired" in "\n".join(lines)


def test_wrong_kind_of_key(tmp_path):
    make(tmp_path, "P-256")
    make(tmp_path / "x", "P-521")
    shutil.copy(tmp_path / "x" / "vehicle.key", tmp_path / "vehicle.key")
    with pytest.raises(CertificateError, match="no key for"):
        store.Identity(str(tmp_path))


def test_command_line(tmp_path, capsys):
    assert main(["make", str(tmp_path), "--kind", "P-256", "--subs", "1"]) == 0
    assert "TEST only" in capsys.readouterr().out
    assert main(["show", str(tmp_path / "nothing")]) == 1
    assert "missing" in capsys.readouterr().out
