# SPDX-License-Identifier: MIT
"""Terminals that are read without waiting; MicroPython's runs in test_gate_mpremote."""

import os
import sys
import types

import pytest
from drivers.terminal import terminal


def test_linux_gives_bytes_as_they_come_and_never_waits(monkeypatch, capsys):
    from drivers import terminal_posix

    read, write = os.pipe()
    real = os.read
    monkeypatch.setattr(
        terminal_posix, "select", types.SimpleNamespace(select=lambda *a: _ready(read, *a))
    )
    monkeypatch.setattr(
        terminal_posix, "os", types.SimpleNamespace(read=lambda _, n: real(read, n))
    )
    one = terminal()
    assert type(one) is terminal_posix.Posix and one.read() is None
    os.write(write, b"a\x03")
    assert [one.read(), one.read(), one.read()] == [97, 3, None]
    os.close(write)
    assert one.read() is None  # the other end is gone
    os.close(read)
    one.write("text\n")
    assert capsys.readouterr().out == "text\n"
    assert one.interrupt(False) is False
    with pytest.raises(SystemExit):
        one.reset()


def _ready(read, files, *more):
    import select

    assert files == [0]
    return select.select([read], *more)


def test_circuitpython_asks_its_supervisor(monkeypatch):
    runtime = types.SimpleNamespace(serial_bytes_available=0, autoreload=True)
    done = []
    monkeypatch.setitem(
        sys.modules,
        "supervisor",
        types.SimpleNamespace(runtime=runtime, reload=lambda: done.append(1)),
    )
    monkeypatch.setattr(
        sys, "implementation", types.SimpleNamespace(name="circuitpython", cache_tag=None)
    )
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(read=lambda n: "x"))
    one = terminal()
    assert runtime.autoreload is False and one.read() is None
    runtime.serial_bytes_available = 1
    assert one.read() == 120 and one.interrupt(False) is False
    one.reset()
    assert done
