# SPDX-License-Identifier: MIT
"""`python -m tools.peers`: what is there. `python -m tools.peers fetch [NAME...|all]`: get it."""

import argparse
import sys
import time

from . import PEERS
from .base import FetchError


def show():
    for peer in PEERS.values():
        state = "present" if peer.missing() is None else "missing: " + peer.how
        print(f"{peer.name:18} {peer.version:20} {peer.text:48} {state}")


def fetch(names):
    """Get the named peers (all without a name); the number of failures."""
    wanted = []
    for name in names or PEERS:
        for one in (*PEERS[name].needs, name):
            if one not in wanted:
                wanted.append(one)
    failed = 0
    for name in wanted:
        peer = PEERS[name]
        if peer.missing() is None:
            continue
        print(f"fetching {name} ...", end=" ", flush=True)
        begin = time.monotonic()
        try:
            peer.fetch()
            print(f"{time.monotonic() - begin:.0f} s")
        except FetchError as error:
            failed += 1
            print(f"failed\n  {error}")
    return failed


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.peers", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    getter = commands.add_parser("fetch", help="get peers into .peers/ (no root needed for most)")
    getter.add_argument("names", nargs="*", metavar="NAME", help="none or 'all': all of them")
    arguments = parser.parse_args(argv)
    if arguments.command != "fetch":
        show()
        return 0
    names = [] if arguments.names == ["all"] else arguments.names
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        print(f"no peer {', '.join(unknown)}; there are: {', '.join(PEERS)}", file=sys.stderr)
        return 2
    return 1 if fetch(names) else 0


if __name__ == "__main__":
    sys.exit(main())
