# SPDX-License-Identifier: MIT
"""Crash-safe files: the power goes at every step of a write, on fake disks and on real ones."""

import pytest
from evcc import store

from host_tests.cutdisk import Cut, Disk
from tools.vm import micropython

OLD, NEW = b"old settings " * 3, b'new = "settings"'
KINDS = [dict(fat=fat, small=small) for fat in (False, True) for small in (False, True)]
IDS = ["-".join(name for name in kind if kind[name]) or "linux" for kind in KINDS]


@pytest.fixture
def on(monkeypatch):
    """`on(disk)`: evcc.store works on it from here on."""

    def use(disk):
        monkeypatch.setattr(store, "os", disk)
        monkeypatch.setattr(store, "open", disk.open, raising=False)
        monkeypatch.setattr(store, "_SMALL", not hasattr(disk, "fsync"))
        return disk

    return use


def cuts(on, before, act, kind):
    """Cut `act` after every step; yields (text, files found at the next boot)."""
    for cut in range(10_000):
        disk = on(Disk(before, cut, **kind))
        try:
            act()
        except Cut:
            for what, files in disk.after():
                yield f"cut after step {cut}, {what}", files
            continue
        yield "no cut", disk.safe
        assert cut > 2
        return
    raise AssertionError("it never ended")


def filled(on, kind, *values):
    disk = on(Disk(**kind))
    for value in values:
        assert store.Store("/store").write("x", value)
    return disk.files


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize("earlier", [(), (OLD,), (b"older", OLD)], ids=["first", "2nd", "3rd"])
def test_a_write_is_all_or_nothing(on, kind, earlier):
    before = filled(on, kind, *earlier)
    old = earlier[-1] if earlier else None
    seen = set()
    for text, files in cuts(on, before, lambda: store.Store("/store").write("x", NEW), kind):
        on(Disk(files, **kind))
        found = store.Store("/store").read("x")
        assert found in (old, NEW), text
        seen.add(found)
        # and the next write works on whatever the cut left
        assert store.Store("/store").write("x", b"next"), text
        assert store.Store("/store").read("x") == b"next", text
    assert found == NEW and seen == {old, NEW}


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_removal_is_all_or_nothing(on, kind):
    before = filled(on, kind, b"older", OLD)
    for text, files in cuts(on, before, lambda: store.Store("/store").remove("x"), kind):
        on(Disk(files, **kind))
        assert store.Store("/store").read("x") in (OLD, None), text
    assert files == {}


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize(
    "before", [{}, {"/pki/a.key": OLD}, {"/pki/a.key": OLD, "/pki/a.key.old": b"z"}]
)
def test_a_plain_file_is_old_or_new_after_recover(on, kind, before):
    def act():
        store.put("/pki/a.key", NEW[:5], NEW[5:])
        store.commit("/pki/a.key")

    for text, files in cuts(on, before, act, kind):
        disk = on(Disk(files, **kind))
        store.recover("/pki")
        assert disk.files.get("/pki/a.key") in (before.get("/pki/a.key"), NEW), text
        assert "/pki/a.key.new" not in disk.files, text
    assert disk.files["/pki/a.key"] == NEW


def test_recover_may_be_cut_as_well(on):
    kind = KINDS[-1]
    torn = {"/pki/a.old": OLD, "/pki/a.new": NEW, "/pki/b": OLD, "/pki/b.new": NEW[:3]}
    for text, files in cuts(on, torn, lambda: [store.recover("/pki") for _ in range(9)], kind):
        disk = on(Disk(files, **kind))
        store.recover("/pki")
        assert (disk.files["/pki/a"], disk.files["/pki/b"]) == (NEW, OLD), text
        break


def test_recover_does_not_bring_back_what_somebody_removed(on):
    disk = on(Disk({"/pki/a.old": OLD}))
    store.recover("/pki")
    assert disk.files == {"/pki/a.old": OLD}


@pytest.mark.parametrize("at", [0, 5, 9, 12, 20, -1])
def test_a_flipped_bit_gives_the_last_good_copy(tmp_path, at):
    kept = store.Store(str(tmp_path / "store"))
    assert kept.write("x", OLD) and kept.write("x", NEW)
    path = tmp_path / "store" / "x"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert kept.read("x") == OLD and kept.bad == 1


def test_on_the_disk_of_this_machine(tmp_path):
    kept = store.Store(str(tmp_path / "store"))
    assert kept.read("x") is None
    assert kept.write("x", b"") and kept.read("x") == b""
    assert kept.write("x", NEW) and store.Store(str(tmp_path / "store/")).read("x") == NEW
    assert kept.remove("x") and kept.read("x") is None and not list((tmp_path / "store").iterdir())


def test_failures_are_told_not_raised(tmp_path):
    (tmp_path / "file").write_text("")
    kept = store.Store(str(tmp_path / "file"))
    assert not kept.write("x", NEW) and isinstance(kept.error, OSError)
    assert kept.read("x") is None
    with pytest.raises(OSError):
        store.commit(str(tmp_path / "nothing"))


def test_a_full_disk_keeps_the_old(on):
    disk = on(Disk(filled(on, KINDS[1], OLD)))
    disk.open = lambda path, mode="r": (
        exec("raise OSError(28)") if "w" in mode else Disk.open(disk, path, mode)
    )
    store.open = disk.open
    kept = store.Store("/store")
    assert not kept.write("x", NEW) and kept.error.args[0] == 28
    assert kept.read("x") == OLD


# MicroPython's own FAT and littlefs on a disk in memory whose power goes at every block write.
REAL = """
import gc, os, sys
gc.disable()  # files that a cut left open must not write later
from evcc import store
kind, unit = getattr(os, sys.argv[1]), int(sys.argv[2])

class Cut(Exception): pass  # OSError would be caught by the file system

class Memory:
    def __init__(self, data=None):
        self.data = bytearray(data or unit * BLOCKS)
        self.left = None
    def spend(self):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Cut
    def readblocks(self, n, buf, off=0):
        at = n * unit + off
        buf[:] = memoryview(self.data)[at:at + len(buf)]
    def writeblocks(self, n, buf, off=0):
        at = n * unit + off
        if kind is os.VfsFat:  # sector by sector, as flash does
            for i in range(0, len(buf), unit):
                self.put(at + i, memoryview(buf)[i:i + unit])
        else:
            self.put(at, buf)
    def put(self, at, buf):
        if self.left == 0 and torn:
            half = len(buf) // 2
            self.data[at:at + half] = memoryview(buf)[:half]
        self.spend()
        self.data[at:at + len(buf)] = buf
    def ioctl(self, op, arg):
        if op == 4: return len(self.data) // unit
        if op == 5: return unit
        if op == 6:
            self.spend()
            self.data[arg * unit:(arg + 1) * unit] = b"\\xff" * unit
            return 0
        if op in (1, 2, 3): return 0

BLOCKS = 64
torn = sys.argv[3] == "torn"

def mounted(data):
    disk = Memory(data)
    os.mount(kind(disk), "/d")
    return disk

disk = Memory()
kind.mkfs(disk)
os.mount(kind(disk), "/d")
os.mkdir("/d/pki")
kept = store.Store("/d/store")
assert kept.read("s") is None
assert kept.write("s", b"older" * 150) and kept.write("s", b"old" * 300), kept.error
store.put("/d/pki/a.key", b"OLD" * 100); store.commit("/d/pki/a.key")
image = bytes(disk.data)
os.umount("/d")
found = {}
cut = 0
while True:
    disk = mounted(image)
    disk.left = cut
    try:
        kept = store.Store("/d/store")
        good = kept.write("s", b"new!" * 400)
        store.put("/d/pki/a.key", b"NEW!" * 99); store.commit("/d/pki/a.key")
        if good: good = kept.remove("s")
        ended = good and disk.left > 0
    except (Cut, OSError):
        ended = False
    os.umount("/d")
    disk = mounted(disk.data)
    kept = store.Store("/d/store")
    store.recover("/d/pki")
    try:
        with open("/d/pki/a.key", "rb") as f: key = f.read()
    except OSError: key = None
    value = kept.read("s")
    pair = {b"old" * 300: "old", b"new!" * 400: "new", None: "none"}.get(value, "neither"), {
        b"OLD" * 100: "old", b"NEW!" * 99: "new"}.get(key, "neither")
    found[pair] = found.get(pair, 0) + 1
    if pair not in (("old", "old"), ("new", "old"), ("new", "new"), ("none", "new")):
        print("cut", cut, pair)
    # what is left is sound: later writes last
    for i in range(3):
        assert kept.write("t", bytes((i,)) * 700), (cut, kept.error)
        assert kept.write("s", bytes((65 + i,)) * 900), (cut, kept.error)
    store.put("/d/pki/a.key", b"LAST" * 150); store.commit("/d/pki/a.key")
    key = open("/d/pki/a.key", "rb").read()
    if (kept.read("s"), kept.read("t"), key) != (b"C" * 900, b"\\2" * 700, b"LAST" * 150):
        print("cut", cut, "damaged the disk")
    os.umount("/d")
    cut += 1
    if ended: break
print(cut > 20, sorted(found))
"""


@pytest.mark.vm
@pytest.mark.parametrize("torn", ["whole", "torn"])
@pytest.mark.parametrize("kind, unit", [("VfsLfs2", 512), ("VfsFat", 512)])
def test_on_micropythons_file_systems(machine, mpy, kind, unit, torn):
    machine("i386")
    path = mpy(("evcc/store.py", "evcc/compat.py", "evcc/__init__.py"))
    done = micropython(REAL, heap="200m", path=[path], arguments=[kind, str(unit), torn])
    assert done.returncode == 0, done.stderr
    words = "True [('new', 'new'), ('new', 'old'), ('none', 'new'), ('old', 'old')]\n"
    assert done.stdout == words
