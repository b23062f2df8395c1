# SPDX-License-Identifier: MIT
"""README's table, feature by peer, made from the tests that passed (`make table`).

`shown.json` is the committed result of the last run: for each test function with a `shows` mark
what its passed tests showed. `text()` makes the table of it; a core test compares table, results
and marks, so that none of them can go stale alone.
"""

import ast
import json
import re

from tools import ROOT
from tools.table.features import FEATURES, OWN, PEERS

SHOWN = ROOT / "tools" / "table" / "shown.json"
README = ROOT / "README.md"
BEGIN = "<!-- make table: begin -->"
END = "<!-- make table: end -->"


def results(path=SHOWN):
    """{"file::function": [[feature, detail, peer], ...]}: what passed."""
    return json.loads(path.read_text(encoding="utf-8"))


def save(shown, path=SHOWN):
    rows = [
        f"{json.dumps(name)}: [\n"
        + ",\n".join("  " + json.dumps(row) for row in sorted(shown[name]))
        + "\n]"
        for name in sorted(shown)
        if shown[name]
    ]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def marks(folder=ROOT / "host_tests"):
    """{"file::function": [(feature, detail, peer)]} with braces, by reading the sources."""
    found = {}
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.shows(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                for call in node.decorator_list:
                    if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(
                        "mark.shows"
                    ):
                        name = f"{path.relative_to(ROOT).as_posix()}::{node.name}"
                        found.setdefault(name, []).append(_arguments(call))
    return found


def _arguments(call):
    args = [ast.literal_eval(a) for a in call.args]
    named = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    return claim(*args, **named)


def claim(feature, detail="", peer=None):
    """The arguments of a mark as a tuple; `peer` has to be named."""
    if not peer:
        raise ValueError(f"shows({feature!r}) names no peer")
    return feature, detail, peer


def stale(shown, marked):
    """What does not fit between results and marks, in words; empty when all is well."""
    wrong = []
    features = [feature for _, feature in FEATURES]
    for name in sorted(set(shown) | set(marked)):
        if name not in shown:
            wrong.append(f"{name} has a mark but no passed result")
            continue
        if name not in marked:
            wrong.append(f"{name} is in the results but has no mark")
            continue
        patterns = [_pattern(row) for row in marked[name]]
        for row in shown[name]:
            if not any(pattern.fullmatch(json.dumps(row)) for pattern in patterns):
                wrong.append(f"{name}: no mark for {row}")
            if row[0] not in features or row[2] not in PEERS:
                wrong.append(f"{name}: {row} is no row or peer of tools/table/features.py")
        for row, pattern in zip(marked[name], patterns):
            if not any(pattern.fullmatch(json.dumps(entry)) for entry in shown[name]):
                wrong.append(f"{name}: mark {row} has no passed result")
    return wrong


def _pattern(row):
    parts = re.split(r"\{\w+\}", json.dumps(list(row)))
    return re.compile(".+".join(re.escape(part) for part in parts))


def text(shown):
    """The table in Markdown."""
    lines = [
        "| part | feature | shown against | only our own station, emulation: unproven |",
        "|---|---|---|---|",
    ]
    part_before = None
    for part, feature in FEATURES:
        cells = {}
        for rows in shown.values():
            for name, detail, peer in rows:
                if name == feature:
                    cells.setdefault(peer, set()).add(detail)
        theirs = [_cell(p, cells[p]) for p in PEERS if p in cells and p not in OWN]
        seen = set().union({""} if theirs else (), *(cells[p] for p in cells if p not in OWN))
        ours = [_cell(p, cells[p] - seen) for p in OWN if p in cells and (cells[p] - seen)]
        words = "; ".join(theirs) or ("" if ours else "nothing yet")
        lines.append(
            f"| {part if part != part_before else ''} | {feature} | {words} | {'; '.join(ours)} |"
        )
        part_before = part
    return "\n".join(lines)


def _cell(peer, details):
    details = sorted(details - {""})
    return f"{peer} ({', '.join(details)})" if details else peer


def inserted(readme, table):
    """The README's text with the table between its two marks. Raises ValueError."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"README.md needs {BEGIN} and {END} once each")
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{table}\n{END}{tail}"
