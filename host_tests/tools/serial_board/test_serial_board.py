# SPDX-License-Identifier: MIT
"""Real mpremote against the serial board: it must take it for a board, in every way we rely on."""

import os
import random
import select
import subprocess
import sys

import pytest

from host_tests.conftest import need
from tools import ROOT
from tools.serial_board import SerialBoard, mpremote, wait
from tools.vm import missing

pytestmark = pytest.mark.vm


@pytest.fixture
def start(tmp_path):
    need(missing("i386"))
    boards = []

    def begin(**more):
        boards.append(SerialBoard(tmp_path / "board", **more))
        return boards[-1]

    yield begin
    for board in boards:
        board.close()


@pytest.fixture
def board(start):
    return start()


def ask(board, *words):
    done = mpremote(board.port, *words, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(board, name, text, tmp_path):
    (tmp_path / "file").write_text(text)
    ask(board, "resume", "fs", "cp", tmp_path / "file", ":" + name)


def test_exec_run_and_errors(board, tmp_path):
    assert ask(board, "exec", "print(6 * 7)") == "42\n"
    (tmp_path / "x.py").write_text("import sys\nprint(sys.implementation.name)\n")
    assert ask(board, "run", tmp_path / "x.py") == "micropython\n"
    done = mpremote(board.port, "exec", "raise ValueError(3)")
    assert done.returncode == 1 and "ValueError: 3" in done.stdout


def test_files_are_copied_hashed_and_mounted(board, tmp_path):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    data = random.Random(seed).randbytes(5000)
    (tmp_path / "data.bin").write_bytes(data)
    (tmp_path / "there.py").write_text("print('from the PC')\n")
    ask(board, "fs", "cp", tmp_path / "data.bin", ":data.bin")
    import hashlib

    assert hashlib.sha256(data).hexdigest() in ask(board, "resume", "fs", "sha256sum", "data.bin")
    again = ask(board, "resume", "fs", "cp", tmp_path / "data.bin", ":data.bin")
    assert "Up to date" in again
    assert "from the PC" in ask(board, "mount", tmp_path, "exec", "import there")
    code = "print(sum(open('/remote/data.bin', 'rb').read()))"
    assert str(sum(data)) in ask(board, "mount", tmp_path, "exec", code)
    ask(board, "resume", "fs", "cp", ":data.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == data


def test_soft_reset_forgets_names_and_keeps_files(board, tmp_path):
    write(board, "kept", "x", tmp_path)
    ask(board, "resume", "exec", "name = 1")
    assert ask(board, "resume", "exec", "print(name)") == "1\n"
    ask(board, "resume", "soft-reset")
    code = "import os; print('name' in globals(), os.listdir())"
    assert ask(board, "resume", "exec", code) == "False ['kept']\n"
    assert board.starts[-1] == "soft"


def test_boot_then_main_in_friendly_mode_only_boot_in_raw(start, tmp_path):
    board = start()
    write(board, "boot.py", "print('boot runs')\n", tmp_path)
    write(board, "main.py", "print('main runs')\n", tmp_path)
    board.cable.received = b""
    ask(board, "soft-reset")
    assert b"boot runs" in board.cable.received and b"main runs" not in board.cable.received
    ask(board, "reset")
    assert wait(lambda: b"main runs" in board.cable.received)
    assert board.starts[-1] == "reset"


def test_a_cut_of_power_keeps_what_was_written_and_starts_main(start, tmp_path):
    board = start()
    write(board, "main.py", "print('main runs')\n", tmp_path)
    board.power_off()
    assert not board.running
    board.cable.received = b""
    board.power_on()
    assert wait(lambda: b"main runs" in board.cable.received) and board.starts[-1] == "power"


def writes(port):
    try:
        return os.write(port, b"\r")
    except OSError:
        return 0


LOOP = """
import time, micropython
print("loop")
%s
n = 0
while n < 60000:
    n += 1
    time.sleep_ms(1)
"""


def test_ctrl_c_stops_a_running_main(board, tmp_path):
    write(board, "main.py", LOOP % "", tmp_path)
    ask(board, "reset")
    assert wait(lambda: b"loop" in board.cable.received)
    done = mpremote(board.port, "resume", "exec", "print(n > 0)", timeout=10)
    assert done.stdout == "True\n"


def test_many_ctrl_c_at_once_do_not_end_the_board(board, tmp_path):
    write(board, "main.py", LOOP % "", tmp_path)
    ask(board, "reset")
    wait(lambda: b"loop" in board.cable.received)
    port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    board.cable.received = b""
    try:
        os.write(port, b"\x03\x03\x03\r\x03\x03")
        assert wait(lambda: b">>> " in board.cable.received)
    finally:
        os.close(port)
    assert board.running and board.starts[-1] == "reset"


def test_kbd_intr_takes_ctrl_c_away(board, tmp_path):
    code = LOOP % "micropython.kbd_intr(-1)\nimport sys\n"
    code = code.replace("    time.sleep_ms(1)\n", "    print('got', sys.stdin.buffer.read(1))\n")
    write(board, "main.py", code, tmp_path)
    ask(board, "reset")
    wait(lambda: b"loop" in board.cable.received)
    port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(port, b"\x03")
        assert wait(lambda: b"got b'\\x03'" in board.cable.received)
    finally:
        os.close(port)
    assert b"KeyboardInterrupt" not in board.cable.received


def test_a_person_types_at_the_friendly_prompt(board):
    port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    cable = board.cable

    def type_in(data, answer):
        cable.received = b""
        os.write(port, data)
        assert wait(lambda: answer in cable.received), cable.received

    try:
        type_in(b"1 + 1\r", b"1 + 1\r\n2\r\n>>> ")
        type_in(b"7x\b + 1\r", b"\r\n8\r\n")
        type_in(b"for i in range(2):\r  print('n', i)\r\r", b"n 0\r\nn 1\r\n>>> ")
        type_in(b"\x05a = 5\rprint(a * a)\r\x04", b"25\r\n>>> ")
        type_in(b"abc\x03", b"abc\r\n>>> ")
        type_in(b"\x02", b"MicroPython v1.")
        type_in(b"\x04", b"MPY: soft reboot\r\nMicroPython v1.")
    finally:
        os.close(port)


def test_the_cable_comes_out_and_the_program_goes_on(start, tmp_path):
    board = start()
    write(board, "main.py", LOOP % "", tmp_path)
    ask(board, "reset")
    wait(lambda: b"loop" in board.cable.received)
    starts = list(board.starts)
    port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    board.cable.pull()
    assert board.port is None
    assert wait(lambda: not writes(port))
    os.close(port)
    assert board.running and board.starts == starts
    board.cable.plug()
    assert ask(board, "resume", "exec", "print(n < 60000)") == "True\n"


def test_the_flash_has_an_end(start, tmp_path):
    board = start(flash_kB=64)
    (tmp_path / "big").write_bytes(bytes(70_000))
    done = mpremote(board.port, "fs", "cp", tmp_path / "big", ":big")
    assert done.returncode != 0 and "space" in (done.stdout + done.stderr).lower()
    assert board.running


def test_romfs_is_built_deployed_by_mpremote_and_mounted_at_boot(start, tmp_path):
    board = start(rom_kB=64)
    source = tmp_path / "rom"
    (source / "lib").mkdir(parents=True)
    (source / "lib" / "in_rom.py").write_text("def f():\n    return 'from ROM', __file__\n")
    ask(board, "romfs", "deploy", source)
    ask(board, "reset")
    wait(lambda: board.starts[-1] == "reset")
    out = ask(board, "exec", "import in_rom; print(in_rom.f())")
    assert "from ROM" in out and "/rom/lib/in_rom.mpy" in out
    assert "65536" in ask(board, "romfs", "query")


def test_heap_is_limited(start):
    board = start(heap_kB=64)
    done = mpremote(board.port, "exec", "x = bytearray(70_000)")
    assert done.returncode == 1 and "MemoryError" in done.stdout


HARDWARE = """
from border import Border
border = Border()
now = border.clock()
border.drive(1, True)
print("driving", now)
while True:
    now = border.sleep_until(now + 50)
    border.drive(1, True)
    border.drive(3, True)
"""


def test_hardware_keeps_its_levels_over_a_soft_reset_and_time_goes_on(start, tmp_path):
    from tools.serial_board.world import rig_with, run_with

    board = start(with_border=True)
    write(board, "main.py", HARDWARE, tmp_path)
    rig = rig_with(board)
    coils = rig.plant.contactors
    ask_reset = [sys.executable, "-m", "mpremote", "connect", board.port, "reset"]
    assert run_with(rig, ask_reset).returncode == 0
    rig.board.plug()
    rig.board.WATCHDOG_MS = 1_000_000  # it has its own tests
    rig.world.run_until(lambda: coils.closed, rig.world.now + 5000)
    assert coils.closed, board.cable.received
    counts = rig.device.counts
    before, sleeps = rig.world.now, counts["S"]
    rig.world.run(before + 1000)
    assert 19 <= counts["S"] - sleeps <= 21  # the firmware lives in simulated time
    words = [sys.executable, "-m", "mpremote", "connect", board.port, "resume", "exec"]
    done = run_with(rig, [*words, "print(now > 0, border.clock() >= now)"])
    assert done.stdout == "True True\n", done.stdout
    driven = counts["O"]
    done = run_with(rig, [*words[:-2], "soft-reset"])
    assert done.returncode == 0 and board.starts[-1] == "soft"
    assert counts["O"] == driven, "a soft reset must not move an output"
    assert rig.device.at_prompt


def test_a_world_for_a_person(tmp_path):
    need(missing("i386"))
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tools.serial_board", str(tmp_path / "board"), "--world"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def line():
        assert select.select([process.stdout], [], [], 20)[0], "nothing said"
        return process.stdout.readline()

    try:
        assert line() == str(tmp_path / "board" / "port") + "\n" and line() == "pilot A\n"
        for pilot in "BA":
            process.stdin.write("\n")
            process.stdin.flush()
            assert line() == f"pilot {pilot}\n"
    finally:
        process.kill()
        process.wait(10)
