# SPDX-License-Identifier: MIT
"""SPI framing and HomePlug messages against arbitrary input: the fuzzer's corpus, damaged copies
of it, short and long fuzzing.
"""

import pytest

from fuzz.plc import targets
from host_tests.fuzzing import corpus, damaged, fuzz

_FILES = corpus("plc", targets.TARGETS)


@pytest.mark.parametrize("name, path", _FILES, ids=lambda x: x if isinstance(x, str) else x.name)
def test_corpus(name, path):
    damaged(targets.TARGETS[name], path)


@pytest.mark.peer
@pytest.mark.parametrize("name", targets.TARGETS)
def test_short_fuzzing(name, tmp_path):
    assert fuzz("plc", name, tmp_path, "-max_total_time=3", "-seed=1", limit=60) > 200


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", targets.TARGETS)
def test_long_fuzzing(name, tmp_path):
    """60 s or more each"""
    assert fuzz("plc", name, tmp_path, "-max_total_time=62", limit=300) > 5000
