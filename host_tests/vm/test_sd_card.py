# SPDX-License-Identifier: MIT
"""The log on an SD card in MicroPython: its FAT, our driver, the emulated card; cut and pulled.

dosfstools makes the FAT32 of a bought card and judges what each power cut leaves behind.
"""

import subprocess

import pytest

from host_tests.conftest import peer
from tools import ROOT
from tools.vm import _cross, micropython

pytestmark = pytest.mark.vm

MODULES = (
    "evcc/__init__.py", "evcc/compat.py", "evcc/store.py", "evcc/log_card.py", "evcc/logfile.py",
    "evcc/pcap.py", "evcc/trace.py", "drivers/sd_spi.py", "drivers/sd_mount.py",
)  # fmt: skip

BEGIN = """
import gc, os, sys, vfs
from sd_card import SdCard, Wires
from evcc import log_card, logfile
from evcc.trace import Trace
flash = sys.argv[1] + "/log/last.pcapng"
class Thing: pass
ticks = [0]
class Bus(Wires):
    def write(self, data):
        ticks[0] += 60 + len(data)  # microseconds, about
        Wires.write(self, data)
    def readinto(self, data):
        ticks[0] += 60 + len(data)
        Wires.readinto(self, data)
def clock(): return ticks[0] // 1000
def opened(now, within):
    from drivers.sd_mount import Card
    from drivers.sd_spi import SdSpi
    return Card(SdSpi(Bus(card), now, within))
def device():
    d = Thing()
    d.parts, d.settings = Thing(), Thing()
    d.parts.card, d.parts.clock, d.settings.log_dir = opened, clock, "log"
    d.controller = d.mounted = None
    d.card, d.log_at = "", flash
    d.log_path = lambda: flash
    return d
def ring(kB, byte):
    t = Trace(kB * 1024)
    while not t.lost: t.frame(True, byte * 100, 1000)
    return t
def save(d, t):
    def write(path, wrap=None): logfile.write(path, t, False, 0, (), wrap)
    return log_card.save(d, write)
def formatted(sectors=2048):
    global card
    from drivers.sd_spi import SdSpi
    card = SdCard(sectors)
    vfs.VfsFat.mkfs(SdSpi(Bus(card), clock, 10**6))
    return card
def read(d, name):
    log_card.show(d)
    try:
        with open("/sd/log/" + name, "rb") as f: return f.read()
    except OSError: return None
    finally: log_card.hide(d)
def image(path):
    with open(path, "wb") as f:
        for n in range(card.sectors): f.write(card.read(n))
d = device()
"""


@pytest.fixture
def run(mpy, tmp_path):
    """`run(code)`: its lines; the folder is argv[1]."""

    def run(code, *words, heap="16m"):
        folder = mpy(MODULES)
        _cross(ROOT / "tools/emulator/sd_card.py", folder / "sd_card.mpy", "sd_card", None, 3)
        (tmp_path / "log").mkdir(exist_ok=True)
        done = micropython(
            BEGIN + code, heap=heap, path=[folder], arguments=[str(tmp_path), *words], timeout=110
        )
        assert not done.returncode and not done.stderr, done.stderr[-2000:]
        return done.stdout.splitlines()

    return run


def fsck(image):
    """What fsck.fat says is wrong with an image."""
    command = [*peer("dosfstools").command("sbin/fsck.fat"), "-n", "-v", str(image)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_a_log_is_written_read_back_and_the_one_before_kept(run):
    out = run("""
formatted()
log_card.look(d); print(d.card, d.log_at == flash)
logs = [ring(16, b) for b in (b"a", b"b")]
for t in logs:
    begun = clock()
    print(save(d, t), d.card, d.log_at, clock() - begun < 700)
    print(vfs.mount() == [m for m in vfs.mount() if m[1] == "/"])
    print([n for n in sys.modules if n.startswith("drivers.sd")])
print(b"bbbb" in read(d, "last.pcapng"), b"aaaa" in read(d, "last.pcapng.old"))
verdict, text = log_card.row(d); print(verdict, text[:4])
d = device(); log_card.look(d); print(d.log_at)
print(card.faults)
""")
    again = ["True good /sd/log/last.pcapng True", "True", "[]"]
    assert out == [
        "good True",
        *again,
        *again,
        "True True",
        "good 1 MB",
        "/sd/log/last.pcapng",
        "[]",
    ]


def test_what_is_wrong_is_said_and_nothing_is_left_mounted(run):
    out = run("""
t = ring(8, b"a")
def tried():
    print(save(d, t), d.card, len(vfs.mount()), d.log_at == flash)
    gc.collect(); gc.collect()  # what could not be closed is closed, and says nothing
card = SdCard(2048)
tried()
card.present = False; tried()
formatted()
card.protected = True; tried(); card.protected = False
card.refuse = True; tried(); card.refuse = False
formatted(); card.forgets = True; tried(); card.forgets = False
formatted(); log_card.show(d)
with open("/sd/big", "wb") as f:
    try:
        while True: f.write(bytes(4096))
    except OSError: pass
log_card.hide(d); tried()
print([n for n in os.listdir(sys.argv[1] + "/log")])
""")
    assert out == [
        "False no FAT on it (beyond 32 GB cards come with exFAT: format it as FAT32) 1 True",
        "False no card answers 1 True",
        "False it is write-protected 1 True",
        "False the card does not take a block: 0x0d 1 True",
        "False its files are damaged 1 True",
        "False it is full 1 True",
        "[]",
    ]


PULL = """
formatted()
t = ring(4, b"a")
other = ring(1, b"z")
assert save(d, other)
before = dict(card.blocks)
plain = card.transfer
for n in range(1, 99):
    card.blocks = dict(before); card.power_up(); d = device()
    count = [n * 797]
    def transfer(byte):
        count[0] -= 1
        if not count[0]: {fault}
        return plain(byte)
    card.transfer = transfer
    begun = clock()
    done = save(d, t)
    took = clock() - begun
    card.transfer = plain
    card.present, card.stuck = True, None
    if took > 3200 or len(vfs.mount()) > 1: print("after", n, "took", took)
    for i in range(3): gc.collect()  # files that could not be closed
    if done: break
    if d.card == "good" or not {words}: print(n, d.card)
    card.power_up()
    if not save(d, other): print("then", n, d.card)
print(n > 20)
"""


@pytest.mark.parametrize(
    "fault, words",
    [
        # the card itself is asked no more in the middle of a block that it was to take
        (
            "card.present = False",
            '("no card" in d.card or "no more" in d.card or "take" in d.card)',
        ),
        ("card.stuck = 0", "True"),
    ],
    ids=["pulled", "stuck"],
)
def test_pulled_after_any_byte(run, fault, words):
    """It ends in time, says so, prints nothing; the card works again when it is back."""
    assert run(PULL.format(fault=fault, words=words)) == ["True"]


CUT = """
formatted()
assert save(d, ring(2, b"o")) and save(d, ring(2, b"a"))
before = dict(card.blocks)
found = {}
cut = 0
old, new = read(d, "last.pcapng"), None
t = ring(3, b"b")
while True:
    card.blocks = dict(before); card.power_up(); d = device()
    card.torn, card.left = sys.argv[2] == "torn", cut
    done = save(d, t)
    card.left = None
    gc.collect(); gc.collect()
    card.power_up(); d = device()
    log_card.look(d)  # the next boot
    data = read(d, "last.pcapng")
    if done: new = data
    kind = "old" if data == old else "new" if data and b"bbb" in data else "none"
    if kind == "new": found[len(data)] = True
    found[kind] = found.get(kind, 0) + 1
    if kind == "none" and not card.torn: print("cut", cut, data and len(data))
    if cut % 4 == 0: image(sys.argv[1] + "/cut%d.img" % cut)
    if not save(d, ring(2, b"c")): print("cut", cut, "then", d.card)
    if b"ccc" not in read(d, "last.pcapng"): print("cut", cut, "then no log")
    cut += 1
    if done: break
print(cut > 15, found["old"] > 5, found["new"] > 1, len(found), found.get("none", 0))
"""


@pytest.mark.peer
@pytest.mark.shows("the log on an SD card", "FAT after power cuts", peer="dosfstools")
@pytest.mark.parametrize("torn", ["whole", "torn"])
def test_a_power_cut_at_any_block_leaves_the_old_log_or_the_new(run, tmp_path, torn):
    """Between two blocks. Within the one block of the folder that holds all names both are lost,
    which FAT cannot help; the card itself goes on."""
    # three: old, new, and one length of new only, so it is whole
    assert run(CUT, torn) == ["True True True " + ("3 0" if torn == "whole" else "4 1")]
    images = sorted(tmp_path.glob("cut*.img"))
    assert len(images) > 5
    for path in images:
        status, text = fsck(path)
        # clusters that nobody owns any more are all that a cut may cost
        wrong = [line for line in text.splitlines() if any(w in line for w in _WRONG)]
        assert not wrong, (path.name, text)
    assert fsck(images[-1])[0] in (0, 1)


_WRONG = ("shared", "Bad", "Contains a free cluster", "beyond", "differ", "Cluster chain", "loop")


@pytest.mark.peer
@pytest.mark.shows("the log on an SD card", "a FAT32 of its making", peer="dosfstools")
@pytest.mark.parametrize("table", [False, True], ids=["whole card", "partition"])
def test_the_fat32_of_a_bought_card(run, tmp_path, table):
    """Made by mkfs.fat, with a partition table as cards have it; fsck.fat is content after us."""
    begin = 2048 if table else 0
    volume = tmp_path / "volume"
    size = 80 << 20
    volume.write_bytes(b"")
    with open(volume, "wb") as file:
        file.truncate(size)
    make = peer("dosfstools").command("sbin/mkfs.fat")
    subprocess.run([*make, "-F", "32", str(volume)], check=True, capture_output=True, timeout=60)
    blocks = volume.read_bytes()
    entries = bytearray()
    for n in range(0, size // 512):
        block = blocks[512 * n : 512 * n + 512]
        if any(block):
            entries += (begin + n).to_bytes(4, "little") + block
    if table:
        part = bytes([0, 0, 2, 0, 0x0C, 0, 0, 0])
        part += begin.to_bytes(4, "little") + (size // 512).to_bytes(4, "little")
        entries += bytes(4) + bytes(446) + part + bytes(48) + b"\x55\xaa"
    (tmp_path / "blocks").write_bytes(entries)
    out = run("""
card = SdCard(262144)
with open(sys.argv[1] + "/blocks", "rb") as f:
    while head := f.read(4): card.blocks[int.from_bytes(head, "little")] = f.read(512)
for byte in (b"a", b"b"): print(save(d, ring(16, byte)), d.card)
print(b"bbb" in read(d, "last.pcapng"), b"aaa" in read(d, "last.pcapng.old"))
with open(sys.argv[1] + "/blocks", "wb") as f:
    for n in card.blocks: f.write(n.to_bytes(4, "little")); f.write(card.blocks[n])
""")
    assert out == ["True good", "True good", "True True"]
    data = (tmp_path / "blocks").read_bytes()
    with open(volume, "r+b") as file:
        for at in range(0, len(data), 516):
            n = int.from_bytes(data[at : at + 4], "little") - begin
            if n >= 0:
                file.seek(512 * n)
                file.write(data[at + 4 : at + 516])
    status, text = fsck(volume)
    assert status == 0 and "3 files" in text, text
