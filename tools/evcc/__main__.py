# SPDX-License-Identifier: MIT
"""`python -m tools.evcc`: charge (simulated) at a real or simulated station over a real interface.

The device code runs here on CPython, or with --vm in MicroPython; frames go through AF_PACKET with
our own IPv6, TCP and TLS (settings sdp_tls, pki_dir, tls_profile, ocsp_policy; a PKI to try with:
python -m tools.pki make pki). Car, inlet and pilot are simulated: only communication is
real.
Ends with one line; exit status 0 only for a good end, 1 for a bad one, 2 for a wrong call.
"""

import argparse
import json
import sys
from pathlib import Path

from tools.evcc.run import run_here
from tools.rawlink import LinkError


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m tools.evcc", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--interface", required=True, help="network interface, e.g. eth1")
    parser.add_argument("--settings", help="settings.toml of the car")
    parser.add_argument("--trace", metavar="OUT.pcapng", help="write all frames there")
    parser.add_argument("--no-slac", action="store_true", help="the link is there already")
    parser.add_argument("--vm", metavar="PATH", help="run the device part in this MicroPython")
    parser.add_argument("--loops", type=int, help="stop (as a driver) after N charge loops")
    parser.add_argument("--limit", type=float, default=300, help="give up after so many seconds")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--debug", action="store_true", help="say more")
    return parser.parse_args(argv)


def report(summary, as_json):
    """The one line at the end; returns the exit status."""
    from evcc.reason_texts import text
    from evcc.reasons import GOOD

    good = summary["result"] in GOOD
    if as_json:
        print(json.dumps(summary))
    else:
        if not good:
            print(text(summary["result"]) or "The session gave no reason.")
        detail = f" ({summary['detail']})" if summary["detail"] else ""
        print(
            f"{'OK' if good else 'FAILED'}: {summary['protocol'] or 'no protocol'}"
            f" {summary['service'] or 'no service'} {summary['control_mode'] or ''}"
            f" charged {summary['charged_Wh']:.1f} Wh,"
            f" discharged {summary['discharged_Wh']:.1f} Wh in {summary['loops']} loops,"
            f" stop reason {summary['result']}{detail}"
        )
    return 0 if good else 1


def main(argv=None):
    args = arguments(argv)
    from evcc.params import Params, SettingsError, load

    try:
        if args.settings:
            text = Path(args.settings).read_text(encoding="utf-8")
            params = load(text, source=args.settings)
        else:
            params = Params()
        if args.vm:
            from tools.evcc.in_vm import run_in_vm as run
        else:
            run = run_here
        summary = run(args, params)
    except SettingsError as error:
        print(f"settings refused: {error}", file=sys.stderr)
        return 2
    except (OSError, UnicodeDecodeError) as error:
        print(f"cannot read {args.settings or args.interface}: {error}", file=sys.stderr)
        return 2
    except LinkError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1
    return report(summary, args.json)


if __name__ == "__main__":
    sys.exit(main())
