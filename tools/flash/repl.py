# SPDX-License-Identifier: MIT
"""`make repl [PORT=...]`: mpremote's REPL on the board, without a reset, so a session goes on.

While the device runs, its console answers there (`status()`, `stop()` and the like); at rest
Ctrl-C leaves to Python's own prompt.
"""

import argparse
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
        from mpremote import main as mpremote

        # its repl sends nothing of its own: no Ctrl-C, no reset
        sys.argv = ["mpremote", "connect", port, "repl"]
        return mpremote.main()
    except FlashError as error:
        print(f"repl: {error}", file=sys.stderr)
    except KeyboardInterrupt:  # before it listens to the keyboard itself
        return 130
    except OSError as error:  # as it closes a port that is not there any more
        print(f"\nrepl: the port went away ({error})", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
