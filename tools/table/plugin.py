# SPDX-License-Identifier: MIT
"""Hooks for pytest: the mark `shows`, what its tests showed, and claims that no test backs.

With UEVCC_SHOWN naming a file, a run adds what passed to it (and takes out what did not).
"""

import os
from pathlib import Path

import pytest

from tools import table
from tools.table.features import WORDS

_KEY = "shows"
_ran = {}  # "file::function": {(feature, detail, peer): passed so far}


def _name(item):
    return item.nodeid.split("[")[0]


def claims(item):
    """[(feature, detail, peer)] of one test, braces filled with its parameters."""
    values = {k: str(v) for k, v in getattr(item, "callspec", _None).params.items()}
    found = []
    for mark in item.iter_markers(_KEY):
        feature, detail, peer = table.claim(*mark.args, **mark.kwargs)
        feature = feature.format(**values)
        found.append((WORDS.get(feature, feature), detail.format(**values), peer))
    return found


class _None:
    params = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Before any is deselected: every claim of the table needs a test that still exists."""
    here = {}
    for item in items:
        rows = claims(item) if item.get_closest_marker(_KEY) else []
        if rows:
            item.user_properties.append((_KEY, [_name(item), *map(list, rows)]))
            here.setdefault(_name(item), set()).update(rows)
    if os.environ.get("UEVCC_SHOWN") or any("::" in arg for arg in config.args):
        return
    shown = table.results()
    for name, rows in here.items():
        gone = {tuple(row) for row in shown.get(name, ())} - rows
        if gone:
            raise pytest.UsageError(
                f"README's table claims what no test shows any more: {name} {sorted(gone)}; "
                "make table"
            )


def pytest_runtest_logreport(report):
    for key, value in report.user_properties:
        if key == _KEY:
            rows = _ran.setdefault(value[0], {})
            for row in map(tuple, value[1:]):
                if report.failed:
                    rows[row] = False
                elif report.passed and report.when == "call":  # a skipped test shows nothing
                    rows.setdefault(row, True)


def pytest_sessionfinish(session):
    path = os.environ.get("UEVCC_SHOWN")
    if path and _ran and not hasattr(session.config, "workerinput"):
        shown = table.results(Path(path))
        for name, rows in _ran.items():
            shown[name] = [list(row) for row, passed in rows.items() if passed]
        table.save(shown, Path(path))
