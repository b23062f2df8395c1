# SPDX-License-Identifier: MIT
"""Bytes of each compiled module of lib/ (bytecode; viper kernels for armv7emsp on top)."""

import tempfile
from pathlib import Path

from tools.vm import LIB, build_mpy


def rows():
    with tempfile.TemporaryDirectory() as folder:
        made = build_mpy(["evcc", "drivers"], folder, arch="armv7emsp")
    found, plain, fast = [], 0, 0
    for name, data in sorted(made.items()):
        viper = "._fast_" in name
        plain += 0 if viper else len(data)
        fast += len(data) if viper else 0
        found.append(dict(name=f".mpy {name}", value=len(data), unit="B", goal=None))
    tables = sum(
        path.stat().st_size
        for path in Path(LIB).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".md", ".pyi", ".pyc")
    )
    found.append(dict(name=".mpy in all, bytecode", value=plain, unit="B", goal=None))
    found.append(dict(name=".mpy in all, viper kernels", value=fast, unit="B", goal=None))
    found.append(dict(name="data files in all", value=tables, unit="B", goal=None))
    return found
