# SPDX-License-Identifier: MIT
"""`python -m tools.boards`: check all boards; make pins.csv, wiring.svg, the page's table."""

import sys

from . import boards, load, problems
from .drawing import svg


def main():
    bad = 0
    for name in boards():
        board = load(name)
        (board.folder / "pins.csv").write_text(board.csv())
        (board.folder / "wiring.svg").write_text(svg(board), encoding="utf-8")
        page = board.folder / "README.md"
        if page.exists():
            head, rest = page.read_text(encoding="utf-8").split("<!-- pins -->\n")
            tail = rest.split("<!-- end -->")[1]
            text = f"{head}<!-- pins -->\n{board.table()}<!-- end -->{tail}"
            page.write_text(text, encoding="utf-8")
        found = list(problems(board))
        bad += len(found)
        print(f"{name}: {len(board.module.PINS)} pins, {'; '.join(found) or 'good'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
