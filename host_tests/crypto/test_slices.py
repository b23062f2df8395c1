# SPDX-License-Identifier: MIT
"""No slice of public-key work takes 50 ms of an RP2350: instructions between two yields, on ARM.

50 ms at 150 MHz and 1.3 cycles per instruction (an estimate for the Cortex-M33; flash wait states
are not in it) are 5.7 million instructions.
"""

import pytest

from tools import vm

pytestmark = pytest.mark.vm
LIMIT = 50e-3 * 150e6 / 1.3
CODE = """
import gc
from evcc import crypto
from hashlib import sha256
from sys import stdout
say = stdout.write
state = [0]
def urandom(n):
    state[0] += 1
    return (sha256(b"%d" % state[0]).digest() * 3)[:n]
def slices(steps):
    say("b\\n")
    try:
        while True:
            next(steps)
            say("-\\n")
    except StopIteration as e:
        say("e\\n")
        return e.value
s, t = bytes(SIZE - 2) + b"\\x71\\x05", bytes(SIZE - 3) + b"\\x27\\x71\\x05"
crypto.run(crypto.sign(KIND, HASH, s, b"code is loaded, tables are made", urandom))
gc.collect()
public = slices(crypto.public(KIND, s, urandom))
z = slices(crypto.agree(KIND, t, public, urandom))
signature = slices(crypto.sign(KIND, HASH, s, b"metering", urandom))
assert slices(crypto.verify(KIND, HASH, public, b"metering", signature))
"""
NAMES = ("public", "agree", "sign", "verify")


def longest(path, kind, name, size):
    """{operation: (most instructions of a slice, slices)}"""
    head = f"KIND, HASH, SIZE = {kind!r}, {name!r}, {size}\n"
    _, writes, text = vm.count(head + CODE, path=[path], heap="384k", timeout=100)
    lines = text.split()
    assert len(lines) == len(writes)
    out, done = {}, 0
    for i in range(1, len(lines)):
        if lines[i] != "b":
            most, slices = out.get(NAMES[done], (0, 0))
            out[NAMES[done]] = max(most, writes[i] - writes[i - 1]), slices + 1
        done += lines[i] == "e"
    return out


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize("kind,name,size", [("P-521", "sha512", 66), ("P-256", "sha256", 32)])
def test_slices_of_public_key_work(tmp_path, machine, kind, name, size, kernel):
    machine("armhf")
    vm.build_mpy(("evcc/__init__.py", "evcc/compat.py", "evcc/crypto"), tmp_path, "armv7emsp")
    if not kernel:  # as on an ESP32: viper, but big integers
        (tmp_path / "evcc/crypto/_fast_field.mpy").unlink()
    found = longest(tmp_path, kind, name, size)
    print(kind, kernel, found)
    assert set(found) == set(NAMES)
    for operation, (most, count) in found.items():
        assert count > 8, operation
        assert most < LIMIT, f"{kind} {operation}: {most / 1e6:.1f} M instructions in one slice"
