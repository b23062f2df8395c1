# SPDX-License-Identifier: MIT
"""What one board can ever import of its features; the rest stays out of its image.

Reached are, from firmware/main.py and the board's folder, all imports that stand in the code, but
those that this board never gets to: drivers of another API, parts that its pin table lacks, plain
versions of what certainly runs in native code. EXI tables are asked for by the name of their
schema set: all that the features hold are in, and names.bin has the names of those only.
"""

import ast
import fnmatch

from tools import ROOT, vm
from tools.exi.compiler import names

NAMES = "evcc/exi/names.bin"
_TABLES = "evcc/exi/_t_*.py"

# pattern, why such a file is never imported on a Board `b` with pin table `pins`
NEVER = (
    ("drivers/*circuitpython*", lambda b, pins: b.api == "machine"),
    ("drivers/*machine*", lambda b, pins: b.api != "machine"),
    ("drivers/rp2_*", lambda b, pins: b.api != "machine"),
    ("drivers/*blinka*", lambda b, pins: b.api != "blinka"),
    ("drivers/terminal_posix.py", lambda b, pins: b.api != "blinka"),
    ("drivers/terminal_micropython.py", lambda b, pins: b.api != "machine"),
    ("evcc/crypto/host.py", lambda b, pins: b.api != "blinka"),
    # drivers.assemble* ask for these only where the board has that bus
    ("drivers/can_machine.py", lambda b, pins: "CAN_TX" not in pins),
    ("drivers/can_mcp*.py", lambda b, pins: "CAN_CS" not in pins),
    ("drivers/sd_*", lambda b, pins: "SD_CS" not in pins),
    # instead of which the board's own file brings PioDuty
    ("drivers/pilot_duty.py", lambda b, pins: "drivers.pilot_pio" in imports(_own(b))),
    # inline assembly of ARMv7E-M, and what is written for it
    ("evcc/crypto/_fast_field.py", lambda b, pins: not _assembly(b)),
    ("evcc/crypto/mont.py", lambda b, pins: not _assembly(b)),
    # SHA-512 is the kernel's, and SHA-256 is the firmware's: a flash itself verifies with it
    ("evcc/crypto/sha2_plain.py", lambda b, pins: b.api == "machine"),
    # AES and SHA-1 are the firmware's: ports/rp2/mpconfigport.h, elsewhere with MICROPY_PY_SSL;
    # a flash asks for them (deploy.check)
    ("evcc/crypto/aes_tables.py", lambda b, pins: b.api == "machine"),
    ("evcc/crypto/_fast_aes.py", lambda b, pins: b.api == "machine"),
    ("evcc/crypto/sha1.py", lambda b, pins: b.api == "machine"),
    # sources for CircuitPython have no native code
    ("*/_fast_*", lambda b, pins: b.api == "circuitpython"),
)


def _assembly(board):
    return board.api == "machine" and (board.arch or "").startswith("armv7em")


def never(board):
    """Does this Board never import that path of lib/? As a function."""
    pins = pins_of(board)
    patterns = [pattern for pattern, is_so in NEVER if is_so(board, pins)]
    return lambda path: any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def needed(board, paths):
    """Those of the paths below lib/ that the Board may import, and the data files."""
    is_never = never(board)
    there = {
        path[:-3].replace("/", ".").removesuffix(".__init__"): path
        for path in paths
        if path.endswith(".py") and not is_never(path)
    }
    reached = {path for path in paths if not path.endswith(".py")}
    reached |= {path for path in paths if fnmatch.fnmatchcase(path, _TABLES)}
    todo = [*imports(_main()), *imports(_own(board))]
    while todo:
        path = there.get(todo.pop())
        if path and path not in reached:
            reached.add(path)
            todo += imports((vm.LIB / path).read_text())
    return [path for path in paths if path in reached]


def imports(text):
    """Names of all that this source may import anywhere, with the packages they lie in."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    for name in list(found):
        while "." in name:
            name = name.rpartition(".")[0]
            found.add(name)
    return found


def pins_of(board):
    """The pin table of a Board's module, without running it."""
    for node in ast.parse(_own(board)).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "PINS":
            return ast.literal_eval(node.value)
    return {}


def _own(board):
    return "\n".join(path.read_text() for path in sorted(board.folder.glob("*.py")))


def _main():
    return (ROOT / "firmware" / "main.py").read_text()


def names_file(paths):
    """names.bin up to the last name that one of these tables knows.

    Tables are numbered in the order of the sets, so that what is left out is at the end.
    """
    count = 0
    for path in paths:
        if fnmatch.fnmatchcase(path, _TABLES):
            for node in ast.parse((vm.LIB / path).read_text()).body:
                if isinstance(node, ast.Assign) and node.targets[0].id == "NAMES":
                    count = max(count, node.value.value)
    return names.cut((vm.LIB / NAMES).read_bytes(), count)
