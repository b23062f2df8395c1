# SPDX-License-Identifier: MIT
"""`python -m tools.vm heap|names|profile`: where heap and instructions of a session go.

heap: bytes that each module keeps after its import, 32-bit, from .mpy in RAM. names: the names
that each module brings alone (their table grows by 9 kB at once). profile: ARM
instructions per charge loop inside the named functions, in a whole session against the emulated
station; by default those where a loop spends most.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tools import vm
from tools.vm.build import build
from tools.vm.process import Ended

_HEAP = """
import builtins, gc, sys
real, stack, cost = builtins.__import__, [], {}
def used():
    gc.collect()
    return gc.mem_alloc()
def load(name, *rest):
    known = len(sys.modules)
    if name in sys.modules and not (rest[2:3] and rest[2]):
        return real(name, *rest)
    before = used()
    stack.append(0)
    result = real(name, *rest)
    inner = stack.pop()
    total = used() - before
    if stack:
        stack[-1] += total
    if total - inner > 15:
        cost[name] = cost.get(name, 0) + total - inner
    return result
builtins.__import__ = load
for name in sys.argv[1:]:
    __import__(name)
for name in cost:
    print(cost[name], name)
"""

# what the parts of a charge loop hang on: module or class, and the function
MARKS = """
evcc.controller:Controller.step evcc.safety:Safety.tick evcc.sim_vehicle:SimVehicle.update
drivers.qca7000:Qca7000.poll drivers.qca7000:Qca7000.receive drivers.qca7000:Qca7000.send
evcc.net.host:Host.feed evcc.net.host:Host.step evcc.net.tcp:Tcp.send evcc.net.tcp:Tcp.step
evcc.v2gtp:Framer.feed evcc.exchange:Exchange.feed evcc.exchange:Exchange.step
evcc.iso20.session:Session.decode evcc.iso20.session:Session.encode
evcc.exi:decode evcc.exi:encode evcc.exi:encode_into evcc.net.checksum:checksum
""".split()


def names(arguments):
    """Names that each module of a session brings alone."""
    from tools.vm.names import names as show

    show(arguments.names or _session_modules())
    return 0


def heap(arguments):
    """Bytes kept by each module that a session imports."""
    names = arguments.names or _session_modules()
    with tempfile.TemporaryDirectory() as folder:
        build(folder, "i386", native=False)
        done = vm.micropython(_HEAP, heap="1m", path=[folder], arguments=names)
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
        return 1
    total = 0
    for line in sorted(done.stdout.splitlines(), key=lambda line: -int(line.split()[0])):
        size, name = line.split()
        total += int(size)
        print(f"{int(size):8,} {name}")
    print(f"{total:8,} in all")
    return 0


def _session_modules():
    """Modules that a session loads, as it reports them."""
    from tools.bench.session import rig

    with tempfile.TemporaryDirectory() as folder:
        build(folder, "i386", native=False)
        world = rig(folder, "i386", "512k", options=["check"], seconds=2)
        try:
            world.run()
        finally:
            world.close()
        return [name for name in world.device.process.modules if name.startswith(("evcc", "dr"))]


def profile(arguments):
    """Instructions per charge loop in the marked functions."""
    from tools.bench.session import Messages, border_cost, rig

    marks = arguments.names or MARKS
    with tempfile.TemporaryDirectory() as folder:
        build(folder, "armhf", native=True)
        log = Path(folder, "count.log")
        messages = Messages()
        outs = []

        def note(kind, index, out, into):
            outs.append(out)
            messages(kind, index, out, into)

        world = rig(
            folder, "armhf", "1m", options=["mark=" + mark for mark in marks], log=log,
            on_message=note, seconds=6,
        )  # fmt: skip
        messages.closed = lambda: world.plant.contactors.closed
        try:
            world.run()
        finally:
            world.close()
        if world.device.ended:
            print(world.device.ended, file=sys.stderr)
            return 1
        _, counts = vm.read_counts(log)
        costs = border_cost(folder)
    first, last = messages.requests[2], messages.requests[-3]
    loops = len([i for i in messages.requests if first <= i < last])
    print(f"{(counts[last] - counts[first]) / loops:12,.0f} in all, border and marks included")
    inside, alone, calls = _sums(messages.kinds, outs, counts, costs, first, last)
    print(f"{'inclusive':>12} {'exclusive':>12} {'calls':>7}   per charge loop")
    for mark in sorted(inside, key=lambda mark: -alone[mark]):
        print(
            f"{inside[mark] / loops:12,.0f} {alone[mark] / loops:12,.0f}"
            f" {calls[mark] / loops:7.1f}   {marks[mark]}"
        )
    return 0


def _sums(kinds, outs, counts, costs, first, last):
    """Instructions inside each mark, with and without the marks within, and its calls."""
    inside, alone, calls = Counter(), Counter(), Counter()
    stack = []
    for i in range(first + 1, last + 1):
        spent = counts[i] - counts[i - 1] - costs[kinds[i] in "ORm"]
        if kinds[i] == "S":
            stack = stack[:0]
        if stack:
            alone[stack[-1]] += spent
            for mark in set(stack):
                inside[mark] += spent
        if kinds[i] == "m":
            mark = outs[i][0]
            if outs[i][1]:
                stack.append(mark)
                calls[mark] += 1
            elif stack and stack[-1] == mark:
                stack.pop()
    return inside, alone, calls


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tools.vm", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("heap", help="bytes kept by each module")
    one.add_argument("names", nargs="*", help="modules; without: those of a session")
    more = commands.add_parser("names", help="names (qstrs) that each module brings alone")
    more.add_argument("names", nargs="*", help="modules; without: those of a session")
    two = commands.add_parser("profile", help="instructions per charge loop, by function")
    two.add_argument("names", nargs="*", metavar="module:Class.method", help="what to look at")
    arguments = parser.parse_args(argv)
    try:
        return {"heap": heap, "names": names, "profile": profile}[arguments.command](arguments)
    except (vm.VMError, Ended) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
