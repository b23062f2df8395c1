# SPDX-License-Identifier: MIT
import random

import pytest
from evcc.net import checksum

from host_tests.net.frames import ones_sum


@pytest.mark.parametrize("n", [0, 1, 2, 3, 20, 255, 256, 257, 511, 513, 1500])
def test_like_rfc_1071(n):
    rng = random.Random(n)
    for _ in range(20):
        data = rng.randbytes(n)
        start = rng.randrange(1, 2000)
        total = checksum.add(memoryview(data), start)
        want = ones_sum(data)
        assert (total - start - want) % 0xFFFF == 0
        assert total < 1 << 30  # a small integer on every machine


def test_field_makes_it_good():
    for total in (1, 2, 0xFFFE, 0xFFFF, 0x10000, 0x12345, 0x1FFFE):
        c = checksum.field(total)
        assert 0 <= c < 0xFFFF
        assert (total + c) % 0xFFFF == 0


def test_field_is_the_standard_one_where_there_are_two_zeros():
    assert checksum.field(0xFFFF) == 0  # ~0xFFFF, what others compute and may compare with
