# SPDX-License-Identifier: MIT
"""`python -m tools.bench [--json] [--only PART] [--update]`: one table of all figures.

Each figure stands beside its goal and beside the committed one of `bench.json`; more than 5 %
worse is marked. With CI set, a missing figure is a failure; a goal that is not met never is.
"""

import argparse
import importlib
import json
import os
import pkgutil
import sys

from tools import ROOT, bench

COMMITTED = ROOT / "bench.json"
TOLERANCE = 0.05


def parts():
    """Names of the modules that have rows."""
    names = [module.name for module in pkgutil.iter_modules(bench.__path__)]
    return [name for name in names if not name.startswith("_")]


def collect(names):
    """Rows of the named parts, with their `part`; a part that fails is one row without value."""
    rows = []
    for name in names:
        try:
            found = importlib.import_module(f"tools.bench.{name}").rows()
        except Exception as error:  # one part's trouble must not hide the others' figures
            text = f"{type(error).__name__}: {error}"
            found = [dict(name=f"{name}: all", value=None, unit="", goal=None, why=text)]
        rows += [dict(row, part=name) for row in found]
    return rows


def met(row):
    """True, False, or None without goal or value."""
    goal, value = row.get("goal"), row.get("value")
    if goal is None or value is None:
        return None
    sign, _, limit = str(goal).rpartition(" ")
    return value >= float(limit) if sign == ">=" else value <= float(limit)


def change(row, before):
    """How much worse than the committed figure, as a fraction (negative: better), or None."""
    old, new = before.get("value"), row.get("value")
    if old is None or new is None or not old:
        return None
    if row.get("noisy") or row.get("unit") == "times":  # ratios of wall-clock times
        return None
    if row.get("unit") != before.get("unit"):
        return None
    worse = (new - old) / abs(old)
    return -worse if str(row.get("goal")).startswith(">=") else worse


def number(value):
    if value is None:
        return "-"
    if isinstance(value, float) and value < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def table(rows, before):
    """The lines to print."""
    width = max((len(row["name"]) for row in rows), default=10)
    lines = [f"{'figure':{width}} {'value':>13} {'unit':12} {'goal':>14}  committed"]
    part = None
    for row in rows:
        if row["part"] != part:
            part = row["part"]
            lines.append(f"-- {part}")
        good = met(row)
        sign, _, limit = str(row["goal"] or "").rpartition(" ")
        goal = f"{sign or '<='} {number(float(limit))}" if limit else ""
        text = f"{row['name']:{width}} {number(row['value']):>13} {row['unit']:12} {goal:>14}"
        text += {True: "  met", False: "  NOT MET", None: ""}[good]
        if row["value"] is None:
            text += "  missing: " + row.get("why", "not measured")
        delta = change(row, before.get(row["name"], {}))
        if delta is not None and abs(delta) > 0.0005:
            text += f"  {'worse' if delta > 0 else 'better'} by {abs(delta) * 100:.1f} %"
            if delta > TOLERANCE:
                text += " (over 5 %)"
        elif row["name"] not in before and row["value"] is not None:
            text += "  new"
        lines.append(text.rstrip())
    return lines


def missing(rows, before, names):
    """Names of rows without value, and of committed rows that are not there any more."""
    have = {row["name"]: row["value"] for row in rows}
    gone = [name for name, row in before.items() if row["part"] in names and name not in have]
    return gone + [name for name, value in have.items() if value is None]


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", action="append", metavar="PART", help=", ".join(parts()))
    parser.add_argument("--update", action="store_true", help="write bench.json")
    arguments = parser.parse_args(argv)
    names = arguments.only or parts()
    if unknown := [name for name in names if name not in parts()]:
        print(f"no part {', '.join(unknown)}; there are: {', '.join(parts())}", file=sys.stderr)
        return 2
    before = json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {}
    rows = collect(names)
    if arguments.json:
        print(json.dumps(rows, indent=1))
    else:
        print("\n".join(table(rows, before)))
    absent = missing(rows, before, names)
    if arguments.update:
        keep = {name: row for name, row in before.items() if row["part"] not in names}
        keys = ("part", "value", "unit", "goal", "noisy")
        for row in rows:
            if row["value"] is not None:
                keep[row["name"]] = {key: row[key] for key in keys if key in row}
        COMMITTED.write_text(json.dumps(dict(sorted(keep.items())), indent=1) + "\n")
    if absent and not arguments.update:
        print(f"missing: {', '.join(absent)}", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
