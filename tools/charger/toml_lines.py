# SPDX-License-Identifier: MIT
"""A reader for the part of TOML that scenario files use, which remembers line numbers.

Read: comments, `key = value`, `[table]`, `[[array of tables]]`; values: strings in double or
single quotes, integers, floats, booleans, arrays (also over several lines). Not read: dotted and
quoted keys, inline tables, dates, multi-line strings. Python 3.10 has no TOML reader, and the
one of 3.11 tells no line numbers.
"""

import ast
import re

_KEY = re.compile(r"^([A-Za-z0-9_-]+)\s*=\s*(.+)$", re.S)
_TABLE = re.compile(r"^\[(\[?)\s*([A-Za-z0-9_-]+)\s*\](\]?)$")
_WORD = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*|\b(?:true|false)\b")
_BOOLEANS = {"true": "True", "false": "False"}


class TomlError(ValueError):
    """`line` and `reason`; str() names both."""

    def __init__(self, line, reason):
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


def parse(text):
    """(tables, lines): tables: {"": {...}, name: {...} or [{...}, ...]}; lines: the line of each
    key, {("", key): 3, ("fault", 0, key): 9, ("fault", 0): 8}. Raises TomlError."""
    tables, lines = {"": {}}, {}
    current, path = tables[""], ("",)
    pending, start = "", 0
    for n, raw in enumerate(text.splitlines(), 1):
        line = _plain(raw)
        if pending:
            pending += " " + line
        elif line.startswith("["):
            current, path = _header(line, n, tables)
            lines[path] = n
            continue
        elif line:
            pending, start = line, n
        if pending and _depth(pending) <= 0:
            key, value = _pair(pending, start)
            if key in current:
                raise TomlError(start, f"{key} is given twice")
            current[key] = value
            lines[path + (key,)] = start
            pending = ""
    if pending:
        raise TomlError(start, f"the array that begins here is not closed: {pending[:40]}")
    return tables, lines


def _plain(raw):
    """The line without its comment, booleans in Python's spelling; strings stay untouched."""
    return _WORD.sub(
        lambda m: "" if m[0].startswith("#") else _BOOLEANS.get(m[0], m[0]), raw
    ).strip()


def _depth(text):
    bare = _WORD.sub(lambda m: "" if m[0][0] in "\"'" else m[0], text)
    return bare.count("[") - bare.count("]")


def _header(line, n, tables):
    m = _TABLE.match(line)
    if not m or len(m[1]) != len(m[3]):
        raise TomlError(n, f"{line}: expected [name] or [[name]]")
    name = m[2]
    if m[1]:
        rows = tables.setdefault(name, [])
        if not isinstance(rows, list):
            raise TomlError(n, f"[[{name}]] after [{name}]")
        rows.append({})
        return rows[-1], (name, len(rows) - 1)
    if name in tables:
        raise TomlError(n, f"[{name}] is given twice")
    tables[name] = {}
    return tables[name], (name,)


def _pair(text, n):
    m = _KEY.match(text)
    if not m:
        raise TomlError(n, f"{text[:40]}: expected key = value")
    try:
        value = ast.literal_eval(m[2])
    except (ValueError, SyntaxError):
        raise TomlError(n, f"{m[1]}: cannot read {m[2][:40]}; strings need quotes") from None
    if not isinstance(value, (str, int, float, list)):
        raise TomlError(n, f"{m[1]}: {type(value).__name__} is not a value of TOML")
    return m[1], value
