# SPDX-License-Identifier: MIT
"""lib/evcc/SETTINGS.md: every parameter of the table with default, range and meaning."""

from tools import settings_table

HEAD = """# Settings

Every key of settings.toml. An unknown key, a value of the wrong kind or one out of its range is
refused with its line, and the car does not charge. Examples: `firmware/settings.example.toml`.

Made by `python -m tools.pages` from the tables in params*.py.

| key | default | range | meaning |
|---|---|---|---|
"""


def text():
    lines = []
    for name, default, low, high, unit, words in settings_table.rows():
        if isinstance(low, tuple):
            limits = ", ".join(f"`{x}`" for x in low)
        else:
            limits = "" if low is None else f"{low:g} to {high:g}"
        lines.append(f"| `{name}` | {value(default)} | {limits} {unit} | {words} |")
    return HEAD + "\n".join(" ".join(line.split()) for line in lines) + "\n"


def value(default):
    """A value as settings.toml has it."""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f'`"{default}"`' if isinstance(default, str) else f"`{default!r}`"
