# SPDX-License-Identifier: MIT
"""What a person and the log cost beside a session: live heap with and without them, and steps.

A -20 DC session in 32-bit MicroPython, code from .mpy in RAM, as in the part "session". The log's
ring counts with 1 kB, its smallest. MicroPython's table of names doubles at the 1261st (9 kB): a
board's drivers bring it there in every session, so here it has doubled with and without console.
"""

from tools import vm
from tools.bench.session import Build, rig

_SECONDS = 4
_DRIVERS = 120  # names
_COMMAND = """
import gc
from evcc import device, reasons, vehicle
gc.collect()
before = gc.mem_alloc()
import evcc.command, evcc.repl
gc.collect()
print(gc.mem_alloc() - before)
"""
_TYPED = (b"status()\r", b"limits()\r", b"last()\r", b"trace()\r")


def live(folder, terminal, log, typed=()):
    """(bytes of the largest live heap, state at it, what the terminal showed) of one session."""

    options = ["heap", f"names={_DRIVERS}"] + (["terminal"] if terminal else [])
    world = rig(folder, "i386", "512k", options, seconds=_SECONDS, settings={"log_kB": log})
    typed = list(typed)

    class Person:
        def step(self, now):
            if typed and world.plant.contactors.closed:
                world.device.terminal.typed += typed.pop(0)
            return now + 500

    world.world.add(Person())
    try:
        good = world.run() and world.outcome["result"] == "STATION_TERMINATE"
        process = world.device.process
        return (process.heap, process.heap_at, world.device.terminal.shown) if good else None
    finally:
        world.close()


def rows():
    builds = Build()
    try:
        folder = builds.get("i386", False)
        bare = live(folder, False, 0)
        idle = live(folder, True, 1)
        busy = live(folder, True, 1, _TYPED)
        command = vm.micropython(_COMMAND, heap="400k", path=[folder]).stdout.split()
    finally:
        builds.close()
    value = idle[0] - bare[0] if bare and idle else None
    yield dict(
        name="heap of console and log (ring of 1 kB), nobody types", value=value, unit="B",
        goal="<= 6144", why="a session failed",
    )  # fmt: skip
    done = busy and busy[2].count("state: session") and "charge_current" in busy[2]
    value = busy[0] - bare[0] if bare and done else None
    yield dict(
        name="heap of console and log, commands given in the loop", value=value, unit="B",
        goal=None, why="a command was not answered",
    )  # fmt: skip
    value = int(command[0]) if command else None
    yield dict(
        name="heap of the commands' code, while one runs", value=value, unit="B", goal=None,
        why="evcc.repl cannot be imported",
    )  # fmt: skip
