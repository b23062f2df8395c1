# SPDX-License-Identifier: MIT
"""`python -m tools.demo`: plug in, charge, give energy back, stop, unplug; then look at it."""

import argparse
import json
import re
import sys
import time
from pathlib import Path

from tools import ROOT

TLS_HEAP, VM_HEAP = "256k", "128k"
EPILOG = """\
The car's code, the power line, the station and the plant run in simulated time; only the pack may
age faster. Exit status: 0 when the session ended well and every check holds, 1 when not, 2 for a
wrong option."""


class UserError(Exception):
    """What the user has to hear, in one line."""


def parser():
    p = argparse.ArgumentParser(
        prog="python -m tools.demo",
        description="One ISO 15118-20 DC_BPT session in emulation, through every layer.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--seed", type=int, default=1, help="of everything random (default 1)")
    p.add_argument(
        "--pack-speed",
        type=_speed,
        default=60.0,
        metavar="N",
        help="the pack ages N times faster than the clock (default 60: a second is a minute)",
    )
    p.add_argument(
        "--power",
        metavar="T:W,...",
        help="what the station wants, from T seconds on W watts, e.g. 0:11k,45:-10k (default); "
        "positive charges; after 80 s of loop it ends the session",
    )
    p.add_argument("--realtime", action="store_true", help="at the pace of the wall clock")
    p.add_argument(
        "--vm",
        metavar="VM",
        help="run the device code in this MicroPython: a path, or i386 for the fetched one",
    )
    p.add_argument(
        "--heap", type=_heap, help=f"its heap (default {TLS_HEAP}, without TLS {VM_HEAP})"
    )
    p.add_argument("--no-tls", action="store_true", help="without TLS, which -20 wants")
    p.add_argument(
        "--pki",
        type=Path,
        metavar="DIR",
        help="PKI of car and station (default: a throw-away one, made in build/demo_pki)",
    )
    p.add_argument(
        "--out",
        type=Path,
        default=ROOT / "build" / "demo",
        metavar="DIR",
        help="where the files go (default build/demo)",
    )
    p.add_argument("--json", action="store_true", help="print the summary as JSON, nothing else")
    p.add_argument("--no-live", action="store_true", help="no live view")
    return p


def _speed(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0, up to 1000")
    return value


def _heap(text):
    if not re.fullmatch(r"[1-9][0-9]{0,5}[km]?", text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a size such as 128k")
    return text


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        return run(options)
    except UserError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("demo: stopped by hand", file=sys.stderr)
        return 130


def run(options):
    try:
        from rich.console import Console
    except ImportError:
        raise UserError("the package rich is missing; `make demo` installs it") from None

    from tools.charger.tls import TlsError
    from tools.vm import VMError

    from .rig import Rig, default_plan, quiet_logging
    from .view import View

    quiet_logging()
    out = _folder(options.out)
    try:
        plan = default_plan(options.power)
    except ValueError as error:
        raise UserError(f"--power: {error}") from None
    console = Console(stderr=options.json, highlight=False)
    pki = None if options.no_tls else _pki(options.pki, console)
    tls = "mutual TLS 1.3" if pki else "[bold red]WITHOUT TLS[/] (ISO 15118-20 forbids that)"
    console.print(
        f"ISO 15118-20 DC_BPT, {tls}, pack speed x{options.pack_speed:g}, seed {options.seed}"
    )
    began = time.monotonic()
    try:
        rig = Rig(
            options.seed, options.pack_speed, options.realtime, plan, _vm(options.vm),
            heap=options.heap or (TLS_HEAP if pki else VM_HEAP), pki=pki,
        )  # fmt: skip
    except VMError as error:
        raise UserError(f"--vm {options.vm}: {error}") from None
    except TlsError as error:
        raise UserError(f"--pki {options.pki}: {error}") from None
    stopped = False
    try:
        with View(rig, console, live=not (options.no_live or options.json)):
            rig.run()
    except KeyboardInterrupt:
        stopped = True
        rig.outcome = {"result": None, "detail": "stopped by hand"}
    finally:
        rig.close()
    files = _write(rig, out, console)
    status = _tell(rig, files, time.monotonic() - began, options, console)
    return 130 if stopped else status


def _vm(name):
    if name is None:
        return None
    from tools.vm import missing

    if name in ("i386", "armhf"):
        lacking = missing(name)
        if lacking:
            raise UserError(f"--vm {name}: {lacking}")
    elif not Path(name).is_file():
        raise UserError(f"--vm {name}: no such program; give a path, or i386")
    return name


def _pki(folder, console):
    """The PKI to use: the user's, or a throw-away one that is made when it is not there."""
    if folder is not None:
        if not (folder / "v2g_root").is_dir():
            raise UserError(f"--pki {folder}: no PKI there; python -m tools.pki make {folder}")
        return folder
    try:
        from .pki import throw_away
    except ImportError:
        raise UserError("the package cryptography is missing; `make demo` installs it") from None
    folder = ROOT / "build" / "demo_pki"
    try:
        if throw_away(folder):
            console.print(f"made a throw-away PKI, P-521 keys: {_short(folder)}")
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror or error}") from None
    return folder


def _folder(out):
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"--out {out}: {error.strerror or error}; give a folder to write"
        ) from None
    return out


def _write(rig, out, console):
    """The files of the session; returns their paths."""
    from .plot import draw

    record = rig.record
    files = [out / "session.pcapng", out / "session.jsonl", out / "session.png"]
    record.write_pcapng(files[0])
    record.write_jsonl(files[1])
    title = (
        f"uEVCC demo: DC_BPT session over ISO 15118-20, Dynamic, "
        f"{'TLS 1.3' if rig.tls else 'NO TLS'} "
        f"(seed {rig.world.seed}, pack speed x{rig.plant.pack_speed:g})"
    )
    try:
        draw(files[2], record, rig.sampler.samples, title)
    except ImportError:
        console.print("no plot: matplotlib is missing (make venv installs it)")
        files.pop()
    return files


def _tell(rig, files, wall_s, options, console):
    """The summary; returns the exit status."""
    from .report import checks, figures, summary

    data = figures(rig, rig.outcome, checks(rig, rig.outcome))
    data["wall_s"] = round(wall_s, 2)
    data["files"] = [str(path) for path in files]
    if options.json:
        print(json.dumps(data, indent=2))
    else:
        console.print()
        console.print(summary(data, wall_s))
    console.print()
    for path in files:  # whole, however narrow the terminal: people copy them
        console.print(f"file  {_short(path)}", soft_wrap=True, highlight=False)
    return 0 if data["good"] else 1


def _short(path):
    """Relative to here, when that is shorter."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path


if __name__ == "__main__":
    sys.exit(main())
