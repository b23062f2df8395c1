# SPDX-License-Identifier: MIT
"""The mark `shows`: what a test claims, what its outcome leaves of that, claims without a test."""

from types import SimpleNamespace

import pytest

from tools import table
from tools.table import plugin


def item(name="t.py::test_x", mode="Scheduled"):
    mark = SimpleNamespace(args=("DC", "{mode}"), kwargs={"peer": "EcoG SECC"})
    return SimpleNamespace(
        nodeid=f"{name}[{mode}]",
        callspec=SimpleNamespace(params={"mode": mode}),
        iter_markers=lambda key: [mark],
        get_closest_marker=lambda key: mark,
        user_properties=[],
    )


CONFIG = SimpleNamespace(args=["host_tests"])


def test_parameters_fill_the_braces():
    assert plugin.claims(item()) == [("DC", "Scheduled", "EcoG SECC")]
    short = item(mode="withheld")
    short.iter_markers = lambda key: [SimpleNamespace(args=("{mode}",), kwargs={"peer": "p"})]
    assert plugin.claims(short) == [("answer withheld", "", "p")]


def test_a_claim_that_no_test_shows_ends_the_run(monkeypatch):
    monkeypatch.delenv("UEVCC_SHOWN", raising=False)
    rows = [["DC", "Scheduled", "EcoG SECC"], ["DC", "Dynamic", "EcoG SECC"]]
    monkeypatch.setattr(table, "results", lambda: {"t.py::test_x": rows})
    both = [item(), item(mode="Dynamic")]
    plugin.pytest_collection_modifyitems(CONFIG, both)
    assert both[0].user_properties == [("shows", ["t.py::test_x", rows[0]])]
    with pytest.raises(pytest.UsageError, match="Dynamic"):
        plugin.pytest_collection_modifyitems(CONFIG, [item()])
    part = SimpleNamespace(args=["t.py::test_x[Scheduled]"])
    plugin.pytest_collection_modifyitems(part, [item()])  # one test asked for by name


def report(outcome, when="call"):
    properties = [("shows", ["t.py::test_x", ["DC", "Scheduled", "EcoG SECC"]])]
    return SimpleNamespace(
        user_properties=properties,
        when=when,
        passed=outcome == "passed",
        failed=outcome == "failed",
    )


@pytest.mark.parametrize(
    "outcomes, kept",
    [
        (["passed"], True),
        (["passed", "failed"], False),
        (["failed", "passed"], False),
        (["skipped"], None),
        (["skipped", "passed"], True),
    ],
)
def test_only_what_passed_is_shown(monkeypatch, outcomes, kept):
    monkeypatch.setattr(plugin, "_ran", {})
    for outcome in outcomes:
        plugin.pytest_runtest_logreport(report(outcome))
    rows = plugin._ran["t.py::test_x"]
    assert rows.get(("DC", "Scheduled", "EcoG SECC")) is kept
