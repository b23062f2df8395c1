# SPDX-License-Identifier: MIT
"""The kernel in Thumb-2 assembly and the curves on it, in MicroPython for ARM under qemu."""

import random

import pytest

from tools import vm
from tools.vm import inline_asm

pytestmark = pytest.mark.vm
CRYPTO = ("evcc/__init__.py", "evcc/compat.py", "evcc/crypto")

KERNEL = """
import struct
from evcc.crypto._fast_field import execute
for p, n, values in CASES:
    size = 4 * n
    r = bytearray(32 + 9 * size)
    inverse = -pow(p, (1 << 31) - 1, 1 << 32) & 0xFFFFFFFF
    struct.pack_into("6I", r, 0, n, inverse, size, 0, 0, (n - 1) // 2)
    def put(i, v):
        r[32 + size * i : 32 + size * i + size] = v.to_bytes(size, "little")
    def get(i):
        return int.from_bytes(r[32 + size * i : 32 + size * i + size], "little")
    put(0, p)
    put(1, 16 * p)
    back = pow((1 << 32 * n) % p, p - 2, p)
    for a, b in values:
        put(4, a)
        put(5, b)
        execute(b"\\1\\6\\4\\5\\2\\7\\4\\5\\3\\x08\\4\\5\\1\\4\\4\\4\\0", r)
        assert get(6) < 2 * p and get(6) % p == a * b * back % p
        assert get(7) == a + b and get(8) == a + 16 * p - b
        assert get(4) < 2 * p and get(4) % p == a * a * back % p
        assert get(0) == p and get(1) == 16 * p and get(5) == b
print("done")
"""


@pytest.fixture(scope="module")
def arm(tmp_path_factory):
    if text := vm.missing("armhf"):
        pytest.skip(text)
    folder = tmp_path_factory.mktemp("arm")
    vm.build_mpy(CRYPTO, folder, "armv7emsp")
    return folder


def test_the_kernels_operations_equal_those_of_big_integers(arm):
    rng = random.Random(521)
    cases = []
    for p, n in (
        ((1 << 521) - 1, 17),
        ((1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1, 9),
        ((1 << 448) - (1 << 224) - 1, 15),
    ):
        edges = [0, 1, p - 1, p, p + 1, 16 * p, 16 * p - 1]
        values = [(a, b) for a in edges for b in edges]
        values += [(rng.randrange(16 * p), rng.randrange(16 * p)) for _ in range(100)]
        cases.append((p, n, values))
    done = vm.micropython(
        f"CASES = {cases!r}\n" + KERNEL, machine="armhf", path=[arm], heap="512k"
    )
    assert done.stdout == "done\n", done.stderr


CRAFTED = """
from evcc.crypto import jacobian, mont
from evcc.crypto.ec import curve
from evcc.crypto import run
class plain_sums:
    def verify_sum(c, *more):
        return jacobian.ladder.verify_sum(jacobian.Engine(c), *more)
for name in ("P-521", "P-256"):
    c = curve(name)
    g = c.g
    plain = jacobian.Engine(c)
    two = c.affine(plain.double((g[0], g[1], 1)))[0]
    for a, b, q in (
        (0, 5, g), (5, c.n - 5, g), (1, 1, g), (4, 2, two), (7, 9, two), (c.n - 2, 1, two),
        (3, 1 << 200, g), (0, 1, g), (1 << 300 & c.n - 1, 1, g), (c.n - 1, c.n - 1, two),
        (2, c.n - 1, two), (123456789, 987654321, two),
    ):
        here, there = [run(m.verify_sum(c, a, b, q)) for m in (mont, plain_sums)]
        if there[2] % c.p:
            here, there = c.affine(here, there)
            assert here == there, (name, a, b)
        else:
            assert not here[2] % c.p, (name, a, b)
print("done")
"""


def test_sums_of_equal_and_opposite_points_and_infinity(arm):
    """Where the formulas of the kernel give up, big integers decide."""
    done = vm.micropython(CRAFTED, machine="armhf", path=[arm], heap="512k", timeout=100)
    assert done.stdout == "done\n", done.stderr


def test_assembly_of_another_form_is_refused(arm, tmp_path):
    source = tmp_path / "_fast_other.py"
    source.write_text("import micropython\n@micropython.asm_thumb\ndef f(r0):\n    mov(r0, r0)\n")
    vm._cross(source, tmp_path / "o.mpy", "o.py", "armv7emsp", 3)
    with pytest.raises(ValueError, match="another form"):
        inline_asm.callable_mpy((tmp_path / "o.mpy").read_bytes())
    with pytest.raises(ValueError, match="viper or native code"):
        inline_asm.callable_mpy((arm / "evcc/crypto/_fast_field.mpy").read_bytes())


BROKEN = """
from evcc.crypto import _fast_field, mont
right = mont.execute
print(mont.proved())
for code in (
    b"\\1\\4\\3\\3\\3\\5\\3\\4\\0", b"\\2\\4\\3\\3\\3\\5\\3\\4\\2\\5\\5\\3\\0", b"\\0",
):
    mont.execute = lambda program, regs: right(code, regs)
    print(mont.proved())
mont.execute = _fast_field.execute = lambda program, regs: None
from evcc.crypto import ec
print(ec.Engine is mont.Engine)
"""


def test_a_kernel_that_computes_wrongly_is_not_used(arm):
    done = vm.micropython(BROKEN, machine="armhf", path=[arm], heap="400k", timeout=60)
    assert done.stdout.split() == ["True", "False", "False", "False", "False"], done.stderr
