# SPDX-License-Identifier: MIT
"""Firmware onto the drive of a CircuitPython board: the sources, changed files only.

The drive is a plain folder to the PC, so the gate of a device that is not at rest cannot be asked:
the same mark as on MicroPython keeps a half-copied version from starting, and code.py looks at it.
While the drive belongs to the PC the board cannot write to it (CircuitPython's rule).
"""

import os
import shutil

from . import FlashError, image
from .deploy import FILES, UPDATE, VERSION, listed, version_of
from .image import short


def flash_drive(board, drive, without, more, pki, ui):
    """Copy the image; returns an Outcome. Raises FlashError."""
    from .run import Outcome

    if board.api != "circuitpython":
        raise FlashError(f"{board.id} has no CircuitPython: PORT is its serial port, no folder")
    if not (drive / "boot_out.txt").is_file():
        raise FlashError(
            f"{drive}: no boot_out.txt, so this is no CircuitPython drive; "
            "it is the one that appears as CIRCUITPY"
        )
    if pki:
        raise FlashError("pki: everybody can read this drive: copy the car's files yourself")
    ui.say(f"collecting for {board.id} (CircuitPython, sources)")
    made = image.build(board, without, more)
    old = listed(_text(drive / FILES))
    done = Outcome()
    done.how, done.new = "files", made.version
    done.old = version_of(_text(drive / VERSION))
    if (drive / UPDATE).exists():
        done.old = f"cut off ({version_of(_text(drive / UPDATE))})"
    write = {p: d for p, d in made.files.items() if _hash(drive / p) != short(d)}
    code = drive / "code.py"
    if code.exists() and "code.py" not in old and "uevcc_board" not in _text(code):
        if _text(code).strip() not in ("", 'print("Hello World!")'):
            raise FlashError(f"{code} is not of uEVCC: save it and remove it, then again")
    _space(drive, write)
    stale = [p for p in old if p not in made.files and (drive / p).is_file()]
    done.kept, done.written = len(made.files) - len(write), len(write)
    done.removed, done.bytes = len(stale), sum(map(len, write.values()))
    if not write and not stale and done.old == made.version:
        done.how = "nothing"
        return done
    ui.begin(f"{done.old} -> {done.new}", done.bytes)
    try:
        _put(drive / UPDATE, made.marker())
        new = {path: short(data) for path, data in made.files.items()}
        _list(drive, {**old, **new})
        # code.py first: it is the one that looks at the mark
        for path in sorted(write, key=lambda path: path != "code.py"):
            ui.step("write " + path)
            (drive / path).parent.mkdir(parents=True, exist_ok=True)
            _put(drive / path, write[path])
            ui.progress(len(write[path]))
        for path in stale:
            (drive / path).unlink()
        wrong = [path for path, digest in new.items() if _hash(drive / path) != digest]
        if wrong:
            raise FlashError(f"{drive}: {', '.join(wrong[:3])} reads back wrong: eject, repair it")
        _list(drive, new)
        _put(drive / VERSION, made.marker())
        (drive / UPDATE).unlink()
        os.sync()
    except OSError as error:
        raise FlashError(f"{drive}: {error.strerror or error}; flash again") from None
    finally:
        ui.end()
    return done


def _text(path):
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""


def _hash(path):
    try:
        return short(path.read_bytes())
    except OSError:
        return None


def _put(path, data):
    """Written under another name, synced, renamed."""
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _list(drive, files):
    text = "".join(f"{digest} {path}\n" for path, digest in sorted(files.items()))
    _put(drive / FILES, text.encode())


def _space(drive, write):
    need = sum(-(-len(data) // 4096) * 4096 for data in write.values())
    free = shutil.disk_usage(drive).free
    frees = sum((drive / p).stat().st_size for p in write if (drive / p).exists())
    if need - frees > free:
        raise FlashError(
            f"{drive}: no space: {need // 1024} kB are needed, {free // 1024} kB are free; "
            "leave features out (ARGS='--without NAME')"
        )
