# SPDX-License-Identifier: MIT
"""A flash that is cut off, at every step and at any byte: never a mixed version, and recovered.

Two small versions whose modules print which one they are; main.py is the real one.
"""

import random
import shutil
import time

import pytest

from host_tests.conftest import need
from tools import ROOT, vm
from tools.flash import FlashError, image, logs, run
from tools.serial_board import SerialBoard, mpremote, wait

pytestmark = pytest.mark.vm

_DEVICE = """
def main(board):
    import evcc
    from evcc import common, {other}
    print("runs", evcc.V, common.V, {other}.V, board.V, "end")
"""


def version(folder, letter, other):
    """An Image whose every module is of version `letter`; `other`: a module of that one alone."""
    value = f"V = '{letter}'\n"
    sources = {
        "lib/evcc/__init__": value,
        "lib/evcc/common": value + f"text = '{letter * 700}'\n",
        f"lib/evcc/{other}": value,
        "lib/evcc/device": _DEVICE.format(other=other.replace("/", ".")),
        "uevcc_board": value + "def safe():\n    print('safe')\n",
    }
    files = {"main.py": (ROOT / "firmware" / "main.py").read_bytes(), "lib/same.bin": b"same"}
    for name, text in sources.items():
        source, target = folder / "one.py", folder / "one.mpy"
        source.write_text(text)
        vm._cross(source, target, name.rpartition("/")[2] + ".py", None, 3)
        files[name + ".mpy"] = target.read_bytes()
    return image.Image(image.board("EMULATED"), files, f"1.0+{letter}")


class Cut(Exception):
    pass


class At(run.Quiet):
    """Calls `act` before step number `n`, and notes the steps."""

    def __init__(self, n=None, act=None):
        self.n, self.act, self.steps = n, act, []

    def step(self, text):
        if len(self.steps) == self.n:
            self.act()
        self.steps.append(text)


def flash(board, ui=None):
    return run.flash("EMULATED", board.port, kind="files", start=False, ui=ui, again_s=0)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    need(vm.missing("i386"))
    old, new = version(tmp_path, "A", "only_a"), version(tmp_path, "B", "only_b")
    made = [old]
    monkeypatch.setattr(run.image, "build", lambda *words: made[0])
    board = SerialBoard(tmp_path / "board", flash_kB=256)
    flash(board)
    board.power_off()
    flash_A = tmp_path / "A.bin"
    shutil.copy(board.folder / "flash.bin", flash_A)
    made[0] = new

    def again():
        """The board as version A left it."""
        board.power_off()
        shutil.copy(flash_A, board.folder / "flash.bin")
        board.cable.plug()
        board.power_on()

    yield board, again
    board.close()


def says(board):
    """What main.py says after power-on: "A", "B" (all of that version) or "cut off"."""
    board.power_off()
    board.cable.plug()
    board.cable.received = b""
    board.power_on()
    assert wait(lambda: b">>> " in board.cable.received), board.errors
    heard = board.cable.received.decode()
    assert "safe" in heard, "the outputs come first, whatever else is there"
    if "cut off" in heard:
        assert "runs" not in heard
        return "cut off"
    words = heard.partition("runs ")[2].partition(" end")[0].split()
    assert len(words) == 4 and len(set(words)) == 1, f"a mixed version runs: {heard}"
    return words[0]


def cut_at(board, again, number):
    again()

    def act():
        board.power_off()
        raise Cut

    with pytest.raises(Cut):
        flash(board, At(number, act))
    between = says(board)
    flash(board)
    assert says(board) == "B"
    return between


def steps_of(board, again):
    again()
    ui = At()
    done = flash(board, ui)
    assert (done.old, done.new, done.how) == ("1.0+A", "1.0+B", "files")
    assert says(board) == "B"
    files = mpremote(board.port, "resume", "fs", "ls", "lib/evcc").stdout
    assert "only_b" in files and "only_a" not in files, "a stale file of ours stays"
    return ui.steps


def test_power_cut_at_the_steps_that_matter(rig):
    board, again = rig
    steps = steps_of(board, again)
    assert steps[0] == "mark the update" and steps[-1] == "remove the mark"
    assert not [step for step in steps if "same.bin" in step], "unchanged files are not written"
    assert cut_at(board, again, 0) == "A"
    for number in (1, len(steps) // 2, len(steps) - 1):
        assert cut_at(board, again, number) == "cut off", steps[number]


def test_a_watchdog_resets_the_board_in_the_middle(rig):
    """An armed watchdog that cannot be stopped: the flash begins once more by itself."""
    board, again = rig
    again()

    def bite():
        board.power_off()
        board.power_on()

    ui = At(5, bite)
    done = run.flash("EMULATED", board.port, kind="files", start=False, ui=ui, again_s=5)
    assert ui.steps.count("mark the update") == 2 and done.old.startswith("cut off")
    assert says(board) == "B"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_power_cut_at_every_step(rig):
    board, again = rig
    steps = steps_of(board, again)
    seen = [cut_at(board, again, number) for number in range(len(steps))]
    assert seen == ["A"] + ["cut off"] * (len(steps) - 1)


def bytes_of(board, again):
    """Bytes that a whole flash sends."""
    again()
    before = board.cable.count
    flash(board)
    return board.cable.count - before


def pulled(board, again, n):
    """The cable comes out after n bytes to the board, then power is cut."""
    again()
    board.cable.pull_after = n
    with pytest.raises(FlashError) as error:
        flash(board)
    assert "lost" in str(error.value) or "no soft reset" in str(error.value), error.value
    between = says(board)
    flash(board)
    assert says(board) == "B"
    return between


def test_the_cable_is_pulled_in_the_middle(rig):
    board, again = rig
    total = bytes_of(board, again)
    assert pulled(board, again, total // 5) in ("A", "cut off")
    assert pulled(board, again, total * 3 // 4) == "cut off"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_cable_is_pulled_at_any_byte(rig):
    board, again = rig
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    total = bytes_of(board, again)
    seen = [pulled(board, again, chance.randrange(10, total - 100)) for _ in range(30)]
    assert "cut off" in seen


def test_a_users_own_files_stay(rig, tmp_path):
    board, again = rig
    again()
    (tmp_path / "x").write_text("mine\n")
    for name in ("settings.toml", "boot.py", "lib/mine.py", "lib/evcc/common.py"):
        text = "# mine\n" if name.endswith(".py") else "vehicle = 'sim'\n# end\n"
        (tmp_path / "x").write_text(text)
        assert mpremote(board.port, "resume", "cp", tmp_path / "x", ":" + name).returncode == 0
    flash(board)
    assert says(board) == "B", "a file that shadows one of ours was imported"
    tree = mpremote(board.port, "resume", "fs", "tree", ":").stdout
    for name in ("settings.toml", "boot.py", "mine.py", "common.py.user"):
        assert name in tree, tree
    text = mpremote(board.port, "resume", "cat", "settings.toml").stdout
    assert "vehicle = 'sim'" in text


def test_logs_follow_the_terminal_without_disturbing_it(tmp_path):
    need(vm.missing("i386"))
    with SerialBoard(tmp_path / "board", flash_kB=64) as board:
        (tmp_path / "main.py").write_text(
            "import time\nfor n in range(200):\n    print('line', n)\n    time.sleep_ms(20)\n"
        )
        mpremote(board.port, "cp", tmp_path / "main.py", ":")
        mpremote(board.port, "resume", "reset")
        assert wait(lambda: b"line 1" in board.cable.received)
        sent, heard = board.cable.count, []
        logs.follow(board.port, heard.append, time.monotonic() + 1)
        assert "line " in "".join(heard) and board.cable.count == sent


def test_somebody_elses_main_is_not_overwritten(tmp_path, monkeypatch):
    need(vm.missing("i386"))
    monkeypatch.setattr(run.image, "build", lambda *words: version(tmp_path, "A", "x"))
    with SerialBoard(tmp_path / "board") as board:
        (tmp_path / "x").write_text("print('my own')\n")
        mpremote(board.port, "cp", tmp_path / "x", ":main.py")
        with pytest.raises(FlashError, match="main.py there is not of uEVCC"):
            flash(board)
        assert "my own" in mpremote(board.port, "cat", "main.py").stdout


def test_no_space_is_said_before_anything_changes(tmp_path, monkeypatch):
    need(vm.missing("i386"))
    big = version(tmp_path, "A", "x")
    big.files["lib/big.bin"] = bytes(100_000)
    monkeypatch.setattr(run.image, "build", lambda *words: big)
    with SerialBoard(tmp_path / "board", flash_kB=128) as board:
        with pytest.raises(FlashError, match="no space: 1.. kB more are needed, .* free"):
            flash(board)
        assert "uevcc" not in mpremote(board.port, "fs", "ls").stdout


def test_keys_are_copied_in_service_mode_only(tmp_path, monkeypatch):
    need(vm.missing("i386"))
    made = version(tmp_path, "A", "x")
    monkeypatch.setattr(run.image, "build", lambda *words: made)
    pki = tmp_path / "keys"
    for name in ("vehicle.der", "vehicle.key", "v2g_root/a.der", "secc.key"):
        (pki / name).parent.mkdir(parents=True, exist_ok=True)
        (pki / name).write_bytes(name.encode() * 300)
    with SerialBoard(tmp_path / "board", flash_kB=256) as board:
        run.flash("EMULATED", board.port, start=False, pki=pki)
        tree = mpremote(board.port, "resume", "fs", "tree", "--size", ":pki").stdout
        assert "vehicle.key" in tree and "a.der" in tree and "secc" not in tree, tree
        (tmp_path / "settings.toml").write_text("service_mode = false\n# end\n")
        mpremote(board.port, "resume", "cp", tmp_path / "settings.toml", ":")
        with pytest.raises(FlashError, match="service mode only"):
            run.flash("EMULATED", board.port, start=False, pki=pki)


def test_a_file_system_that_is_too_small_for_any_of_it(tmp_path, monkeypatch):
    """As the 128 kB of a Nucleo H743ZI's stock firmware: nothing that a person removes helps."""
    need(vm.missing("i386"))
    made = version(tmp_path, "A", "x")
    made.files["lib/evcc/large.mpy"] = bytes(140_000)
    monkeypatch.setattr(run.image, "build", lambda *words: made)
    with SerialBoard(tmp_path / "board", flash_kB=128) as board:
        with pytest.raises(FlashError, match="128 kB in all, 1.. kB are needed: boards/EMULATED"):
            flash(board)
        assert "uevcc" not in mpremote(board.port, "ls").stdout
