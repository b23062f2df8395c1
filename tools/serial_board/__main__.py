# SPDX-License-Identifier: MIT
"""`python -m tools.serial_board [FOLDER]`: a board without a board, until Ctrl-C; prints its port.

The flash stays in FOLDER (default build/board). Then in another terminal:
`mpremote connect PORT`, `make flash BOARD=EMULATED PORT=...`. With --world there are modem, pilot,
power line and station behind it, and Enter puts the plug in and draws it.
"""

import argparse
import select
import sys
import time

from tools import ROOT

from . import BoardError, SerialBoard

_PACE_MS = 20


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.serial_board", description=__doc__)
    parser.add_argument("folder", nargs="?", default=ROOT / "build" / "board")
    parser.add_argument("--rom", type=int, default=0, metavar="kB", help="size of ROM partition")
    parser.add_argument("--heap", type=int, default=256, metavar="kB")
    parser.add_argument("--world", action="store_true", help="with modem, pilot and station")
    arguments = parser.parse_args(argv)
    try:
        board = SerialBoard(
            arguments.folder,
            rom_kB=arguments.rom,
            heap_kB=arguments.heap,
            with_border=arguments.world,
        )
    except BoardError as error:
        print(error, file=sys.stderr)
        return 1
    with board:
        print(board.port, flush=True)
        try:
            if arguments.world:
                live(board)
            while board.powered:
                time.sleep(0.5)
        except KeyboardInterrupt:
            return 0
        print(board.errors.decode(errors="replace").strip(), file=sys.stderr)
        return 1


def live(board):
    """The world at the pace of the clock; Enter plugs in and out."""
    from .world import rig_with

    rig = rig_with(board)
    begun = time.monotonic() - rig.world.now / 1000
    state = None
    while board.powered:
        rig.world.run(rig.world.now + _PACE_MS)
        if rig.pilot.state != state:
            state = rig.pilot.state
            print("pilot", state, flush=True)
        if select.select([sys.stdin], [], [], 0)[0] and sys.stdin.readline():
            if not rig.pilot.plugged:
                rig.board.plug()
            elif not rig.board.unplug():
                print("the lock holds the plug", flush=True)
        time.sleep(max(0.0, begun + rig.world.now / 1000 - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
