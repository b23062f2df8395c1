# SPDX-License-Identifier: MIT
"""Device code is compiled without the import of `const`, where the compiler folds all of them."""

import ast

import pytest

from tools.vm import LIB, without_const

IMPORT = "from evcc.compat import const, forget\n"


@pytest.mark.parametrize(
    "code",
    ["_A = const(1)\n", "A = const((1, 'b'))\n", "class C:\n    _A = const(1)\n", "b = 1\n"],
)
def test_it_goes_where_nothing_calls_it(code):
    assert without_const(IMPORT + code) == "from evcc.compat import forget\n" + code
    alone = "import os\nfrom evcc.compat import const\n" + code
    assert without_const(alone) == "import os\n\n" + code


@pytest.mark.parametrize(
    "code",
    ["_A, _B = const(1), const(2)\n", "_A = [const(1)]\n", "f(const)\n", "_A = _B = const(1)\n"],
)
def test_it_stays_where_something_does(code):
    assert without_const(IMPORT + code) == IMPORT + code


@pytest.mark.parametrize("path", sorted(LIB.rglob("*.py")), ids=lambda p: str(p.relative_to(LIB)))
def test_no_device_code_needs_it(path):
    """A tuple of them, say, is folded by nobody: each stays a name and a call."""
    tree = ast.parse(without_const(path.read_text(encoding="utf-8")))
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "evcc.compat"
        for alias in node.names
    ]
    assert "const" not in names


def test_no_device_code_asks_another_for_what_was_folded():
    """A private constant is no name of its module any more."""
    asked = set()
    for path in LIB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                asked |= {(node.module, alias.name) for alias in node.names}
    folded = {
        (str(path.relative_to(LIB).with_suffix("")).replace("/", "."), node.targets[0].id)
        for path in LIB.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id.startswith("_")
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "const"
    }
    assert ("evcc.net.tcp", "_MSS") in folded and ("evcc.net.tcp", "Tcp") in asked
    assert not asked & folded
