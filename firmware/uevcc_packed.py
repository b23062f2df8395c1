# SPDX-License-Identifier: MIT
"""Modules of evcc and drivers from packs: compressed .mpy files, a pack for each package.

For boards whose code lies in a file system, which gives every file whole blocks (4 kB on an
RP2350) and from which code is loaded into RAM anyway: 160 files in 700 kB become 15 in 200 kB. The
packages' `__init__` point their `__path__` here (tools/flash/packed.py makes them and the packs),
so `import` asks the file system below. What is no module (names.bin) lies as a file of its own in
the package's folder.

A pack: u16 length of its list, little-endian; the list; the members. The list has an empty line, a
line "NAME OFFSET" for each module, "- OFFSET" for the end of the last one, and "NAME -" for each
package in it; offsets are among the members. A member is raw deflate with a window of 2 kB.
"""

import gc
import io
import os

import deflate
import vfs

_WINDOW = 11  # bits
_IMPORT = 4000  # bytes that one import leaves beside its member: decompressor, window, paths
_GARBAGE = 8000  # bytes; more of it between what stays, and the heap breaks into small pieces
_AT = "/packed"
_DIR = (0x4000,) + (0,) * 9
_FILE = (0x8000,) + (0,) * 9


class Packs:
    """A file system to read modules from. `root`: folder of the packs, with "/" at its end."""

    def __init__(self, root):
        self._root = root
        self._folder = None  # whose list is in memory
        self._list = b""
        self._begin = 0
        self._garbage = 0  # bytes of imports since the last collection

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def _pack(self, folder):
        """The open pack of a folder ("/evcc/tls"), its list in memory."""
        pack = open(self._root + folder[1:].replace("/", ".") + ".pack", "rb")
        if folder != self._folder:
            self._begin = 2 + int.from_bytes(pack.read(2), "little")
            self._list = pack.read(self._begin - 2)
            self._folder = folder
        return pack

    def _look(self, path):
        """Of a module (offset, end) among the members, of a package None. Raises OSError."""
        folder, _, name = path.rpartition("/")
        if folder != self._folder:
            self._pack(folder).close()
        module = name.endswith(".mpy")
        at = self._list.find(b"\n%s " % (name[:-4] if module else name)) + 1
        next = self._list.find(b"\n", at) + 1
        found = self._list[at : self._list.find(b"\n", next)].split()
        if not at or (found[1] == b"-") is module:
            raise OSError(2)
        return (int(found[1]), int(found[3])) if module else None

    def stat(self, path):
        """For `import` a kind is enough; times and sizes are 0."""
        if path.count("/") < 2:
            return _DIR if path == "/" else os.stat(self._root + path[1:])
        return _FILE if self._look(path) else _DIR

    def open(self, path, mode):
        """A member as a stream to read once; else the file of that name beside the packs."""
        try:
            begin, end = self._look(path)
        except OSError:
            return open(self._root + path[1:], mode)
        pack = self._pack(path.rpartition("/")[0])
        pack.seek(self._begin + begin)
        # at once: deflate asks byte by byte, and a file is slow at that
        self._garbage += end - begin + _IMPORT
        if self._garbage > _GARBAGE:
            gc.collect()
            self._garbage = 0
        data = pack.read(end - begin)
        pack.close()
        return deflate.DeflateIO(io.BytesIO(data), deflate.RAW, _WINDOW)

    def ilistdir(self, path):
        """For a person who looks; below a package only."""
        self._pack(path).close()
        for line in self._list.split(b"\n"):
            name, _, offset = line.partition(b" ")
            if offset == b"-":
                yield str(name, "ascii"), _DIR[0], 0
            elif name not in (b"", b"-"):
                yield str(name, "ascii") + ".mpy", _FILE[0], 0

    def statvfs(self, path):
        return (1,) + (0,) * 9


def folder(file):
    """`__path__` of the package whose `__init__` is `file` ("/lib/evcc/__init__.mpy")."""
    end = file.rfind("/")
    begin = file.rfind("/", 0, end) + 1
    if not any([at == _AT for _, at in vfs.mount()]):
        vfs.mount(Packs(file[:begin]), _AT)
    return _AT + "/" + file[begin:end]
