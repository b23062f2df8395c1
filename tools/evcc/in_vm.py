# SPDX-License-Identifier: MIT
"""The device part in a MicroPython process: frames and a clock value cross, everything else is in
there. `--vm` takes the program's path, or i386 / armhf for the fetched ones.
"""

from pathlib import Path

from evcc.params import parse_mac

from tools.evcc.run import Recorder, clock
from tools.rawlink import LinkError, RawLink
from tools.vm import ARCH, VMError
from tools.vm.frames import run_frames
from tools.vm.process import Ended


def run_in_vm(args, params):
    """One session; returns the controller's summary. Raises LinkError."""
    if args.vm not in ARCH and not Path(args.vm).is_file():
        raise LinkError(f"--vm {args.vm}: no such program; give a path, or i386")
    if not args.no_slac:
        raise LinkError("--vm works on a link that is there already: give --no-slac too")
    if params.sdp_tls and not Path(params.pki_dir).is_dir():
        raise LinkError(
            f"pki_dir: no folder {params.pki_dir}; python -m tools.pki make {params.pki_dir}"
        )
    link = RawLink(args.interface, parse_mac(params.mac), (0x86DD, 0x88E1))
    trace = Recorder(args.trace, args.interface, clock) if args.trace else None

    def show(line):
        words = line.split(" ", 3)
        print(f"{words[2]}: {words[3]}" if words[0] == "L" and len(words) == 4 else line)

    try:
        return run_frames(
            link,
            params,
            machine=args.vm,
            loops=args.loops,
            limit_s=args.limit,
            lines=None if args.json else show,
            trace=trace,
            log=10 if args.debug else 20,
        )
    except (Ended, VMError) as error:
        raise LinkError(str(error)) from None
    finally:
        if trace:
            trace.close()
        link.close()
