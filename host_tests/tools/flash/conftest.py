# SPDX-License-Identifier: MIT
"""Sources do not change while tests run: each one is read for its imports once, not per image."""

import functools

import pytest

from tools.flash import needed


@pytest.fixture(scope="session", autouse=True)
def imports_read_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needed, "imports", functools.cache(needed.imports))
        yield
