# SPDX-License-Identifier: MIT
"""SPI framing and HomePlug messages against arbitrary input: the fuzzer's corpus, damaged copies
of it, short and long fuzzing.
"""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.plc import targets
from tools import ROOT

_CORPUS = ROOT / "fuzz" / "plc" / "corpus"
_FILES = [(name, path) for name in targets.TARGETS for path in sorted((_CORPUS / name).iterdir())]


@pytest.mark.parametrize("name, path", _FILES, ids=lambda x: x if isinstance(x, str) else x.name)
def test_corpus(name, path):
    target, data = targets.TARGETS[name], path.read_bytes()
    target(data)
    for end in range(0, len(data), 1 + len(data) // 40):
        target(data[:end])
    rng = random.Random(path.name)
    for _ in range(60):
        b = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            b[rng.randrange(len(b))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        target(bytes(b))


def _fuzz(name, folder, *options, limit):
    pytest.importorskip("atheris")
    done = subprocess.run(
        [sys.executable, ROOT / "fuzz" / "plc" / "fuzz_plc.py", name, *options],
        cwd=folder,
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


@pytest.mark.parametrize("name", targets.TARGETS)
def test_short_fuzzing(name, tmp_path):
    assert _fuzz(name, tmp_path, "-max_total_time=3", "-seed=1", limit=60) > 200


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", targets.TARGETS)
def test_long_fuzzing(name, tmp_path):
    """60 s or more each"""
    assert _fuzz(name, tmp_path, "-max_total_time=62", limit=300) > 5000
