# SPDX-License-Identifier: MIT
"""What no device ever shows is left out of compiled code: the texts of the parameter tables.

The tables (lib/evcc/params*.py) have them for the reference page and for who reads the source.
"""

import ast

TABLES = ("evcc/params.py", "evcc/params_board.py", "evcc/params_ems.py")


def without_texts(source):
    """The source with "" for the last element, a text, of each row of `TABLE`.

    Raises ValueError for a table that is not made of such rows.
    """
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    data = source.encode()
    for text in reversed([row.elts[-1] for row in _rows(source)]):  # from the end: places stay
        if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
            raise ValueError(f"line {text.lineno}: the last element of a row is no text")
        begin = starts[text.lineno - 1] + text.col_offset
        end = starts[text.end_lineno - 1] + text.end_col_offset
        data = data[:begin] + b'""' + data[end:]
    return data.decode()


def _rows(source):
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "TABLE":
            return node.value.elts
    raise ValueError("no TABLE")
