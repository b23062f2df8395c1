# SPDX-License-Identifier: MIT
"""Shared by the fuzz tests: the corpus, damaged copies of an input, a run of the fuzzer."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import ROOT


def corpus(layer, targets):
    """[(target, file)] of the committed corpus."""
    folder = ROOT / "fuzz" / layer / "corpus"
    return [(name, path) for name in targets for path in sorted((folder / name).iterdir())]


def damaged(target, path):
    """Give `target` the file, its prefixes, and copies with some bytes changed."""
    data = path.read_bytes()
    target(data)
    for end in range(0, len(data), 1 + len(data) // 40):
        target(data[:end])
    rng = random.Random(path.name)
    for _ in range(60):
        b = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            b[rng.randrange(len(b))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        target(bytes(b))


def fuzz(layer, target, folder, *options, limit):
    """Run the fuzzer in `folder` for at most `limit` s; returns how many inputs it tried."""
    pytest.importorskip("atheris")
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.run", layer, target, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    left = [path for path in Path(folder).iterdir() if path.is_file()]
    told = done.stderr[-3000:] + "".join(f"\n{p.name}: {p.read_bytes().hex()}" for p in left)
    assert done.returncode == 0, told
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert runs, told
    return int(runs.group(1))
