# SPDX-License-Identifier: MIT
"""`make trace [PORT=...]`: the device's log of the last session, as a pcapng file on the PC.

At rest only, as everything that needs the REPL. EVCCID and eMAID are blanked unless `--ids`; TLS
secrets are in it only if the device's key_log says so. The device goes on afterwards.
"""

import argparse
import sys
import time
from pathlib import Path

from . import FlashError
from .link import Link, find
from .pcapng import frames

_ASK = """
import evcc.device as _d
def _trace(ids):
 if _d.current is None:
  return ''
 from evcc import repl
 return repl.trace(None, ids)
"""


def fetch(port, ids=False, progress=lambda n, of: None):
    """The bytes of the file. Raises FlashError."""
    with Link(find(port), reset=False) as link:
        path = link.eval(f"_trace({ids})", _ASK) or link.root + "log/last.pcapng"
        if not path.endswith(".pcapng"):
            raise FlashError(f"{link.port}: {path}")
        return read(link, path, progress)


def read(link, path, progress=lambda n, of: None):
    """A file of the device."""
    try:
        size = link.eval(f"os.stat({path!r})[6]", "import os")
        link.exec(f"_f=open({path!r},'rb')")
        data = b""
        while part := link.eval("_f.read(512)"):
            data += part
            progress(len(data), size)
        link.exec("_f.close()")
    except OSError:
        raise FlashError(f"{link.port}: no {path} on it: no session has ended yet") from None
    return data


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.flash.trace", description=__doc__)
    parser.add_argument("--port")
    parser.add_argument("--ids", action="store_true", help="do not blank EVCCID and eMAID")
    parser.add_argument("-o", "--out", help="file to write; default trace-<time>.pcapng")
    arguments = parser.parse_args(argv)
    out = Path(arguments.out or time.strftime("trace-%Y%m%d-%H%M%S.pcapng"))
    try:
        data = fetch(arguments.port or None, arguments.ids)
        count = len(list(frames(data)))
    except FlashError as error:
        print(f"trace: {error}", file=sys.stderr)
        return 1
    out.write_bytes(data)
    print(f"{out}: {count} frames, {len(data)} bytes; open it with Wireshark")
    return 0


if __name__ == "__main__":
    sys.exit(main())
