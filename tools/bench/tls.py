# SPDX-License-Identifier: MIT
"""TLS 1.3: compiled size, ARM instructions of a mutual handshake and of a record, heap.

The handshakes are recorded against the test server of host_tests/tls and played again in
MicroPython: leaf and two sub CAs verified, ECDHE made and agreed, own signature. Collector on,
512 kB of heap as on an RP2350 (a fifth more in 256 kB). `record` is one V2G message of 1000 bytes,
AES-256-GCM, AES from the VM's cryptolib. ARM with UMAAL (Cortex-M4, M33) runs the curves in
the kernel `_fast_field`; "big integers" is what others do, on the same machine without it.
"""

import tempfile
from pathlib import Path

from tools import vm

_MODULES = ("evcc/__init__.py", "evcc/compat.py", "evcc/crypto", "evcc/pki", "evcc/tls")
# not loaded in a session of the P-521 profile with AES-GCM
_OTHER = "448 shake chacha comb_p256 crypto.host crypto.native aes_tables _fast_aes pki.store"
_OTHER += " jacobian ladder sha2_plain sha1"  # ARM with UMAAL has the kernel instead
_CURVE = """
from evcc import crypto
from hashlib import sha256
def urandom(n):
    return (sha256(b"x").digest() * 3)[:n]
s, t = bytes(64) + b"\\x71\\x05", bytes(63) + b"\\x27\\x71\\x05"
run = crypto.run
public = run(crypto.public("P-521", s, urandom))
signature = run(crypto.sign("P-521", "sha512", s, b"m", urandom))
"""
_WORK = (
    ("P-521: a key made", 'run(crypto.public("P-521", s, urandom))'),
    ("P-521: a secret agreed", 'run(crypto.agree("P-521", t, public, urandom))'),
    ("P-521: signed", 'run(crypto.sign("P-521", "sha512", s, b"m", urandom))'),
    ("P-521: verified", 'run(crypto.verify("P-521", "sha512", public, b"m", signature))'),
)
_RECORD = """
from evcc.tls.protection import Direction
from evcc.tls.record import Records
o, i = Records(), Records()
o.write, i.read = Direction(0x1302, bytes(48)), Direction(0x1302, bytes(48))
data = bytes(1000)
sealed = bytes(o.seal(23, data))
def once():
    i.read.number = 0
    i.feed(sealed)
    i.next()
"""


def _handshake(code, path, times):
    code += "import gc\ngc.collect()\nfor _ in range(%2d):\n    t, s = handshake()\n" % times
    return vm.count(code, heap="512k", path=[path], timeout=200)[0]


def rows():
    from host_tests.tls.replay import script
    from host_tests.tls.test_vm import TAIL

    out = []
    with tempfile.TemporaryDirectory() as arm, tempfile.TemporaryDirectory() as i386:
        made = vm.build_mpy(_MODULES, arm, "armv7emsp")
        vm.build_mpy(_MODULES, i386, "x86")
        needed = [
            len(data)
            for name, data in made.items()
            if name.count(".") > 1 or name in ("evcc.crypto", "evcc.pki", "evcc.tls")
            if not any(word in name for word in _OTHER.split())
        ]
        out.append(
            dict(name=".mpy TLS, crypto, X.509, P-521", value=sum(needed), unit="B", goal=45000)
        )
        for name, kind, profile, ocsp, goal in (
            ("handshake P-521, chain of 3", "P-521", "strict", False, 900e6),
            ("handshake P-521 with 3 OCSP", "P-521", "strict", True, None),
            ("handshake P-256 (bench), chain of 3", "P-256", "bench", False, 350e6),
            ("handshake P-256 (bench) with 3 OCSP", "P-256", "bench", True, None),
        ):
            code, _ = script(kind, profile, ocsp)
            n = _handshake(code, arm, 1) - _handshake(code, arm, 0)
            out.append(dict(name=name, value=n, unit="ARM instructions", goal=goal))
        for name, body in _WORK:
            n = vm.instructions(_CURVE, body, n=4, warm=1, gc=True, heap="512k", path=[arm])
            out.append(dict(name=name, value=n, unit="ARM instructions", goal=None))
        for name, body in (
            ("record of 1000 B sealed", "o.seal(23, data)"),
            ("record of 1000 B opened", "once()"),
        ):
            n = vm.instructions(_RECORD, body, path=[arm])
            out.append(dict(name=name, value=n, unit="ARM instructions", goal=2e6))
        Path(arm, "evcc/crypto/_fast_field.mpy").unlink()
        for name, kind, profile in (
            ("handshake P-521, chain of 3, big integers", "P-521", "strict"),
            ("handshake P-256 (bench), chain of 3, big integers", "P-256", "bench"),
        ):
            code, _ = script(kind, profile, False)
            n = _handshake(code, arm, 1) - _handshake(code, arm, 0)
            out.append(dict(name=name, value=n, unit="ARM instructions", goal=None))
        code, _ = script("P-521", "strict", True)

        def works(kilobytes):
            done = vm.micropython(code + TAIL, path=[i386], heap="%dk" % kilobytes)
            return done.returncode == 0

        heap = vm.smallest_heap(works, 64, 256, 2)
        out.append(
            dict(name="heap of a P-521 handshake with OCSP", value=heap, unit="kB", goal=None)
        )
    return out
