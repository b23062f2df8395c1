# SPDX-License-Identifier: MIT
"""The committed reference pages are those that the tables make, and say what they have to say."""

import pytest
from evcc.reason_texts import ROWS, number
from evcc.reasons import GOOD

from tools.pages import pages, reasons, settings, times


@pytest.mark.parametrize("name", ["STOP_REASONS", "SETTINGS", "TIMES", "STATES"])
def test_committed_page_is_fresh(name):
    path, text = next((p, t) for p, t in pages().items() if p.stem == name)
    assert path.read_text(encoding="utf-8") == text, "run: python -m tools.pages"


def cells(text, first):
    """The cells of the row that begins with `first`."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_field_values_of_the_timing_table():
    page = times.text()
    assert cells(page, "DC_ChargeLoop")[1:3] == ["0.5", "2"]
    assert cells(page, "DC_PreCharge")[3:5] == ["10 (`precharge_s`)", "30"]
    for name in ("DC_ChargeParameterDiscovery", "AC_ChargeParameterDiscovery", "PowerDelivery"):
        assert cells(page, name)[1] == "2" and 5 <= float(cells(page, name)[2]) <= 6
        assert cells(page, name)[6]


def test_field_value_without_a_reason_is_refused():
    row = ("SessionSetup", 0, 2000, None, 4000, None, "")
    with pytest.raises(ValueError, match="reason"):
        times.why(row)


def test_every_reason_tells_what_to_do():
    assert set(reasons.ADVICE) == {name for _, name, _ in ROWS}
    page = reasons.text()
    assert cells(page, "21")[1:3] == ["`MESSAGE_TIMEOUT`", "`MESSAGE_TIMEOUT`"]
    for name in GOOD:
        assert cells(page, number(name))[2].startswith("none")


def test_settings_as_they_are_written():
    page = settings.text()
    assert cells(page, "`sdp_tls`")[1] == "`true`"
    assert "`strict`, `field`" in cells(page, "`timing_profile`")[2]
