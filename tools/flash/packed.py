# SPDX-License-Identifier: MIT
"""An image as packs: one file for each package, its modules compressed (firmware/uevcc_packed.py).

For boards that get files, as without a ROM partition there is nothing to gain from code that could
be run where it lies. Data files stay files.
"""

import shutil
import tempfile
import zlib
from pathlib import Path

from tools import ROOT, vm

from .image import Image

READER = ROOT / "firmware" / "uevcc_packed.py"
WINDOW = 11  # bits; the reader has the same number, and this much memory for it
_HOOK = "\nimport uevcc_packed\n__path__ = uevcc_packed.folder(__file__)\n"


def pack(made):
    """The Image `made` with packs instead of the modules of its packages."""
    files, folders = {}, {}
    for path, data in made.files.items():
        place, _, name = path.removeprefix("lib/").rpartition("/")
        if path.startswith("lib/") and name.endswith(".mpy") and place:
            folders.setdefault(place, {})[name] = data
        else:
            files[path] = data
    for place in sorted(folders):
        if "/" not in place:
            folders[place].pop("__init__.mpy", None)
            text = made.inits.get(place, "") + _HOOK
            files[f"lib/{place}/__init__.mpy"] = _compiled(text, place)
    for place, members in folders.items():
        inside = [other for other in folders if other.rpartition("/")[0] == place]
        inside = [other.rpartition("/")[2] for other in inside]
        files["lib/" + place.replace("/", ".") + ".pack"] = packed(members, inside)
    files[READER.stem + ".mpy"] = _compiled(READER.read_text(), READER.stem)
    return Image(made.board, files, made.version, made.inits, packed=True)


def pack_folder(folder):
    """The packages in a folder of compiled code become packs there."""
    folder, files, inits = Path(folder), {}, {}
    for place in ("evcc", "drivers"):
        for path in sorted((folder / place).rglob("*")):
            if path.is_file():
                files["lib/" + path.relative_to(folder).as_posix()] = path.read_bytes()
        shutil.rmtree(folder / place, ignore_errors=True)
        source = vm.LIB / place / "__init__.py"
        inits[place] = source.read_text() if source.exists() else ""
    for path, data in pack(Image(None, files, "", inits)).files.items():
        target = folder / path.removeprefix("lib/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def packed(members, packages=()):
    """One pack of modules {"name.mpy": bytes}, naming packages inside; layout: see READER."""
    lines, data = [], b""
    for name, content in members.items():
        lines.append(f"{name.removesuffix('.mpy')} {len(data)}")
        data += pressed(content)
    lines += [f"- {len(data)}", *[f"{name} -" for name in packages]]
    text = ("\n" + "\n".join(lines) + "\n").encode()
    return len(text).to_bytes(2, "little") + text + data


def pressed(data):
    """Raw deflate in one block or two, whichever is shorter.

    A .mpy has names first, then code: each is better off with its own table of codes.
    """
    found = []
    for cut in range(0, len(data), 64):
        press = zlib.compressobj(9, zlib.DEFLATED, -WINDOW, 9)
        first = press.compress(data[:cut]) + press.flush(zlib.Z_BLOCK) if cut else b""
        found.append(first + press.compress(data[cut:]) + press.flush())
    return min(found, key=len)


def _compiled(text, name):
    with tempfile.TemporaryDirectory(prefix="uevcc-pack-") as folder:
        source, target = Path(folder, "one.py"), Path(folder, "one.mpy")
        source.write_text(text)
        vm._cross(source, target, name, None, 3)
        return target.read_bytes()
