# SPDX-License-Identifier: MIT
"""The files of one board: lib/ as .mpy, the board's folder, main.py; and which version they are.

Native code (`_fast_*`) is compiled for the board's processor only. What the board never imports
stays out (needed.py). CircuitPython has an .mpy format of its own that mpy-cross does not make, so
such a board gets the sources.
"""

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

from tools import ROOT, vm

from . import FlashError
from .features import select
from .needed import NAMES, names_file, needed

ROOTS = (ROOT / "boards", Path(__file__).parents[1] / "serial_board" / "boards")
# processor -> (mpy-cross -march, number of it in sys.implementation._mpy)
ARCH = {
    "rp2040": "armv6m",
    "rp2350": "armv7emsp",
    "esp32s3": "xtensawin",
    "stm32h743": "armv7emdp",
    "i386": "x86",
}
NUMBERS = (
    None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa",
    "xtensawin", "rv32imc", "rv64imc",
)  # fmt: skip


class Board:
    """What `board.json` says. `folder`, `id`, `api`, `arch`, `romfs`: has it such a partition?"""

    def __init__(self, folder):
        self.folder = folder
        try:
            found = json.loads((folder / "board.json").read_text())
        except (OSError, ValueError) as error:
            raise FlashError(f"{folder.name}/board.json: {error}") from None
        self.id = found.get("id", folder.name)
        self.api = found.get("api", "machine")
        self.mcu = found.get("mcu", "")
        self.romfs = bool(found.get("romfs"))
        self.arch = found.get("mpy") or ARCH.get(self.mcu)


def boards():
    """{name: folder} of all boards."""
    found = {}
    for root in ROOTS:
        for file in sorted(root.glob("*/board.json")):
            found[file.parent.name] = file.parent
    return found


def board(name):
    """The Board of that name. Raises FlashError with the names there are."""
    folders = boards()
    if name not in folders:
        raise FlashError(
            f"no board {name or '(none given)'}: make flash BOARD=NAME, where NAME is one of "
            + ", ".join(folders)
        )
    return Board(folders[name])


def version():
    """Version, commit, and whether the files differ from that commit: "0.1.0+40aae2f8.dirty"."""
    scope = {}
    exec((ROOT / "lib" / "evcc" / "__init__.py").read_text(), scope)
    number = scope["__version__"]

    def git(*words):
        return subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
        ).stdout.strip()

    try:
        commit = git("rev-parse", "--short=8", "HEAD")
        dirty = git("status", "--porcelain", "--", "lib", "firmware", "boards")
    except (OSError, subprocess.SubprocessError):
        return f"{number}+unknown"
    return f"{number}+{commit}" + (".dirty" if dirty else "")


def short(data):
    """16 hex digits of SHA-256: what the list of files on a board holds."""
    return hashlib.sha256(data).hexdigest()[:16]


class Image:
    """`files`: {path on the board, relative: bytes}; `version`; `set`: one hash over all of it.

    `inits`: {package: source of its `__init__`}, for who packs it; `packed`: is it?
    """

    def __init__(self, board, files, text, inits=None, packed=False):
        self.board = board
        self.inits = inits or {}
        self.packed = packed
        self.files = dict(sorted(files.items()))
        self.version = text
        total = hashlib.sha256()
        for path, data in self.files.items():
            total.update(f"{path} {short(data)}\n".encode())
        self.set = total.hexdigest()[:16]

    @property
    def size(self):
        return sum(len(data) for data in self.files.values())

    def marker(self):
        """Content of the version file."""
        return f"uEVCC {self.version}\nset {self.set}\nboard {self.board.id}\n".encode()

    def write(self, folder, but=()):
        """All files (except `but`) into a folder of the PC."""
        for path, data in self.files.items():
            if path not in but:
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)


def build(board, without=(), more=()):
    """The Image of a Board. without, more: see features.select. Raises FlashError."""
    if board.api == "blinka":
        raise FlashError(
            f"{board.id} runs this repository as it is ({board.api}): nothing to flash; "
            "see its page under boards/"
        )
    kept = needed(board, select(without, more))
    files = _sources(board, kept) if board.api == "circuitpython" else _compiled(board, kept)
    files["lib/" + NAMES] = names_file(kept)
    inits = {"evcc": (vm.LIB / "evcc" / "__init__.py").read_text()}
    return Image(board, files, version(), inits)


def _compiled(board, kept):
    if board.arch is None:
        raise FlashError(f"{board.id}/board.json: no native code is known for mcu {board.mcu!r}")
    files = {}
    with tempfile.TemporaryDirectory(prefix="uevcc-flash-") as folder:
        folder = Path(folder)
        try:
            vm.build_mpy(kept, folder, board.arch)
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    files["lib/" + path.relative_to(folder).as_posix()] = path.read_bytes()
            for source in sorted(board.folder.glob("*.py")):
                target = folder / "one.mpy"
                vm._cross(source, target, source.stem, None, 3)
                files[source.stem + ".mpy"] = target.read_bytes()
        except vm.VMError as error:
            raise FlashError(str(error)) from None
    files["main.py"] = (ROOT / "firmware" / "main.py").read_bytes()
    return files


def _source_of(name):
    return name[: -len(".mpy")] + ".py" if name.endswith(".mpy") else name


def _sources(board, kept):
    files = {}
    for name in kept:
        files["lib/" + name] = (vm.LIB / name).read_bytes()
    for source in sorted(board.folder.glob("*.py")):
        files[source.name] = source.read_bytes()
    files["code.py"] = (ROOT / "firmware" / "code.py").read_bytes()
    return files
