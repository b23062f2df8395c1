# SPDX-License-Identifier: MIT
"""`python -m tools.pki make DIR` makes a throw-away PKI; `show DIR` explains one."""

import argparse
import sys

from tools.pki.show import show


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.pki", description=__doc__)
    sub = parser.add_subparsers(dest="command", required=True)
    a = sub.add_parser("make", help="make a throw-away PKI for car and emulated station")
    a.add_argument("dir")
    a.add_argument("--kind", choices=("P-521", "Ed448", "P-256"), default="P-521")
    a.add_argument("--days", type=int, default=365, help="validity; negative: already expired")
    a.add_argument("--subs", type=int, choices=range(4), default=2, help="sub CAs in a chain")
    a.add_argument("--evccid", default="TESTEVCC0000001", help="common name of the vehicle")
    a = sub.add_parser("show", help="explain a PKI folder")
    a.add_argument("dir")
    args = parser.parse_args(arguments)
    if args.command == "make":
        try:
            from tools.pki.maker import make
        except ImportError:
            print("the package cryptography is missing: pip install cryptography", file=sys.stderr)
            return 2
        try:
            make(args.dir, args.kind, args.days, args.subs, args.evccid)
        except OSError as e:
            print("cannot write to %s: %s" % (args.dir, e), file=sys.stderr)
            return 2
        print("made a throw-away PKI (%s keys, TEST only) in %s" % (args.kind, args.dir))
    lines, faults = show(args.dir)
    print("\n".join(lines))
    if faults:
        print("%d things are wrong or missing" % faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
