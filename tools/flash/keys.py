# SPDX-License-Identifier: MIT
"""Keys and certificates of the car onto a board: only what is the car's, only in service mode.

Each file is whole or not there, is verified by hash, and nothing else in the board's folder is
removed. What a folder of `make pki` holds for the station and its authorities stays on the PC.
"""

import hashlib
from pathlib import Path

from evcc import params

from . import FlashError

_NOT_THE_CARS = ("secc", "ca_keys", "cps", "ocsp")


def car_files(folder):
    """{path below the PKI folder: bytes} of what a car needs. Raises FlashError."""
    if not folder.is_dir():
        raise FlashError(f"pki: no folder {folder}; `make pki PKI={folder}` makes one for tests")
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(_NOT_THE_CARS) and path.suffix in _KINDS:
            found[name] = path.read_bytes()
    if not found:
        raise FlashError(f"pki: nothing in {folder} is a car's key or certificate")
    return found


_KINDS = (".der", ".key", ".txt")


def settings_of(text):
    """The device's settings, from its settings.toml. Raises FlashError."""
    try:
        return params.load(text, None, "settings.toml")
    except params.SettingsError as error:
        raise FlashError(f"settings.toml of the device: {error}") from None


def copy_keys(link, folder: Path, ui):
    """Copy them. Raises FlashError; refused unless the device is in service mode."""
    try:
        text = link.eval("open(%r).read()" % (link.root + "settings.toml"))
    except OSError:
        text = "# end\n"
    settings = settings_of(text)
    if not settings.service_mode:
        raise FlashError("keys are written in service mode only: service_mode = true in settings")
    files = car_files(folder)
    root = link.root + settings.pki_dir.strip("/")
    ui.begin(f"keys to {root}", sum(map(len, files.values())))
    made = set()
    for name, data in files.items():
        parts = [root, *name.split("/")[:-1]]
        for depth in range(len(parts)):
            part = "/".join(parts[: depth + 1])
            if part not in made:
                made.add(part)
                link.exec(f"import os\ntry:\n os.mkdir({part!r})\nexcept OSError:\n pass")
        ui.step("write " + name)
        link.put(f"{root}/{name}", data, ui.progress)
        there = link.eval(f"_hash({root + '/' + name!r})")
        if there != hashlib.sha256(data).hexdigest()[:16]:
            raise FlashError(f"{name} reads back wrong")
    ui.say(f"{len(files)} files of keys and certificates are in {root}")
