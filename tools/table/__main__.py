# SPDX-License-Identifier: MIT
"""`make table`: run the tests that show something, keep what passed, write README's table.

`python -m tools.table FILE...` runs only those; `--no-run` writes the table of the results kept.
"""

import os
import subprocess
import sys

from tools import ROOT, table


def run(files):
    """Run the marked tests of `files` (all where none is given); pytest's exit status."""
    known = {name.split("::")[0] for name in table.marks()}
    files = files or sorted(known)
    if len(files) == len(known):  # a whole run starts from nothing
        table.SHOWN.write_text("{}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-m", "shows", *files]
    env = dict(os.environ, UEVCC_SHOWN=str(table.SHOWN))
    return subprocess.run(command, cwd=ROOT, env=env, timeout=3600).returncode


def main(argv):
    status = 0 if "--no-run" in argv else run([a for a in argv if a != "--no-run"])
    shown = table.results()
    marked = table.marks()
    table.save({name: rows for name, rows in shown.items() if name in marked})
    old = table.README.read_text(encoding="utf-8")
    table.README.write_text(table.inserted(old, table.text(table.results())), encoding="utf-8")
    for words in table.stale(table.results(), marked):
        print(words, file=sys.stderr)
        status = status or 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
