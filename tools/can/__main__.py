# SPDX-License-Identifier: MIT
"""`python -m tools.can`: the CAN signals of a vehicle.

list FILE.dbc                                 what the DBC has
make FILE.dbc name=Message.Signal ...         a mapping file, on standard output
check FILE.txt                                would the device take this mapping file?
watch FILE.txt --interface socketcan --channel can0     signals of a bus, live
"""

import argparse
import sys
import time

from evcc import vehicle_can
from evcc.can_map import MapError, load
from evcc.can_port import text
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tools.can import dbc

NAMES = {"in": vehicle_can.IN, "out": vehicle_can.OUT}


def show(arguments, console):
    database = dbc.read(arguments.file)
    table = Table("message", "frame", "ms", "signal", "place", "unit", "range")
    for message in database.messages:
        first = [message.name, f"0x{message.frame_id:X}", str(message.cycle_time or "?")]
        if message.is_extended_frame:
            first[1] += "x"
        for signal in message.signals:
            order = 1 if signal.byte_order == "little_endian" else 0
            place = f"{signal.start}|{signal.length}@{order}{'-' if signal.is_signed else '+'}"
            limits = f"{signal.minimum}..{signal.maximum}"
            table.add_row(*first, signal.name, place, signal.unit or "", limits)
            first = ["", "", ""]
    console.print(table)


def make(arguments, console):
    choices = {}
    for word in arguments.choices:
        name, equals, choice = word.partition("=")
        if not equals:
            raise dbc.ChoiceError(f"'{word}': name=Message.Signal wanted")
        choices[name] = choice
    lines, notes = dbc.make(dbc.read(arguments.file), choices)
    print(lines, end="")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def signals(path):
    try:
        with open(path) as lines:
            found = load(lines, NAMES, path)
    except OSError as error:
        raise dbc.ChoiceError(f"{path}: {error.strerror}") from None
    have = [signal.name for signal in found["in"]]
    missing = [name for name in vehicle_can.NEEDED if name not in have]
    return found, missing


def check(arguments, console):
    found, missing = signals(arguments.file)
    table = Table("way", "signal", "frame", "ms")
    for way in ("in", "out"):
        for signal in found[way]:
            table.add_row(way, signal.name, text(signal.identifier), str(signal.ms))
    console.print(table)
    if missing:
        raise dbc.ChoiceError(f"{arguments.file}: no line for {', '.join(missing)}")


def watch(arguments, console):
    import can
    from drivers.can_python import PythonCan

    found, _ = signals(arguments.file)
    try:
        bus = can.Bus(arguments.channel, interface=arguments.interface)
    except (can.CanError, OSError, ValueError) as error:
        raise dbc.ChoiceError(f"{arguments.interface} {arguments.channel}: {error}") from None
    port, data = PythonCan(bus), bytearray(8)
    end = None if arguments.seconds is None else time.monotonic() + arguments.seconds
    try:
        with Live(console=console, refresh_per_second=5) as live:
            while end is None or time.monotonic() < end:
                now = int(time.monotonic() * 1000)
                while (identifier := port.receive(data)) is not None:
                    for signal in found["in"]:
                        if signal.identifier == identifier:
                            signal.take(data, port.length, now)
                table = Table("signal", "value", "")
                for signal in found["in"]:
                    value = "" if signal.value is None else f"{signal.value:g}"
                    table.add_row(signal.name, value, signal.stale(now) or "good")
                live.update(table)
                time.sleep(0.1)
    except KeyboardInterrupt:
        pass
    finally:
        bus.shutdown()


def main(words=None):
    parser = argparse.ArgumentParser(
        prog="python -m tools.can", description=__doc__.split("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, act, about in (
        ("list", show, "what a DBC file has"),
        ("make", make, "a mapping file from a DBC file"),
        ("check", check, "would the device take this mapping file?"),
        ("watch", watch, "the signals of a bus, live"),
    ):
        sub = commands.add_parser(name, help=about)
        sub.add_argument("file")
        sub.set_defaults(act=act)
        if name == "make":
            sub.add_argument("choices", nargs="+", metavar="name=Message.Signal")
        if name == "watch":
            sub.add_argument("--interface", default="socketcan", help="of python-can")
            sub.add_argument("--channel", default="can0")
            sub.add_argument("--seconds", type=float, help="end after so long")
    arguments = parser.parse_args(words)
    try:
        arguments.act(arguments, Console())
    except (dbc.ChoiceError, MapError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
