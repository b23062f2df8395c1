# SPDX-License-Identifier: MIT
"""The decoder against arbitrary bytes: the fuzzer's corpus again, and short and long fuzzing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.exi import target
from tools import ROOT

_CORPUS = sorted((ROOT / "fuzz" / "exi" / "corpus").iterdir())


def test_the_corpus_reaches_every_set():
    seen = {target.CHOICES[path.read_bytes()[0]] for path in _CORPUS}
    assert seen == set(target.CHOICES)


@pytest.mark.parametrize("path", _CORPUS, ids=lambda path: path.name)
def test_corpus(path):
    assert target.check(path.read_bytes()) == "decoded"


def test_every_prefix_of_the_corpus_is_refused_or_a_message():
    for path in _CORPUS:
        data = path.read_bytes()
        for end in range(1, len(data)):
            assert target.check(data[:end]) == "refused", (path.name, end)


def test_every_flipped_bit_of_the_corpus():
    """A bit error gives another message or an EXIError, nothing else."""
    for path in _CORPUS:
        data = bytearray(path.read_bytes())
        for bit in range(8, 8 * len(data), 1 + len(data) // 8):
            data[bit >> 3] ^= 0x80 >> (bit & 7)
            target.check(bytes(data))
            data[bit >> 3] ^= 0x80 >> (bit & 7)


def _fuzz(folder, *options, limit):
    pytest.importorskip("atheris")
    done = subprocess.run(
        [sys.executable, ROOT / "fuzz" / "exi" / "fuzz_decode.py", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    left = [path for path in Path(folder).iterdir() if path.is_file()]
    told = done.stderr[-3000:] + "".join("\n%s: %s" % (p.name, p.read_bytes().hex()) for p in left)
    assert done.returncode == 0, told
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert runs, told
    return int(runs.group(1))


def test_fuzzing_short(tmp_path):
    assert _fuzz(tmp_path, "-max_total_time=10", "-seed=1", limit=90) > 500


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fuzzing_long(tmp_path):
    """At least 200,000 inputs, or 60 s when the machine needs longer for them."""
    runs = seconds = 0
    while runs < 200_000 and seconds < 60:
        runs += _fuzz(tmp_path, "-max_total_time=30", limit=180)
        seconds += 30
    print("%d inputs" % runs)
