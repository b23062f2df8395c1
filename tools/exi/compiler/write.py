# SPDX-License-Identifier: MIT
"""Writes a layout as the modules `_t_<chunk>.py` and the file names.bin of `lib/evcc/exi`."""

from pathlib import Path

from tools import ROOT
from tools.exi.compiler import names
from tools.exi.compiler.layout import CHUNKS, Layout
from tools.exi.compiler.schema import load

TARGET = ROOT / "lib" / "evcc" / "exi"


def literal(data, width=22):
    """Lines of an implicitly joined bytes literal, stable under `ruff format`."""
    rows = [data[i : i + width] for i in range(0, len(data), width)] or [b""]
    return ['    b"' + "".join(f"\\x{b:02x}" for b in row) + '"' for row in rows]


def assign(name, data):
    rows = literal(data)
    if len(rows) == 1:
        return [f"{name} = {rows[0].strip()}"]
    return [f"{name} = (", *rows, ")"]


def module(chunk):
    """The text of one `_t_<chunk>.py`."""
    lines = [
        "# SPDX-License-Identifier: MIT",
        f'"""EXI tables, chunk {chunk.name}: `python -m tools.exi.compiler` makes this file."""',
        "",
        f"PAGE = {chunk.page}",
        f"NAMES = {chunk.names}",
        *assign("T", chunk.table),
    ]
    # one name for all sets: a set's own name, its roots, its fragments, and so on
    lines.append("SETS = (")
    for name, parts in chunk.sets.items():
        lines.append(f'    "{name}",')
        for rows in map(literal, parts):
            if len(rows) == 1:
                lines.append(rows[0] + ",")
            else:
                lines += ["    (", *("    " + row for row in rows), "    ),"]
    lines.append(")")
    return "\n".join(lines) + "\n"


def files(layout):
    """name -> bytes of every generated file."""
    out = {f"_t_{c.name}.py": module(c).encode() for c in layout.chunks}
    out["names.bin"] = names.pack(layout.names)
    return out


def generate(xsd_folder, target=TARGET):
    """Write all files; returns the layout."""
    layout = Layout(load(xsd_folder))
    for name, data in files(layout).items():
        (Path(target) / name).write_bytes(data)
    return layout


__all__ = ["CHUNKS", "Layout", "files", "generate", "load"]
