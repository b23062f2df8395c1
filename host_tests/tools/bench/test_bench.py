# SPDX-License-Identifier: MIT
"""The table: goals, the 5 % rule, and rows that went missing."""

import json

import pytest

from tools.bench import __main__ as bench


def row(name, value, goal=None, **more):
    return dict(name=name, value=value, unit="B", goal=goal, part="x", **more)


def test_goals():
    assert bench.met(row("a", 5, "<= 5")) and not bench.met(row("a", 6, "<= 5"))
    assert bench.met(row("a", 60, ">= 60")) and not bench.met(row("a", 59.9, ">= 60"))
    assert bench.met(row("a", 5)) is None and bench.met(row("a", None, "<= 5")) is None
    assert bench.met(row("a", 5, 5)) is True


def test_five_percent():
    before = {"a": row("a", 100), "b": row("b", 100, ">= 1"), "c": row("c", 100)}
    rows = [row("a", 106), row("b", 94, ">= 1"), row("c", 500, noisy=True), row("d", 1)]
    text = bench.table(rows, before)
    assert "worse by 6.0 % (over 5 %)" in text[2]
    assert "worse by 6.0 % (over 5 %)" in text[3]
    assert "worse" not in text[4] and text[5].endswith("new")
    assert "over" not in bench.table([row("a", 104)], before)[2]


@pytest.mark.parametrize("ci, status", [("true", 1), (None, 0)])
def test_a_missing_row_fails_in_ci_only(ci, status, monkeypatch, tmp_path, capsys):
    committed = tmp_path / "bench.json"
    committed.write_text(json.dumps({"gone": row("gone", 1)}))
    monkeypatch.setattr(bench, "COMMITTED", committed)
    monkeypatch.setattr(bench, "parts", lambda: ["x"])
    monkeypatch.setattr(bench, "collect", lambda names: [row("here", 1), row("none", None)])
    if ci:
        monkeypatch.setenv("CI", ci)
    else:
        monkeypatch.delenv("CI", raising=False)
    assert bench.main([]) == status
    assert "missing: gone, none" in capsys.readouterr().err


def test_update_keeps_other_parts(monkeypatch, tmp_path):
    committed = tmp_path / "bench.json"
    committed.write_text(
        json.dumps({"old": dict(row("old", 1), part="y"), "here": row("here", 9)})
    )
    monkeypatch.setattr(bench, "COMMITTED", committed)
    monkeypatch.setattr(bench, "parts", lambda: ["x", "y"])
    monkeypatch.setattr(bench, "collect", lambda names: [row("here", 1)])
    assert bench.main(["--only", "x", "--update"]) == 0
    written = json.loads(committed.read_text())
    assert written["here"]["value"] == 1 and written["old"]["value"] == 1


def test_trouble_of_one_part_is_one_row():
    (only,) = bench.collect(["nothing_of_that_name"])
    assert only["value"] is None and "nothing_of_that_name" in only["why"]


def test_unknown_part_is_refused(capsys):
    assert bench.main(["--only", "nonsense"]) == 2
    assert "there are: " in capsys.readouterr().err
