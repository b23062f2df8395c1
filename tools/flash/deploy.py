# SPDX-License-Identifier: MIT
"""An image onto a MicroPython board, so that no interruption leaves a mixed version running.

The file `uevcc_update` is there from the first change to the last: while it is there main.py does
not start the device. Every file is written under another name and renamed, so each is whole. In
between the board has a mixed set, which the next flash completes: it looks at hashes, not at what
it did before. `uevcc_files` lists what is ours (old and new until the end), so that stale files go
and nobody else's. Never touched: settings.toml (made from the example if there is none), bench
settings, pki, store, log, boot.py, anything not on our list.
"""

from . import FlashError
from .image import short

UPDATE, FILES, VERSION = "uevcc_update", "uevcc_files", "uevcc_version"
_OLDEST = (1, 25)
_FOREIGN = ("import uevcc_board", "tools/flash")  # either is in each main.py of ours

_LOOK = """
import os,hashlib,binascii
def _hash(p):
 try:
  s=hashlib.sha256();b=bytearray(512);m=memoryview(b)
  with open(p,'rb') as f:
   while 1:
    n=f.readinto(b)
    if not n:break
    s.update(m[:n])
  return binascii.hexlify(s.digest()[:8]).decode()
 except OSError:
  return ''
def _list(d):
 try:
  return [e[0] for e in os.ilistdir(d) if e[1]==32768]
 except OSError:
  return []
"""


def check(link, board):
    """Is this the board it should be? Raises FlashError before anything is changed."""
    found = link.implementation
    if found["name"] == "circuitpython":
        raise FlashError(
            f"{link.port}: CircuitPython runs there: give the path of its drive, "
            "PORT=/media/.../CIRCUITPY"
        )
    if found["name"] != "micropython":
        raise FlashError(f"{link.port}: {found['name']} runs there, not MicroPython")
    if board.api != "machine":
        raise FlashError(
            f"{board.id} is a board with {board.api}, but MicroPython runs on {link.port}"
        )
    if found["version"][:2] < _OLDEST:
        text = ".".join(str(part) for part in found["version"])
        raise FlashError(f"{link.port}: MicroPython {text} is too old: 1.25 or newer is needed")
    if found["arch"] and found["arch"] != board.arch:
        raise FlashError(
            f"{link.port}: wrong architecture: {found['machine'] or found['build']} runs "
            f"{found['arch']} code, {board.id} is {board.arch}; is BOARD right?"
        )


def check_firmware(link, image):
    """Has its MicroPython the cryptography that this image leaves to it? Raises FlashError."""
    if "lib/evcc/crypto/aes.mpy" not in image.files:
        return
    try:
        link.exec("import cryptolib, hashlib\nhashlib.sha1")
    except FlashError as error:
        raise FlashError(
            f"{error}: its MicroPython was built without cryptolib or hashlib.sha1, which TLS "
            "needs; take another one, or leave TLS out (ARGS='--without tls')"
        ) from None


class Plan:
    """What a flash has to do: `write` {path: bytes}, `remove`, `rename` (a user's own copies of
    our modules, which would come first), `keep` (unchanged), `old` version text, `need` and `free`
    bytes.
    """

    def __init__(self, link, image, files, rom=False):
        self.link, self.image, self.files = link, image, files
        link.exec(_LOOK)
        self.old_files = listed(self._read(FILES))
        self.old = version_of(self._read(VERSION))
        if self._read(UPDATE) is not None:
            self.old = f"cut off ({version_of(self._read(UPDATE))})"
        ours = {**self.old_files, **{path: short(data) for path, data in files.items()}}
        there = self._hashes(sorted(ours))
        self.write = {p: d for p, d in files.items() if there[p] != short(d)}
        self.keep = [p for p in files if p not in self.write]
        self.remove = [p for p in self.old_files if p not in files and there[p]]
        names = self._names(ours)
        self.rename = shadows(names, image.files if rom else files, self.old_files)
        self.leftovers = [p for p in names if p.endswith(".new") and p[:-4] in ours]
        if there["main.py"] and "main.py" not in self.old_files:
            self._foreign_main()
        self._space()

    def _read(self, path):
        """Text of a file of the board; None without it."""
        try:
            return self.link.eval("open(%r).read()" % (self.link.root + path))
        except OSError:
            return None

    def _hashes(self, paths):
        found = {}
        for at in range(0, len(paths), 12):
            some = paths[at : at + 12]
            full = [self.link.root + path for path in some]
            found.update(zip(some, self.link.eval(f"[_hash(p) for p in {full!r}]")))
        return found

    def _names(self, ours):
        """Every file in the folders that we write to."""
        folders = {path.rpartition("/")[0] for path in [*ours, *self.image.files]}
        names = []
        for folder in sorted(folders):
            prefix = folder + "/" if folder else ""
            at = (self.link.root + folder) or "/"
            names += [prefix + name for name in self.link.eval(f"_list({at!r})")]
        return names

    def _foreign_main(self):
        text = self._read("main.py") or ""
        if not any(mark in text for mark in _FOREIGN):
            raise FlashError(
                f"{self.link.port}: main.py there is not of uEVCC. Save it and remove it "
                f"(mpremote connect {self.link.port} fs rm :main.py), then flash again"
            )

    def _space(self):
        """Is there room? Blocks count, as littlefs and FAT give no less to a file."""
        root = self.link.root
        block, whole, free = self.link.eval(
            f"(lambda s:(s[1] or s[0],s[2],s[3]))(os.statvfs({root!r}))"
        )

        def blocks(n):
            return -(-n // block)

        there = {}
        gone = self.remove + list(self.write)
        for at in range(0, len(gone), 12):
            some = gone[at : at + 12]
            full = [root + path for path in some]
            there.update(zip(some, self.link.eval(f"[_size(p) for p in {full!r}]", _SIZE)))
        all_of_it = sum(blocks(len(data)) for data in self.files.values()) * block
        if all_of_it > whole * block:
            raise FlashError(
                f"{self.link.port}: its file system has {whole * block // 1024} kB in all, "
                f"{all_of_it // 1024} kB are needed: boards/{self.image.board.id}/README.md"
            )
        need = sum(blocks(len(data)) for data in self.write.values())
        need += 2 * len({path.rpartition("/")[0] for path in self.write}) + 2  # folders, our lists
        # the old file is there until the new one is whole
        need += max([blocks(n) for path, n in there.items() if path in self.write], default=0)
        need -= sum(blocks(n) for n in there.values())
        self.need, self.free = need * block, free * block
        if self.need > self.free:
            raise FlashError(
                f"{self.link.port}: no space: {self.need // 1024} kB more are needed, "
                f"{self.free // 1024} kB are free; leave features out (ARGS='--without NAME') "
                "or remove files"
            )

    @property
    def nothing(self):
        """Is the board as it should be already?"""
        return not (self.write or self.remove or self.rename) and self.old == self.image.version


_SIZE = """
def _size(p):
 try:
  return os.stat(p)[6]
 except OSError:
  return 0
"""


def listed(text):
    """{path: hash} of a list of files."""
    found = {}
    for line in (text or "").splitlines():
        digest, _, path = line.partition(" ")
        if len(digest) == 16 and path and ".." not in path and not path.startswith("/"):
            found[path] = digest
    return found


def version_of(text):
    words = (text or "").split()
    return words[1] if len(words) > 1 and words[0] == "uEVCC" else "none"


def shadows(names, files, ours):
    """Files of somebody else that would be imported instead of one of ours."""
    stems = {path.rsplit(".", 1)[0] for path in files if path.endswith((".mpy", ".py"))}
    return [
        name
        for name in names
        if name.endswith((".py", ".mpy")) and name not in ours and name not in files
        and name.rsplit(".", 1)[0] in stems and name != "main.py"
    ]  # fmt: skip


def _lines(files):
    return "".join(f"{digest} {path}\n" for path, digest in sorted(files.items())).encode()


def copy(plan, step=lambda text: None, progress=lambda n: None):
    """Do what the plan says, verify, leave the marker in place. `step(text)` is called before each
    change.
    """
    link, root, image = plan.link, plan.link.root, plan.image
    step("mark the update")
    link.put(root + UPDATE, image.marker())
    new = {path: short(data) for path, data in plan.files.items()}
    # main.py first: from here on it is one that looks at the mark
    first = {path: plan.write[path] for path in ("main.py",) if path in plan.write}
    for path, data in first.items():
        step("write " + path)
        link.put(root + path, data, progress)
    step("write the list of files")
    link.put(root + FILES, _lines({**plan.old_files, **new}))
    for path in plan.leftovers + plan.remove:
        step("remove " + path)
        link.exec(f"os.remove({root + path!r})")
    for path in plan.rename:
        step("rename " + path)
        link.exec(f"os.rename({root + path!r},{root + path + '.user'!r})")
    made = set()
    for path, data in plan.write.items():
        if path in first:
            continue
        folder = path.rpartition("/")[0]
        for depth in range(folder.count("/") + 1 if folder else 0):
            part = "/".join(folder.split("/")[: depth + 1])
            if part not in made:
                made.add(part)
                step("folder " + part)
                link.exec(f"try:\n os.mkdir({root + part!r})\nexcept OSError:\n pass")
        step("write " + path)
        link.put(root + path, data, progress)
    verify(plan, new, step, progress)


def verify(plan, new, step, progress):
    """Hash everything there; what came out wrong is written once more. Raises FlashError."""
    for last in (False, True):
        step("verify")
        there = plan._hashes(sorted(new))
        wrong = [path for path in new if there[path] != new[path]]
        if not wrong:
            return
        if last:
            raise FlashError(
                f"{plan.link.port}: {', '.join(wrong[:3])} reads back wrong: bad flash?"
            )
        for path in wrong:
            plan.link.put(plan.link.root + path, plan.files[path], progress)


def finish(plan, step=lambda text: None):
    """The set is complete: the list, the version, and only then the mark goes."""
    link, root = plan.link, plan.link.root
    new = {path: short(data) for path, data in plan.files.items()}
    where = link.exec("import evcc\nprint(evcc.__file__)").strip()
    if not where.startswith(root + "lib/" if "lib/evcc/__init__.mpy" in plan.files else "/rom/"):
        raise FlashError(
            f"{link.port}: another evcc comes first there ({where}): frozen into its firmware, or "
            "in a folder of its own; remove it"
        )
    step("write the list of files")
    link.put(root + FILES, _lines(new))
    step("write the version")
    link.put(root + VERSION, plan.image.marker())
    step("remove the mark")
    link.exec(f"os.remove({root + UPDATE!r})")


def reads_packs(link):
    """Has its MicroPython what packs need?"""
    try:
        link.exec("import deflate")
    except FlashError:
        return False
    return True
