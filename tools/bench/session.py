# SPDX-License-Identifier: MIT
"""A whole -20 DC session in 32-bit MicroPython: heap, instructions per charge loop, power-on.

The device part runs from .mpy files in RAM against the emulated station. Heap: bytecode alone, as
the unix build keeps native code outside its heap (on a board it is inside: a row tells its size).
Instructions: armhf under qemu with viper kernels, collector on, 256 kB of heap; what the border to
the outside costs (it stands for the SPI peripheral) is measured and taken off.
"""

import shutil
import statistics
import tempfile
from pathlib import Path

from tools import vm
from tools.flash import packed
from tools.vm.build import build
from tools.vm.process import Ended

_LIMIT_MS = 200_000
_SHORT_S = 8  # of charge loop
_DC_MAIN = b"\x01\xfe\x80\x04"  # V2GTP header of a -20 DC message
_RECORD = b"\x17\x03\x03"  # head of a TLS record with application data
_PARM_REQ = b"\x88\xe1\x01\x64\x60"


class Build:
    """Compiled device code, made once per kind and removed at the end."""

    def __init__(self):
        self.folders = {}

    def get(self, machine, native, packs=False):
        key = machine, native, packs
        if key not in self.folders:
            folder = tempfile.mkdtemp(prefix="uevcc-bench-")
            build(folder, machine, native)
            if packs:
                packed.pack_folder(folder)
            self.folders[key] = folder
        return self.folders[key]

    def close(self):
        for folder in self.folders.values():
            shutil.rmtree(folder, ignore_errors=True)


def rig(
    folder, machine, heap, options=(), log=None, on_message=None, seconds=None, pki=None,
    settings=None,
):  # fmt: skip
    """An emulated world with the device in MicroPython; `seconds`: of the charge loop."""
    from tools.charger.power import PowerPlan
    from tools.demo.rig import Rig

    plan = None
    if seconds:
        plan = PowerPlan(((0, 11000), (seconds // 2, -10000)), ramp_W_s=4000, stop_s=seconds)
    vm_more = dict(options=options, log=log, folder=folder, on_message=on_message, limit_s=120)
    return Rig(plan=plan, vm=machine, heap=heap, vm_more=vm_more, pki=pki, settings=settings)


def completes(folder, kilobytes, seconds, pki=None):
    """Does a session run to its end as it should in that much heap?"""
    world = rig(folder, "i386", f"{kilobytes}k", seconds=seconds, pki=pki)
    try:
        ended = world.run()
        return ended and world.outcome["result"] == "STATION_TERMINATE"
    except Ended:
        return False
    finally:
        world.close()


def smallest(folder):
    """kB from which on sessions complete, the long one too; None if 320 do not do.

    Heaps a little larger are tried as well: what fits is a matter of fragments, so one size that
    works by luck does not count.
    """
    found = vm.smallest_heap(lambda k: completes(folder, k, _SHORT_S), 64, 320)
    while found and found < 340:
        sizes = [found + more for more in (8, 4, 2, 1, 0)]
        failed = [size for size in sizes if not completes(folder, size, _SHORT_S)]
        if not failed and completes(folder, found, None):
            return found
        found = failed[0] + 1 if failed else found + 1
    return None


def heap_rows(builds):
    folder = builds.get("i386", False)
    yield dict(
        name="smallest heap for a session, bytecode alone", value=smallest(folder), unit="kB",
        goal="<= 128", why="no session ends well in 320 kB",
    )  # fmt: skip
    world = rig(folder, "i386", "320k", options=["heap"], seconds=_SHORT_S)
    try:
        world.run()
        process = world.device.process
        live, where = process.heap or None, process.heap_at
    finally:
        world.close()
    yield dict(name="largest live heap in a session", value=live, unit="B", goal=None, why=where)
    folder = builds.get("i386", True)
    world = rig(folder, "i386", "320k", options=["check"], seconds=_SHORT_S)
    try:
        world.run()
        fast = [name for name in world.device.process.modules if "._fast_" in name]
    finally:
        world.close()
    size = sum(Path(folder, name.replace(".", "/") + ".mpy").stat().st_size for name in fast)
    yield dict(name="viper kernels that a session loads", value=size, unit="B", goal=None)
    found = smallest(folder)
    yield dict(
        name="smallest heap with viper kernels outside it", value=found, unit="kB",
        goal="<= 128", why="no session ends well in 320 kB",
    )  # fmt: skip
    yield dict(
        name="smallest heap with viper kernels inside it",
        value=found and found + -(-size // 1024), unit="kB", goal=None,
    )  # fmt: skip
    yield dict(
        name="smallest heap from packs, viper kernels outside it",
        value=smallest(builds.get("i386", True, packs=True)), unit="kB", goal=None,
        why="no session ends well in 320 kB",
    )  # fmt: skip


class Messages:
    """Notes the kind of each message, and where DC messages and CM_SLAC_PARM.REQ cross."""

    def __init__(self, head=_DC_MAIN):
        self.head = head
        self.kinds = []
        self.requests, self.responses, self.first_slac = [], [], None
        self.closed = lambda: False

    def __call__(self, kind, index, out, into):
        self.kinds.append(kind)
        if kind != "X":
            return
        if self.first_slac is None and _PARM_REQ in out:
            self.first_slac = index
        if self.closed():
            if self.head in out:
                self.requests.append(index)
            elif into and self.head in into:
                self.responses.append(index)


_CALIBRATE = """
from border import Border
border, word = Border(), bytearray(2)
def _many(n):
    for _ in range(n):
        border.ask(88, b"ab"{into})
_many({n})
"""


def border_cost(folder):
    """Instructions of one message with an answer, and of one without."""
    costs = []
    for into in (", word", ""):
        totals = []
        for n in (100, 300):
            code = _CALIBRATE.format(into=into, n=n)
            totals.append(vm.count(code, path=[folder], stdin="\0" * 1000)[0])
        costs.append((totals[1] - totals[0]) / 200)
    return costs


class Counted:
    """One counted run: instructions between two messages, border taken off."""

    def __init__(self, folder, log, messages):
        self.kinds = messages.kinds
        _, self.counts = vm.read_counts(log)
        self.costs = border_cost(folder)

    def work(self, first, last):
        """Instructions after message `first` up to handing over message `last`."""
        raw = self.counts[last] - self.counts[first]
        for kind in self.kinds[first + 1 : last + 1]:
            raw -= self.costs[kind in "OR"]
        return raw

    def turn_around(self, first, last):
        """(work without the steps that only waited, work with them)."""
        sleeps = [i for i in range(first, last) if self.kinds[i] == "S"]
        whole = self.work(first, last)
        if not sleeps:
            return whole, whole
        return self.work(first, sleeps[0]) + self.work(sleeps[-1], last), whole


def loops_of(builds, pki=None):
    """(work, with waiting) in instructions of each charge loop of a session; [] without one."""
    folder = builds.get("armhf", True)
    log = Path(folder, "count.log")
    messages = Messages(_RECORD if pki else _DC_MAIN)
    world = rig(
        folder, "armhf", "384k" if pki else "256k", log=log, on_message=messages,
        seconds=_SHORT_S, pki=pki,
    )  # fmt: skip
    messages.closed = lambda: world.plant.contactors.closed
    try:
        good = world.run() and world.device.ended is None
    finally:
        world.close()
    loops = []
    if good:
        counted = Counted(folder, log, messages)
        for first in messages.responses:
            last = next((i for i in messages.requests if i > first), None)
            if last is not None:
                loops.append(counted.turn_around(first, last))
    return loops[2:-2]  # the first and last ones are not of the steady loop


def counted_rows(builds):
    loops = loops_of(builds)
    names = (
        ("ARM instructions, charge-loop turn-around", "<= 2000000", 0, statistics.median),
        ("  the longest of a session", None, 0, max),
        ("  with safety and polling until it is due", None, 1, statistics.median),
    )
    for name, goal, which, what in names:
        value = round(what([loop[which] for loop in loops])) if loops else None
        yield dict(name=name, value=value, unit="instructions", goal=goal, why="no session")


def tls_rows(builds):
    """The same with mutual TLS 1.3 and P-521 certificates, new ones (of other sizes) each time."""
    from tools.demo.pki import throw_away

    pki = Path(builds.get("armhf", True)).with_name("uevcc-bench-pki")
    shutil.rmtree(pki, ignore_errors=True)
    try:
        throw_away(pki)
        loops = loops_of(builds, pki)
        folder = builds.get("i386", True)
        heap = vm.smallest_heap(lambda k: completes(folder, k, _SHORT_S, pki), 128, 400, step=2)
    finally:
        shutil.rmtree(pki, ignore_errors=True)
    yield dict(
        name="smallest heap with TLS, viper kernels outside it", value=heap, unit="kB",
        goal="<= 192", noisy=True, why="no session ends well in 400 kB",
    )  # fmt: skip
    value = round(statistics.median([loop[0] for loop in loops])) if loops else None
    yield dict(
        name="ARM instructions, charge-loop turn-around with TLS", value=value,
        unit="instructions", goal="<= 3000000", why="no session",
    )  # fmt: skip


def power_on_rows(builds):
    """The first SLAC message of files and of packs."""
    name = "ARM instructions, power-on to CM_SLAC_PARM.REQ"
    for folder, more in (
        (builds.get("armhf", True), ""), (builds.get("armhf", True, packs=True), ", from packs")
    ):  # fmt: skip
        yield dict(
            name=name + more, value=power_on(folder), unit="instructions", goal="<= 60000000",
            why="it never came",
        )  # fmt: skip


def power_on(folder):
    """Instructions from power-on, imports included, to the first CM_SLAC_PARM.REQ, or None.

    It is plugged in, the modem ready.
    """
    log = Path(folder, "count.log")
    messages = Messages()
    world = rig(folder, "armhf", "256k", log=log, on_message=messages)
    world.modem.boot_ms = 0
    world.modem.reboot()
    world.board.plug()
    try:
        world.world.run_until(lambda: messages.first_slac is not None, 5000)
    finally:
        world.close()
    if messages.first_slac is None:
        return None
    empty = Path(folder, "empty")
    empty.mkdir(exist_ok=True)
    (empty / "nothing.py").write_text("")
    counted = Counted(folder, log, messages)
    value = counted.counts[messages.first_slac]
    value -= vm.count(empty / "nothing.py", heap="256k")[0]
    for kind in messages.kinds[: messages.first_slac + 1]:
        value -= counted.costs[kind in "OR"]
    return round(value)


def rows():
    found = []
    builds = Build()
    try:
        for part in (heap_rows, counted_rows, power_on_rows, tls_rows):
            found += part(builds)
    finally:
        builds.close()
    return found


if __name__ == "__main__":
    for row in rows():
        print(row)
