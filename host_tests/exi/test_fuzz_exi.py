# SPDX-License-Identifier: MIT
"""The decoder against arbitrary bytes: the fuzzer's corpus again, and short and long fuzzing."""

import pytest

from fuzz.exi import targets
from host_tests.fuzzing import corpus, fuzz

_CORPUS = [path for _, path in corpus("exi", targets.TARGETS)]


def test_the_corpus_reaches_every_set():
    seen = {targets.CHOICES[path.read_bytes()[0]] for path in _CORPUS}
    assert seen == set(targets.CHOICES)


@pytest.mark.parametrize("path", _CORPUS, ids=lambda path: path.name)
def test_corpus(path):
    assert targets.check(path.read_bytes()) == "decoded"


def cut(most):
    """A prefix is refused; about `most` of each message."""
    for path in _CORPUS:
        data = path.read_bytes()
        for end in range(1, len(data), 1 + len(data) // most):
            assert targets.check(data[:end]) == "refused", (path.name, end)


def test_prefixes_of_the_corpus_are_refused():
    cut(40)


def flip(most):
    """A bit error gives another message or an EXIError, nothing else; about `most` a message."""
    for path in _CORPUS:
        data = bytearray(path.read_bytes())
        for bit in range(8, 8 * len(data), 1 + 8 * len(data) // most):
            data[bit >> 3] ^= 0x80 >> (bit & 7)
            targets.check(bytes(data))
            data[bit >> 3] ^= 0x80 >> (bit & 7)


def test_flipped_bits_of_the_corpus():
    flip(24)


@pytest.mark.slow
def test_every_prefix_of_the_corpus_is_refused():
    cut(1 << 20)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_flipped_bits_of_the_corpus():
    flip(500)


@pytest.mark.peer
def test_fuzzing_short(tmp_path):
    assert fuzz("exi", "decode", tmp_path, "-max_total_time=10", "-seed=1", limit=90) > 500


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fuzzing_long(tmp_path):
    """At least 200,000 inputs, or 60 s when the machine needs longer for them."""
    runs = seconds = 0
    while runs < 200_000 and seconds < 60:
        runs += fuzz("exi", "decode", tmp_path, "-max_total_time=30", limit=180)
        seconds += 30
    print("%d inputs" % runs)
