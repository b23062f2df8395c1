# SPDX-License-Identifier: MIT
"""Small files that survive a power cut at any byte: the old content or the new, never neither.

A write goes to `name.new`, is synced, read back and checked (length, CRC-32), and takes the place
of `name` by renaming; what was there stays as `name.old`, the last good copy. The order holds on
littlefs, on FAT (whose rename does not replace) and on Linux. `commit` does the same for plain
files that others read: keys, settings, a log. Not here: encryption (who has the flash reads it).

File: b"uEV1", u32 length, u32 CRC-32 of the data, little-endian, then the data.
"""

import os
import struct
from binascii import crc32

from evcc.compat import const

_MAGIC = const(b"uEV1")
_HEAD_LEN = const(12)
_SMALL = not hasattr(os, "fsync")  # MicroPython, CircuitPython: closing a file commits it


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass  # there is none


def _sync(path):
    """What was renamed or removed beside `path` lasts from here on."""
    if _SMALL:
        if hasattr(os, "sync"):
            os.sync()
        return
    folder = os.open(path.rpartition("/")[0] or "/", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _exists(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def put(path, *parts):
    """Write and sync a plain file `path`.new; then `commit(path)`. Raises OSError.

    `parts`: bytes, or functions that get `write`.
    """
    with open(path + ".new", "wb") as file:
        for part in parts:
            if callable(part):
                part(file.write)
            else:
                file.write(part)
        file.flush()
        if not _SMALL:
            os.fsync(file.fileno())
    if _SMALL:
        _sync(path)


def commit(path):
    """`path`.new, complete and synced, becomes `path`; what was there, `path`.old. OSError."""
    if not _exists(path + ".new"):
        raise OSError(2)
    if _exists(path):
        _remove(path + ".old")
        os.rename(path, path + ".old")
    os.rename(path + ".new", path)
    _sync(path)


def recover(folder):
    """At boot, for a folder of plain files: end what `commit` had begun, drop what is torn."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    folder = folder.rstrip("/") + "/"
    for name in names:
        if name.endswith(".new"):
            name = name[:-4]
            # Without `name` but with its old copy: cut between the two renames, so .new is whole.
            if name not in names and name + ".old" in names:
                os.rename(folder + name + ".new", folder + name)
            else:
                _remove(folder + name + ".new")


class Store:
    """Named pieces of data (bytes, some kB at most) in `folder`.

    No method raises: `write` and `remove` return whether they succeeded, and `error` keeps the
    last OSError (full, read-only: CircuitPython while a PC has the drive). `bad`: copies met whose
    checksum was wrong.
    """

    def __init__(self, folder):
        self.folder = folder.rstrip("/") or "/"
        self.error = None
        self.bad = 0

    def _path(self, name):
        return self.folder.rstrip("/") + "/" + name

    def read(self, name):
        """The data, from the last good copy; None if there is none."""
        path = self._path(name)
        for tail in ("", ".new", ".old"):
            data = self._checked(path + tail)
            if data is not None:
                return data
        return None

    def write(self, name, data):
        """Replace the data under this name, all or nothing. False if it could not be done."""
        path = self._path(name)
        try:
            if not _exists(self.folder):
                os.mkdir(self.folder)
            put(path, struct.pack("<4sII", _MAGIC, len(data), crc32(data)), data)
            if self._checked(path + ".new") is None:
                raise OSError(5)  # the flash did not take it
            commit(path)
        except OSError as error:
            self.error = error
            return False
        return True

    def remove(self, name):
        """Forget this name. The current copy goes last: a cut on the way changes nothing."""
        path = self._path(name)
        try:
            for tail in (".new", ".old", ""):
                if _exists(path + tail):
                    os.remove(path + tail)
            _sync(path)
        except OSError as error:
            self.error = error
            return False
        return True

    def _checked(self, path):
        """Data of one copy; None if it is not there or not whole."""
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            return None
        if len(data) >= _HEAD_LEN:
            magic, length, crc = struct.unpack_from("<4sII", data)
            data = memoryview(data)[_HEAD_LEN:]
            if magic == _MAGIC and length == len(data) and crc == crc32(data):
                return bytes(data)
        self.bad += 1
        return None
