# SPDX-License-Identifier: MIT
"""A disk whose power fails: it stands in for `os` and `open` of evcc.store and stops at one step.

Every write of a byte, every sync, rename, remove, creation is a step. What was not synced when
the power went may be there or not: `after` gives each disk that could be found at the next boot.
`fat`: rename refuses to replace, and the cut may leave a renamed file under both names.
"""

import io


class Cut(BaseException):
    """The power is gone. Not an Exception: nothing may catch it."""


class Disk:
    def __init__(self, files=None, cut=None, fat=False, small=True):
        self.files = dict(files or {})  # what a process sees
        self.safe = dict(self.files)  # what the medium surely has
        self.torn = {}  # path -> bytes that may be there instead
        self.steps = 0
        self.cut = cut
        self.fat = fat
        self.both = None
        if not small:
            self.fsync = self._fsync
            self.O_RDONLY = 0
        else:
            self.sync = self._all
        self._open_files = {}

    def step(self):
        self.steps += 1
        if self.cut is not None and self.steps > self.cut:
            raise Cut

    def after(self):
        """Disks that may be found after the cut: (what, files)."""
        yield "synced only", dict(self.safe)
        yield "all written", dict(self.files)
        found = dict(self.safe)
        for path, data in self.torn.items():
            if path in self.files:
                found[path] = bytes(len(data))  # the length is there, the data are not
        yield "zeros", found
        if self.both:
            yield "two names", {**self.files, self.both[0]: self.both[1]}

    # ---- what evcc.store calls -----------------------------------------------------------------

    def open(self, path, mode="r", *_):
        if mode == 0:
            return ("folder", path)
        if "w" in mode:
            self.step()
            self.files[path] = b""
            self.torn[path] = b""
            return _File(self, path)
        if path not in self.files:
            raise OSError(2, path)
        return io.BytesIO(self.files[path])

    def close(self, _file):
        pass

    def stat(self, path):
        if path not in self.files and not any(name.startswith(path + "/") for name in self.files):
            raise OSError(2, path)

    def mkdir(self, path):
        pass

    def listdir(self, folder):
        folder = folder.rstrip("/") + "/"
        return [name[len(folder) :] for name in self.files if name.startswith(folder)]

    def rename(self, old, new):
        if old not in self.files:
            raise OSError(2, old)
        if self.fat and new in self.files:
            raise OSError(17, new)
        data = self.files[old]
        self.both = old, data
        self.files[new] = data
        self.step() if self.fat else None
        del self.files[old]
        self.step()
        self.both = None
        # Without a sync before, the new name may point to nothing yet.
        if old in self.torn:
            self.torn[new] = self.torn.pop(old)
        else:
            self.safe.pop(old, None)
            self.safe[new] = data

    def remove(self, path):
        if path not in self.files:
            raise OSError(2, path)
        self.step()
        del self.files[path]
        self.safe.pop(path, None)
        self.torn.pop(path, None)

    def _fsync(self, file):
        self.step()
        if isinstance(file, tuple):
            return
        self.safe[file] = self.files[file]
        self.torn.pop(file, None)

    def _all(self):
        self.step()
        self.safe = dict(self.files)
        self.torn = {}


class _File:
    def __init__(self, disk, path):
        self.disk, self.path = disk, path

    def write(self, data):
        for byte in bytes(data):
            self.disk.step()
            self.disk.files[self.path] += bytes((byte,))
            self.disk.torn[self.path] = self.disk.files[self.path]
        return len(data)

    def flush(self):
        self.disk.step()

    def fileno(self):
        return self.path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
