# SPDX-License-Identifier: MIT
"""The parameter tables as documents want them: with the meaning, which is a comment in the source.

A device shows no meanings, so they cost it nothing.
"""

import ast
import io
import tokenize
from pathlib import Path


def rows():
    """(name, default, lowest or choices, highest, unit, meaning) of every setting."""
    from evcc import params, params_board, params_ems

    found = []
    for module in (params, params_board, params_ems):
        meanings = comments(Path(module.__file__).read_text(encoding="utf-8"))
        for row, meaning in zip(module.TABLE, meanings, strict=True):
            found.append((*row, *params._REST[len(row) - 2 :], meaning))
    return found


def comments(source):
    """The comment behind each row of a source's TABLE, or those above it, as one text each."""
    words = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            words[token.start[0]] = token.string.lstrip("# ")
    table = next(
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "TABLE"
    )
    lines = [""] + source.splitlines()
    found = []
    for row in table.elts:
        text = [words[row.end_lineno]] if row.end_lineno in words else []
        above = row.lineno - 1
        while lines[above].lstrip().startswith("#") and row.end_lineno not in words:
            text.insert(0, words[above])
            above -= 1
        found.append(" ".join(text))
    return found
