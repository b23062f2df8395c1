# SPDX-License-Identifier: MIT
"""README's table, the results that it is made of, and the marks of the tests fit each other."""

import pytest

from tools import table


def test_the_committed_table_is_fresh():
    shown = table.results()
    assert table.stale(shown, table.marks()) == []
    readme = table.README.read_text(encoding="utf-8")
    assert readme == table.inserted(readme, table.text(shown)), "run: make table"


MARKED = {"t.py::test_x": [("DC", "{mode}", "EcoG SECC")]}


def test_results_and_marks_that_do_not_fit_are_told():
    good = {"t.py::test_x": [["DC", "Scheduled", "EcoG SECC"]]}
    assert table.stale(good, MARKED) == []
    assert "no passed result" in table.stale({}, MARKED)[0]
    assert "has no mark" in table.stale({**good, "t.py::test_y": []}, MARKED)[0]
    other = {"t.py::test_x": [["DC", "Scheduled", "our station"]]}
    assert len(table.stale(other, MARKED)) == 2
    unknown = {"t.py::test_x": [["Tea", "", "EcoG SECC"]]}
    wrong = table.stale(unknown, {"t.py::test_x": [("Tea", "", "EcoG SECC")]})
    assert "no row or peer" in wrong[0]


def test_our_own_station_counts_as_unproven():
    shown = {"a": [["DC", "x", "EcoG SECC"], ["MCS", "y", "our station"]]}
    lines = table.text(shown).splitlines()
    cells = {line.split(" | ")[1]: line.split(" | ")[2:] for line in lines[2:]}
    assert cells["DC"][0] == "EcoG SECC (x)" and "our" not in cells["DC"][1]
    assert cells["MCS"][0] == "" and cells["MCS"][1].startswith("our station (y)")
    assert cells["AC"][0] == "nothing yet"


def test_a_mark_names_its_peer():
    with pytest.raises(ValueError, match="no peer"):
        table.claim("DC")


def test_readme_without_its_marks_is_refused():
    with pytest.raises(ValueError):
        table.inserted("no marks", "t")
