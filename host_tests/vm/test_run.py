# SPDX-License-Identifier: MIT
"""The runner itself: modules come from .mpy in RAM, heaps are limited, counts repeat."""

import pytest

from tools.vm import VMError, build_mpy, count, instructions, micropython, smallest_heap

pytestmark = pytest.mark.vm


@pytest.mark.parametrize("name", ["i386", "armhf"])
def test_modules_come_from_mpy_in_ram(name, machine, mpy):
    machine(name)
    folder = mpy(["evcc/__init__.py", "evcc/compat.py"])
    code = "import evcc.compat, sys, os, vfs\nprint(evcc.compat.__file__, sys.path, vfs.mount())"
    done = micropython(code, machine=name, path=[folder])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{folder}/evcc/compat.mpy")
    assert ".frozen" not in done.stdout
    assert done.stdout.count("Vfs") == 1 and "VfsPosix" in done.stdout


def test_heap_is_limited(machine):
    machine("i386")
    code = "b = bytearray(60_000)\nprint(len(b))"
    assert micropython(code, heap="128k").stdout == "60000\n"
    done = micropython(code, heap="32k")
    assert done.returncode == 1 and "MemoryError" in done.stderr


def test_smallest_heap_is_exact(machine):
    machine("i386")

    def works(kilobytes):
        return micropython("b = bytearray(60_000)", heap=f"{kilobytes}k").returncode == 0

    found = smallest_heap(works, 16, 128)
    assert 60 <= found <= 66 and works(found) and not works(found - 1)


def test_time_is_limited(machine):
    machine("i386")
    with pytest.raises(VMError, match="longer than 1 s"):
        micropython("while True: pass", timeout=1)


def test_counts_repeat_and_follow_the_work(machine):
    machine("armhf")
    one = instructions("x = 1", "x + 1", n=10)
    assert instructions("x = 1", "x + 1", n=10) == one
    five = instructions("x = 1", "x + 1\n" * 5, n=10)
    assert 40 < (five - one) / 4 < 1000


def test_counts_at_writes(machine):
    machine("armhf")
    total, writes, text = count("import sys\nfor i in range(3): sys.stdout.write('%d' % i)")
    assert text == "012" and len(writes) == 3
    assert writes[0] < writes[1] < writes[2] < total


def test_native_code_for_the_right_machine(machine, tmp_path, monkeypatch):
    machine("armhf")
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "_fast_sum.py").write_text(
        "import micropython\n\n"
        "@micropython.viper\ndef add(a: int, b: int) -> int:\n    return a + b\n"
    )
    monkeypatch.setattr("tools.vm.LIB", lib)
    for name, arch in (("i386", "x86"), ("armhf", "armv7emsp")):
        out = tmp_path / name
        assert "_fast_sum" in build_mpy(["_fast_sum.py"], out, arch)
        done = micropython("from _fast_sum import add; print(add(2, 3))", machine=name, path=[out])
        assert done.stdout == "5\n", done.stderr
    assert build_mpy(["_fast_sum.py"], tmp_path / "none") == {}


def test_words_for_a_module_that_does_not_compile(tmp_path, monkeypatch):
    (tmp_path / "bad.py").write_text("def f(:\n")
    monkeypatch.setattr("tools.vm.LIB", tmp_path)
    with pytest.raises(VMError, match="bad.py does not compile"):
        build_mpy(["bad.py"], tmp_path / "out")
    with pytest.raises(VMError, match="no module 'evcc/nothing'"):
        build_mpy(["evcc/nothing"], tmp_path / "out")
