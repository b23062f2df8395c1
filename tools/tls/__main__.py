# SPDX-License-Identifier: MIT
"""`python -m tools.tls HOST PORT --interface IF --pki DIR`: probe the TLS of a station."""

import argparse
import sys

from tools.tls.probe import Probe, objections, report


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.tls", description=__doc__)
    parser.add_argument("host", help="name or address; IPv6 link-local too")
    parser.add_argument("port", type=int)
    parser.add_argument("--interface", help="for link-local addresses: eth0")
    parser.add_argument("--pki", help="folder with v2g_root/ and vehicle.der, .key, see tools.pki")
    parser.add_argument("--profile", choices=("strict", "bench"), default="strict")
    parser.add_argument(
        "--tls12", action="store_true", help="offer TLS 1.2 too: which one does the station take?"
    )
    parser.add_argument("--timeout", type=int, default=10, help="seconds")
    args = parser.parse_args(arguments)
    from evcc.pki import CertificateError

    try:
        probe = Probe(
            args.host, args.port, args.interface, args.pki, args.profile, args.timeout, args.tls12
        )
    except CertificateError as e:
        print(e, file=sys.stderr)
        return 2
    good = probe.run()
    print("\n".join(report(probe)))
    return 0 if good and not objections(probe) else 1


if __name__ == "__main__":
    sys.exit(main())
