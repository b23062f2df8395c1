# SPDX-License-Identifier: MIT
"""Scenario files: a station's settings, its power over time and its faults, in TOML.

`load(path)` gives a Scenario or raises ScenarioError, whose text names file, line, key, reason
and what is allowed. The reference of the file format is in README.md, made from the same tables.
"""

from tools.charger.faults import ACTIONS, TIMED, Fault, Faults
from tools.charger.power import PowerPlan
from tools.charger.secc import config, flow
from tools.charger.secc.session import NOTIFICATIONS
from tools.charger.toml_lines import TomlError, parse

_POWER = ("steps", "ramp_W_s", "stop_s", "stop")
_TRIGGER = ("do", "at", "nth", "times", "after_s")


class ScenarioError(ValueError):
    """str(): "file:line: what is wrong; what is allowed"."""


class Scenario:
    """title, config (SeccConfig), plan (PowerPlan), and `faults()`: a fresh set per session."""

    def __init__(self, title="", settings=None, plan=None, rows=()):
        self.title = title
        self.config = config.SeccConfig(**(settings or {}))
        self.plan = plan or PowerPlan()
        self.rows = list(rows)

    def faults(self):
        return Faults(Fault(**row) for row in self.rows)


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot read: {error}") from None
    return loads(text, str(path))


def loads(text, name="scenario"):
    """A Scenario from text; `name` stands for the file in error messages."""
    try:
        tables, lines = parse(text)
        return _build(tables, lines)
    except TomlError as error:
        raise ScenarioError(f"{name}:{error.line}: {error.reason}") from None


def _build(tables, lines):
    _known("", tables[""], ("title",), lines)
    for table in tables:
        if table not in ("", "station", "power", "fault"):
            line = lines.get((table,)) or lines[(table, 0)]
            raise TomlError(line, f"unknown table [{table}]; allowed: station, power, fault")
    for table in ("station", "power"):
        if isinstance(tables.get(table), list):
            raise TomlError(lines[(table, 0)], f"[[{table}]]: write [{table}]")
    if isinstance(tables.get("fault"), dict):
        raise TomlError(lines[("fault",)], "[fault]: write [[fault]], one for each")
    settings = tables.get("station", {})
    for key, value in settings.items():
        try:
            config.SeccConfig().set(key, value)
        except ValueError as error:
            raise TomlError(lines[("station", key)], str(error)) from None
    rows = tables.get("fault", [])
    for i, row in enumerate(rows):
        _fault(row, i, lines)
    title = tables[""].get("title", "")
    return Scenario(str(title), settings, _plan(tables.get("power", {}), lines), rows)


def _known(table, row, allowed, lines, path=None):
    for key in row:
        if key not in allowed:
            line = lines[(path or (table,)) + (key,)]
            raise TomlError(line, f"unknown key {key!r}; allowed: {', '.join(allowed)}")


def _plan(row, lines):
    _known("power", row, _POWER, lines)
    values = {"steps": [[0, 11000]], **row}
    for key in ("ramp_W_s", "stop_s"):
        value = row.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise TomlError(lines[("power", key)], f"{key}: {value!r} is not a number >= 0")
    if values.get("stop", "Terminate") not in NOTIFICATIONS:
        allowed = ", ".join(NOTIFICATIONS)
        line = lines[("power", "stop")]
        raise TomlError(line, f"stop: {values['stop']!r}; allowed: {allowed}")
    try:
        return PowerPlan(**values)
    except (ValueError, TypeError) as error:
        line = lines.get(("power", "steps"), lines.get(("power",), 1))
        shape = isinstance(error, TypeError) or "unpack" in str(error)
        reason = "expected [[seconds, watts], ...]" if shape else error
        raise TomlError(line, f"steps: {reason}") from None


def _fault(row, i, lines):
    here = lines[("fault", i)]

    def bad(key, reason):
        raise TomlError(lines.get(("fault", i, key), here), reason)

    do = row.get("do")
    if do not in ACTIONS:
        bad("do", f"do: {do!r} is no fault; allowed: {', '.join(ACTIONS)}")
    parameters = ACTIONS[do][0]
    _known("fault", row, _TRIGGER + tuple(parameters), lines, ("fault", i))
    if ("at" in row) == ("after_s" in row):
        bad("at", f"{do}: give either at = a message, or after_s = seconds in the charge loop")
    if "after_s" in row and do not in TIMED:
        bad("after_s", f"{do} spoils an answer: use at; after_s works with {', '.join(TIMED)}")
    if "at" in row and row["at"] not in flow.MESSAGES:
        bad("at", f"at: {row['at']!r} is no message; allowed: {', '.join(flow.MESSAGES)}")
    for key, least in (("nth", 1), ("times", 0), ("after_s", 0)):
        value = row.get(key, least)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < least:
            bad(key, f"{key}: {value!r} is not a number >= {least}")
    for key, (kind, default) in parameters.items():
        if key not in row:
            if default is None:
                bad("do", f"{do} needs {key}{_choices(kind)}")
            continue
        value = row[key]
        if isinstance(kind, tuple):
            if value not in kind:
                bad(key, f"{key}: {value!r}{_choices(kind)}")
        elif kind is str:
            if not isinstance(value, str):
                bad(key, f"{key}: {value!r} is not a string")
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            bad(key, f"{key}: {value!r} is not a number")
        elif kind is int and (not isinstance(value, int) or value < 0):
            bad(key, f"{key}: {value!r} is not a whole number >= 0")


def _choices(kind):
    return f"; allowed: {', '.join(kind)}" if isinstance(kind, tuple) else ""
