# SPDX-License-Identifier: MIT
"""The committed example is what the table says, and loads."""

from evcc import params_board, params_ems
from evcc.params import TABLE, load

from tools.settings_example import PATH, text


def test_is_fresh_and_loads():
    assert PATH.read_text(encoding="utf-8") == text(), "run python -m tools.settings_example"
    settings = load(text())
    for name, default, *_ in TABLE + params_board.TABLE + params_ems.TABLE:
        assert getattr(settings, name) == default
