# SPDX-License-Identifier: MIT
"""Whole handshakes inside 32-bit MicroPython, all code in its heap."""

import hashlib

import pytest

pytest.importorskip("cryptography")

from host_tests.tls.replay import script
from tools.vm import micropython

pytestmark = pytest.mark.vm
MODULES = ("evcc/__init__.py", "evcc/compat.py", "evcc/crypto", "evcc/pki", "evcc/tls")

TAIL = """
got = []
t, sent = handshake(lambda data, now: got.append(bytes(data)))
print(t.summary())
print(crypto.digest("sha256", *sent))
if DATA:
    t.feed(DATA, 0)
    print(b"".join(got))
"""


@pytest.mark.parametrize(
    "kind,profile,ocsp,server,arch",
    [
        ("P-521", "strict", True, {}, "x86"),
        ("P-521", "strict", False, {"suite": 0x1303, "group": 0x1E}, "x86"),
        ("Ed448", "strict", True, {}, "x86"),
        ("P-256", "bench", False, {"suite": 0x1301}, "x86"),
        ("P-256", "bench", True, {"suite": 0x1302, "retry": True, "cookie": b"c"}, None),
        ("P-521", "strict", True, {}, "armv7emsp"),
        ("P-256", "bench", False, {}, "armv7emsp"),
    ],
)
def test_handshake_in_micropython(mpy, machine, kind, profile, ocsp, server, arch):
    vm = machine("armhf" if arch == "armv7emsp" else "i386")
    code, sent = script(kind, profile, ocsp, data=b"to the car", **server)
    heap = "192k" if arch else "256k"
    done = micropython(code + TAIL, machine=vm, path=[mpy(MODULES, arch)], heap=heap)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert ("BENCH PROFILE" in lines[0]) == (profile == "bench")
    assert not ocsp or "OCSP 3 of 3 good" in lines[0]
    assert lines[1] == repr(hashlib.sha256(sent).digest())
    assert lines[2] == "b'to the car'"
