# SPDX-License-Identifier: MIT
"""`make logs [PORT=...]`: the steps and messages of the device's last session, as text.

It is the same log as `make trace` fetches, without the frames. `--follow` instead shows what the
device writes to its terminal from now on, and disturbs nothing: also while it charges.
"""

import argparse
import sys
import time

from . import FlashError
from .link import check_port, find
from .pcapng import frames
from .trace import fetch


def lines(data):
    """Generator of (seconds since the first frame, "->", "<-" or "", text)."""
    begin = None
    for at, _, comment, _ in frames(data):
        begin = at if begin is None else begin
        for text in comment.splitlines():
            message = text.split(" ")[0].endswith(("Req", "Res"))
            yield at - begin, ("" if not message else "->" if "Req" in text else "<-"), text


def follow(port, write=None, ends=None):
    """Copy what the terminal says until Ctrl-C, or the time `ends` (monotonic)."""
    import serial

    write = write or (lambda text: print(text, end="", flush=True))
    port = find(port)
    check_port(port)
    with serial.Serial(port, exclusive=True, timeout=0.1) as terminal:
        while ends is None or time.monotonic() < ends:
            if data := terminal.read(200):
                write(data.decode(errors="replace"))


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.flash.logs", description=__doc__)
    parser.add_argument("--port")
    parser.add_argument("--follow", "-f", action="store_true", help="the terminal, from now on")
    arguments = parser.parse_args(argv)
    try:
        if arguments.follow:
            follow(arguments.port or None)
            return 0
        count = 0
        for second, way, text in lines(fetch(arguments.port or None)):
            print(f"{second:9.3f} {way:2} {text}")
            count += 1
        if not count:
            print("the log has frames only: nothing was decoded")
    except FlashError as error:
        print(f"logs: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    except OSError as error:
        print(f"logs: the port went away ({error})", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
