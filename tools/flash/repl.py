# SPDX-License-Identifier: MIT
"""`make repl [PORT=...]`: mpremote's REPL on the board, without a reset, so a session goes on.

While the device runs, its console answers there (`status()`, `stop()` and the like); at rest
Ctrl-C leaves to Python's own prompt.
"""

import argparse
import subprocess
import sys

from . import FlashError
from .link import check_port, find


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.flash.repl", description=__doc__)
    parser.add_argument("--port")
    arguments = parser.parse_args(argv)
    try:
        port = find(arguments.port or None)
        check_port(port)
    except FlashError as error:
        print(f"repl: {error}", file=sys.stderr)
        return 1
    # mpremote's repl sends nothing of its own: no Ctrl-C, no reset
    return subprocess.call([sys.executable, "-m", "mpremote", "connect", port, "repl"])


if __name__ == "__main__":
    sys.exit(main())
