# SPDX-License-Identifier: MIT
"""`python -m tools.serial_board [FOLDER]`: a board without a board, until Ctrl-C; prints its port.

The flash stays in FOLDER (default build/board). Then in another terminal:
`mpremote connect PORT`, `make flash BOARD=EMULATED PORT=...`.
"""

import argparse
import sys
import time

from tools import ROOT

from . import BoardError, SerialBoard


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.serial_board", description=__doc__)
    parser.add_argument("folder", nargs="?", default=ROOT / "build" / "board")
    parser.add_argument("--rom", type=int, default=0, metavar="kB", help="size of ROM partition")
    parser.add_argument("--heap", type=int, default=256, metavar="kB")
    arguments = parser.parse_args(argv)
    try:
        board = SerialBoard(arguments.folder, rom_kB=arguments.rom, heap_kB=arguments.heap)
    except BoardError as error:
        print(error, file=sys.stderr)
        return 1
    with board:
        print(board.port, flush=True)
        try:
            while board.powered:
                time.sleep(0.5)
        except KeyboardInterrupt:
            return 0
        print(board.errors.decode(errors="replace").strip(), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
