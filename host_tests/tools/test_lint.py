# SPDX-License-Identifier: MIT
"""The project's own rules find what they are for."""

import pytest

from tools import ROOT, lint


@pytest.mark.parametrize(
    "code, words",
    [
        ("import enum\n", "import enum"),
        ("from functools import partial\n", "import functools"),
        ("x = {**y}\n", "{**a}"),
        ("match x:\n    case 1: pass\n", "match"),
        ("s.startswith(('a', 'b'))\n", "startswith(tuple)"),
        ("import asyncio\n", "import asyncio"),
    ],
)
def test_what_small_pythons_lack(code, words):
    ((_, text),) = lint.small_python(ROOT / "lib/evcc/x.py", code)
    assert words in text


def test_what_is_allowed():
    assert not list(lint.small_python(ROOT / "lib/evcc/controller_async.py", "import asyncio\n"))
    code = "from evcc.compat import const\ns.startswith('a')\nx = {'a': 1}\n"
    assert not list(lint.small_python(ROOT / "lib/evcc/x.py", code))


def test_licence_line():
    line = "# " + "SPDX-License-Identifier: MIT\n"
    assert list(lint.licence(ROOT / "x.py", '"""Text."""\n'))
    assert not list(lint.licence(ROOT / "x.py", line))
    assert not list(lint.licence(ROOT / "x.sh", "#!/bin/sh\n" + line))


def test_paths_of_one_machine():
    for folder in ("root", "home", "work"):
        assert list(lint.machine_paths(ROOT / "x.py", f"open('/{folder}/x')\n"))
    assert not list(lint.machine_paths(ROOT / "x.py", "'DIR/root/usr'; a = x/work/3\n"))
