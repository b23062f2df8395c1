# SPDX-License-Identifier: MIT
"""`make selftest [PORT=...]`: is the board wired and ready? A table of good, not wired, wrong.

The device does the looking (evcc.selftest) and nothing is switched; here is the table. At rest
only. Status 1 when something is wrong, 0 otherwise.
"""

import argparse
import ast
import sys

from . import FlashError
from .link import Link, find

_CODE = """
import evcc.device as _d
def _rows():
 from evcc import repl
 if _d.current is None:
  import uevcc_board
  uevcc_board.safe()
  from evcc.boot import boot
  boot(uevcc_board)
 repl.gate()
 from evcc.selftest import rows
 for row in rows(_d.current):
  print(repr(tuple(row)))
_rows()
"""
_STYLES = {"good": "green", "not wired": "yellow", "wrong": "bold red"}


def rows(port):
    """[(what, verdict, text)] of the device. Raises FlashError."""
    with Link(find(port), reset=False) as link:
        told = link.exec(_CODE)
    found = []
    for line in told.splitlines():
        try:
            row = ast.literal_eval(line)
        except (ValueError, SyntaxError):
            continue  # somebody's print
        if isinstance(row, tuple) and len(row) == 3:
            found.append(row)
    if not found:
        raise FlashError(f"no table came back: {told.strip()[-200:]!r}")
    return found


def table(found):
    """The rows as rich shows them."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None)
    for name in ("what", "verdict", ""):
        shown.add_column(name, no_wrap=bool(name))
    for what, verdict, text in found:
        shown.add_row(what, Text(verdict, style=_STYLES.get(verdict, "")), Text(str(text)))
    return shown


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.flash.selftest", description=__doc__)
    parser.add_argument("--port")
    arguments = parser.parse_args(argv)
    from rich.console import Console

    try:
        found = rows(arguments.port or None)
    except FlashError as error:
        print(f"selftest: {error}", file=sys.stderr)
        return 1
    Console(highlight=False).print(table(found))
    return 1 if any(verdict == "wrong" for _, verdict, _ in found) else 0


if __name__ == "__main__":
    sys.exit(main())
