# SPDX-License-Identifier: MIT
"""The reference part of README.md, from the tables in the code.

`python -m tools.charger.reference` writes it into the page, between its two marks.
"""

from pathlib import Path

from tools.charger.faults import ACTIONS, EMULATION_ONLY, TIMED
from tools.charger.secc.config import TABLE

PAGE = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- made by tools.charger.reference -->", "<!-- end -->"


def text():
    """The two tables as Markdown."""
    rows = ["| Setting | Default | Allowed | Meaning |", "|---|---|---|---|"]
    for name, default, limits, meaning in TABLE:
        if isinstance(default, bool):
            allowed = "true, false"
        elif limits is None:
            allowed = "text"
        elif isinstance(limits[0], str):
            allowed = ", ".join(limits)
        else:
            allowed = f"{limits[0]} .. {limits[1]}"
        rows.append(f"| `{name}` | {_toml(default)} | {allowed} | {meaning} |")
    rows += ["", "| `do` | Its keys (default) | What happens | `after_s` |", "|---|---|---|---|"]
    for name, (keys, meaning) in ACTIONS.items():
        listed = ", ".join(_key(k, kind, value) for k, (kind, value) in keys.items())
        where = (
            " (emulation only)" if name in EMULATION_ONLY and "emulation" not in meaning else ""
        )
        timed = "yes" if name in TIMED else ""
        rows.append(f"| `{name}` | {listed} | {meaning}{where} | {timed} |")
    return "\n".join(rows)


def _key(name, kind, default):
    values = ""
    if isinstance(kind, tuple) and len(kind) <= 6:
        values = ": " + ", ".join(kind)
    return f"`{name}`{values}" + ("" if default is None else f" ({default})")


def _toml(value):
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def page(old):
    """The page with the reference renewed."""
    head, _, rest = old.partition(BEGIN)
    return f"{head}{BEGIN}\n{text()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
