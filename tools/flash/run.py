# SPDX-License-Identifier: MIT
"""One flash from beginning to end: board and port, plan, copy or ROM image, keys, start."""

from pathlib import Path

from tools import ROOT

from . import FlashError, deploy, image, link, packed, rom
from .keys import copy_keys

KINDS = ("ROMFS", "packs", "files")  # how code lies on a board
_EXAMPLE = ROOT / "firmware" / "settings.example.toml"


class Quiet:
    """What a flash tells while it goes on; `Screen` shows it to a person."""

    def say(self, text):
        pass

    def begin(self, what, size):
        pass

    def progress(self, n):
        pass

    def step(self, text):
        pass

    def end(self):
        pass


class Outcome:
    """`old`, `new`: version texts; `how`: of KINDS, or "nothing"; `bytes` written.

    `written`, `removed`, `kept`: file counts; `said`: first words of the device that was started.
    """

    old = new = how = said = ""
    written = removed = kept = bytes = 0


def flash(
    name, port=None, *, without=(), more=(), pki=None, kind=None, force=False, start=True, ui=None,
    again_s=5,
):  # fmt: skip
    """Bring the firmware onto the board `name` at `port`. Returns an Outcome; raises FlashError.

    without, more: features to leave out, and to take that are left out by themselves.
    kind: of KINDS; None takes a ROM partition where there is one that is large enough, else packs.
    pki: folder of keys to copy too. force: write everything again. start: let it run afterwards.
    again_s: a board that went away is tried once more when it is back within that time (a watchdog
    that a plug armed and that cannot be stopped resets it; it is not armed then).
    """
    ui = ui or Quiet()
    board = image.board(name)
    if link.is_drive(port):
        from .circuitpy import flash_drive

        return flash_drive(board, Path(port), without, more, pki, ui)
    if board.api == "circuitpython":
        raise FlashError(
            f"{board.id} has CircuitPython: PORT is the path of its drive, not a port"
        )
    ui.say(f"compiling for {board.id} ({board.arch})")
    made = image.build(board, without, more)
    port = link.find(port)
    try:
        return _flash(board, made, port, pki, kind, force, start, ui)
    except link.Gone as error:
        ui.end()
        if not again_s or not link.back(port, again_s):
            raise FlashError(f"{error}; flash again: it completes what was begun") from None
        ui.say(f"{error}; it is back, once more")
        return _flash(board, made, port, pki, kind, force, start, ui)
    finally:
        ui.end()


def _flash(board, made, port, pki, kind, force, start, ui):
    done = Outcome()
    with link.Link(port) as there:
        found = there.implementation
        deploy.check(there, board)
        deploy.check_firmware(there, made)
        ui.say(
            f"{found['build'] or found['machine']} on {port}: MicroPython "
            + ".".join(str(part) for part in found["version"])
        )
        size = rom.size(there) if kind in (None, "ROMFS") else 0
        data = rom.build(made) if size else None
        if data and len(data) > size:
            ui.say(f"its ROM partition has {size // 1024} kB, {len(data) // 1024} needed: copying")
            data = None
        if kind == "ROMFS" and data is None:
            raise FlashError(f"{port}: no ROM partition that is large enough")
        if data is None and kind != "files":
            if deploy.reads_packs(there):
                made = packed.pack(made)
            elif kind == "packs":
                raise FlashError(f"{port}: its MicroPython has no module deflate: no packs")
        files = made.files
        if data:
            files = {path: made.files[path] for path in rom.OUTSIDE}
        plan = deploy.Plan(there, made, files, rom=data is not None)
        if force:
            plan.write = dict(files)
        rom_old = data is not None and (force or not rom.holds(there, data))
        done.old, done.new = plan.old, made.version
        done.removed, done.kept = len(plan.remove), len(plan.keep)
        if plan.nothing and not rom_old:
            done.how = "nothing"
        else:
            done.how = "ROMFS" if data else "packs" if made.packed else "files"
            done.written = len(plan.write)
            done.bytes = sum(map(len, plan.write.values())) + (len(data) if rom_old else 0)
            for path in plan.rename:
                ui.say(f"{path} is not ours and would come first: it becomes {path}.user")
            ui.begin(f"{done.old} -> {done.new}", done.bytes)
            deploy.copy(plan, ui.step, ui.progress)
            if rom_old:
                ui.step("write the ROM image")
                there.close()
                rom.write(port, data, ui.progress)
                there.__init__(port)
                there.exec(deploy._LOOK)
                if not rom.holds(there, data):
                    raise FlashError(f"{port}: the ROM partition reads back wrong")
            deploy.finish(plan, ui.step)
        if plan._read("settings.toml") is None:
            ui.step("write settings.toml")
            there.put(there.root + "settings.toml", _EXAMPLE.read_bytes())
            ui.say("settings.toml was not there: it has the defaults now")
        if pki:
            copy_keys(there, Path(pki), ui)
        if start:
            done.said = there.start()
    return done
