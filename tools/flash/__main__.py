# SPDX-License-Identifier: MIT
"""`python -m tools.flash BOARD [--port PORT]`: firmware onto a board. `make flash` calls it."""

import argparse
import sys

from . import FlashError, image
from .features import DEFAULT_OUT, FEATURES
from .run import KINDS, flash


class Screen:
    """Progress and steps on a terminal, by rich."""

    def __init__(self):
        from rich.console import Console

        self.console = Console(highlight=False)
        self._bar = self._task = None

    def say(self, text):
        self.console.print(text)

    def begin(self, what, size):
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self.end()
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), Remaining(),
            TextColumn("{task.fields[step]}"), console=self.console,
        )  # fmt: skip
        self._bar.start()
        self._task = self._bar.add_task(what, total=size or None, step="")

    def progress(self, n):
        if self._bar:
            self._bar.advance(self._task, n)

    def step(self, text):
        if self._bar:
            self._bar.update(self._task, step=text)

    def end(self):
        if self._bar:
            self._bar.stop()
            self._bar = None


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.flash", description=__doc__)
    parser.add_argument("board", nargs="?", help=", ".join(image.boards()))
    parser.add_argument("--port", help="serial port, or the path of a CircuitPython drive")
    parser.add_argument("--without", action="append", default=[], metavar="FEATURE",
                        help="leave out: " + ", ".join(FEATURES))  # fmt: skip
    parser.add_argument("--with", action="append", default=[], metavar="FEATURE", dest="more",
                        help="take along, too: " + ", ".join(DEFAULT_OUT))  # fmt: skip
    parser.add_argument("--pki", metavar="DIR", help="copy the car's keys and certificates too")
    parser.add_argument("--as", choices=KINDS, dest="kind", help="a ROM image, compressed packs, "
                        "or plain files; default: the first that the board can take")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="write everything again")
    parser.add_argument("--no-start", action="store_true", help="leave it at the prompt")
    arguments = parser.parse_args(argv)
    screen = Screen()
    try:
        done = flash(
            arguments.board or "", arguments.port or None, without=arguments.without,
            more=arguments.more,
            pki=arguments.pki or None, kind=arguments.kind,
            force=arguments.force, start=not arguments.no_start, ui=screen,
        )  # fmt: skip
    except FlashError as error:
        screen.end()
        print(f"flash: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        screen.end()
        print(
            "flash: interrupted; the device starts no mixed version: flash again to complete it",
            file=sys.stderr,
        )
        return 130
    if done.how == "nothing":
        screen.say(f"{done.new}: it is on the board already, all {done.kept} files are the same")
    else:
        screen.say(
            f"{done.old} -> {done.new} by {done.how}: {done.written} files written, "
            f"{done.removed} removed, {done.kept} unchanged; verified by hash"
        )
    if done.said:
        screen.say(f"it says: {done.said[-300:]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
