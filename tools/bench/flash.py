# SPDX-License-Identifier: MIT
"""Size of the full image for the reference board: as packs, as ROMFS, and by feature; time of a
first flash onto the serial board (no USB, no flash chip: a lower bound)."""

import time
from collections import Counter

from tools.flash import features, image, packed, rom, run

REFERENCE = "RPI_PICO2"


def rows():
    made = image.build(image.board(REFERENCE))
    sizes = Counter()
    for path, data in made.files.items():
        inside = path.startswith("lib/")
        name = features.of(image._source_of(path[4:])) if inside else "board, main.py"
        sizes[name] += len(data)
    packs = packed.pack(made)
    small = image.build(image.board(REFERENCE), ("tls", "iso20_ac", "can", "bench")).size
    found = [
        dict(name=f"flash image of {REFERENCE}, packs", value=packs.size, unit="B",
             goal="<= 180000"),
        dict(name="  blocks of 4 kB that it takes", value=blocks(packs), unit="kB", goal=None),
        dict(name="the same as ROMFS, not compressed", value=len(rom.build(made)), unit="B",
             goal="<= 180000"),
        dict(name="the same as files", value=made.size, unit="B", goal=None),
        dict(name="  blocks of 4 kB that they take", value=blocks(made), unit="kB", goal=None),
        dict(name="files of DC, nothing but it, without TLS", value=small, unit="B", goal=None),
    ]  # fmt: skip
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        found.append(dict(name=f"  {name}", value=size, unit="B", goal=None))
    found.append(
        dict(name="first flash, serial board", value=_seconds(), unit="s", goal=None, noisy=True,
             why="no MicroPython i386")
    )  # fmt: skip
    return found


def blocks(made):
    """kB in a file system with blocks of 4 kB, its folders and own records aside."""
    return sum(-(-len(data) // 4096) * 4 for data in made.files.values())


def _seconds():
    from tools.serial_board import BoardError, SerialBoard

    try:
        with SerialBoard() as board:
            begin = time.monotonic()
            run.flash("EMULATED", board.port, start=False)
            return round(time.monotonic() - begin, 1)
    except BoardError:
        return None
