# SPDX-License-Identifier: MIT
"""Figures of the EXI codec on the device: sizes, ARM instructions, heap.

Instructions are counted with warm names and the collector off; heap with the collector off as
well, as the difference of `gc.mem_alloc()` (allocated) and again after a collection (kept). The
speed of CPython against the Java codec stands in `exi_speed`.
"""

import json
from pathlib import Path

from evcc import exi

from tools.exi.compiler.layout import CHUNKS
from tools.vm import BUILD, VMError, build_mpy, instructions, micropython

VECTORS = Path(__file__).with_name("exi_messages.json")
MODULES = ("evcc/__init__.py", "evcc/compat.py", "evcc/exi")
LIB = Path(exi.__file__).parent

# row, vector, direction, goal with kernels, goal in plain bytecode
COUNTS = (
    ("DC_ChargeLoopReq typical, encode", "typ Req", "e", 105_000, None),
    ("DC_ChargeLoopRes typical, decode", "typ Res", "d", 80_000, 350_000),
    ("DC_ChargeLoopRes 257 B, decode", "20 DC_ChargeLoopRes BPT dyn", "d", 200_000, 1_100_000),
    ("AuthorizationReq 3.3 kB, decode", "20 AuthorizationReq PnC chain", "d", 400_000, None),
    ("AuthorizationReq 3.3 kB, encode", "20 AuthorizationReq PnC chain", "e", 340_000, None),
)

_SETUP = """
from evcc import exi
s = {schema!r}
raw = bytes.fromhex({data!r})
n, m = exi.decode(s, raw)
buf = bytearray(4000)
"""
_WORK = {"d": "exi.decode(s, raw)", "e": "exi.encode_into(s, n, m, buf)"}

_OTHER = (
    "809a0223e95ff78afebf9e1198"  # another message, so that the kernels' stacks let go of this one
)
_HEAP = """
import gc
{setup}
other = bytes.fromhex("{other}")
def quiet():
    exi.decode("din", other)
    gc.collect()
    return gc.mem_alloc()
x = {work}
x = None
quiet()
a = quiet()
gc.disable()
x = {work}
b = gc.mem_alloc()
gc.enable()
print(b - a, quiet() - a)
"""

# Tables in a .mpy on a PC lie in the heap: they are subtracted.
_IDLE = """
import gc
from evcc import compat
gc.collect()
a = gc.mem_alloc()
from evcc import exi
for s in ("sap", "iso20_common", "iso20_dc"):
    exi.load(s)
gc.collect()
print(gc.mem_alloc() - a)
"""


def row(name, value, unit, goal=None, **more):
    return dict(name="exi: " + name, value=value, unit=unit, goal=goal and f"<= {goal}", **more)


def table_sizes():
    """chunk -> bytes of its tables, roots and fragments; names under 'names'."""
    out = {}
    for chunk, _ in CHUNKS:
        module = __import__("evcc.exi._t_" + chunk, None, None, ("T",))
        parts = [part for part in module.SETS if isinstance(part, bytes)]
        out[chunk] = len(module.T) + sum(map(len, parts))
    out["names"] = (LIB / "names.bin").stat().st_size
    return out


def sizes():
    tables = table_sizes()
    names = tables.pop("names")
    few = sum(tables[name] for name in ("base", "iso20_common", "iso20_dc"))
    everything = sum(tables.values())
    yield row("tables, SAP + Common + DC", few, "B", 3300)
    yield row("tables, all sets and fragments", everything, "B", 8700)
    yield row("tables, names and texts, all", everything + names, "B", 25_000)


def code(made):
    """Bytes of .mpy: (plain, what a VM with kernels loads, everything)."""
    size = {name.rpartition(".")[2]: len(data) for name, data in made.items()}
    own = {k: v for k, v in size.items() if not k.startswith("_t_")}
    shared = own["exi"] + own["tables"]
    plain, kernels = own["plain"], sum(v for k, v in own.items() if k.startswith("_fast_"))
    return shared + plain, shared + kernels, shared + plain + kernels


def rows():
    out = list(sizes())
    fast, plain = BUILD / "bench-exi-fast", BUILD / "bench-exi-plain"
    vectors = json.loads(VECTORS.read_text())
    try:
        made = build_mpy(MODULES, fast, arch="armv7emsp", optimise=3)
        build_mpy(MODULES, plain, optimise=3)
        both, loaded, whole = code(made)
        out.append(row(".mpy, plain bytecode", both, "B", 7000))
        out.append(row(".mpy, with kernels, as loaded", loaded, "B", 16_000))
        out.append(row(".mpy, with kernels and plain", whole, "B"))
    except VMError as error:
        out.append(row(".mpy", None, "B", why=str(error)))
        return out
    for name, label, way, goal, goal_plain in COUNTS:
        schema, data = vectors[label]
        setup = _SETUP.format(schema=schema, data=data)
        for folder, limit, kind in ((fast, goal, ""), (plain, goal_plain, ", plain")):
            if limit:
                out.append(counted(name + kind, setup, _WORK[way], folder, limit))
    out += heap(vectors, plain)
    return out


def counted(name, setup, work, folder, goal):
    try:
        value = instructions(setup, work, n=4, heap="4m", path=[folder])
    except VMError as error:
        return row(name, None, "instructions", goal, why=str(error))
    return row(name, value, "instructions", goal)


def heap(vectors, plain):
    fast = BUILD / "bench-exi-x86"
    build_mpy(MODULES, fast, arch="x86", optimise=3)

    def run(script, path):
        done = micropython(script, path=[path], heap="512k")
        if done.returncode:
            raise VMError(done.stderr.strip()[-300:])
        return list(map(int, done.stdout.split()))

    try:
        schema, data = vectors["20 DC_ChargeLoopRes BPT dyn"]
        setup = _SETUP.format(schema=schema, data=data)
        gone, kept = run(_HEAP.format(setup=setup, work=_WORK["d"], other=_OTHER), fast)
        yield row("heap, decode 257 B, allocated", gone, "B", 2100)
        yield row("heap, decode 257 B, kept", kept, "B", 1700)
        schema, data = vectors["typ Req"]
        setup = _SETUP.format(schema=schema, data=data)
        gone, _ = run(_HEAP.format(setup=setup, work=_WORK["e"], other=_OTHER), fast)
        yield row("heap, encode typical Req, allocated", gone, "B", 450)
        tables = table_sizes()
        flash = sum(tables[name] for name in ("base", "iso20_common", "iso20_dc"))
        (idle,) = run(_IDLE + "\n", plain)
        yield row("heap, idle plain codec, tables in flash", idle - flash, "B", 8000)
        (idle,) = run(_IDLE + "exi._slow()\ngc.collect()\nprint(gc.mem_alloc() - a)", plain)[-1:]
        yield row("heap, idle plain codec, with walker, tables in flash", idle - flash, "B")
    except VMError as error:
        yield row("heap", None, "B", why=str(error))
