# SPDX-License-Identifier: MIT
"""Resets of the serial board: none is lost, whatever arrives meanwhile; watchdog, USB, outputs."""

import os
import subprocess
import time

import pytest

from host_tests.conftest import need
from tools.serial_board import SerialBoard, wait
from tools.serial_board.remote import Mpremote
from tools.serial_board.world import rig_with, while_runs
from tools.vm import missing

pytestmark = pytest.mark.vm

MAIN = "import sys\nprint('main runs')\nwhile sys.stdin.buffer.read(1) != b'\\x03':\n    pass\n"
QUIET = "import micropython\nmicropython.kbd_intr(-1)\n"


@pytest.fixture(scope="module")
def remote():
    need(missing("i386"))
    with Mpremote() as remote:
        yield remote


@pytest.fixture
def start(remote, tmp_path):
    boards = []

    def begin(main=None, **more):
        board = SerialBoard(tmp_path / "board", **more)
        boards.append(board)
        if main:
            (tmp_path / "main.py").write_text(main)
            done = remote.run("connect", board.port, "fs", "cp", tmp_path / "main.py", ":")
            assert done.returncode == 0, done.stdout
        return board

    yield begin
    for board in boards:
        begun = time.monotonic()
        board.close()
        assert time.monotonic() - begun < 5, "power off does not end it"


def restarts(board, remote, count):
    """Ctrl-C, Ctrl-A at once into a running main.py, soft reset, machine.reset(): count times."""
    for n in range(count):
        board.cable.received = b""
        before = len(board.starts)
        done = remote.run("connect", board.port, "reset")
        assert done.returncode == 0, (n, done.stdout, board.errors)
        assert wait(lambda: b"main runs" in board.cable.received), (n, board.cable.received)
        assert board.starts[before:] == ["soft", "reset"], n


def test_no_restart_is_lost(start, remote):
    restarts(start(QUIET + MAIN), remote, 8)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_restart_of_three_hundred_is_lost(start, remote):
    restarts(start(QUIET + MAIN), remote, 300)


def test_power_off_in_the_middle_of_a_reset(start):
    """The next process was being started: it used to live on."""
    board = start()
    for _ in range(8):
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        os.write(port, b"\x04")
        os.close(port)
        count = len(board.starts)
        wait(lambda count=count: len(board.starts) > count or not board.running)
        board.power_off()
        assert not board.running
        board.power_on()


def test_a_ctrl_c_before_the_new_process_listens_does_not_end_it(start, remote, monkeypatch):
    """Code that runs has Ctrl-C on; when it resets the chip, the next process has no handler."""
    board = start()
    at_start = []
    popen = subprocess.Popen

    def noted(*words, **more):
        at_start.append(board.cable.interrupts())
        return popen(*words, **more)

    monkeypatch.setattr("tools.serial_board.subprocess.Popen", noted)
    for code in ("machine.reset()", "machine.soft_reset()"):
        remote.run(
            "connect", board.port, "resume", "exec", "--no-follow", "import machine; " + code
        )
        assert wait(lambda: len(at_start) == len(board.starts) - 1)
    assert board.starts == ["power", "reset", "soft"] and at_start == [False, False]


def test_usb_is_gone_for_a_moment_when_the_chip_resets(start, remote):
    board = start(usb=True)
    port, real = board.port, os.path.realpath(board.port)
    remote.run("connect", port, "soft-reset")
    assert os.path.realpath(port) == real
    remote.run("connect", port, "reset")
    assert wait(lambda: not os.path.exists(port)) and wait(lambda: os.path.exists(port))
    assert wait(lambda: board.starts[-1] == "reset") and board.port == port
    assert remote.run("connect", port, "exec", "print(1)").stdout == "1\n"


DOG = """
import machine
from border import Border
border = Border()
border.drive(1, True)
print("cause", machine.reset_cause() == machine.WDT_RESET)
dog = machine.WDT(timeout=1000)
for n in range(%d):
    border.sleep_until(border.clock() + 100)
    border.drive(3, True)
    dog.feed()
%s
"""


@pytest.mark.parametrize("sticky", [False, True])
def test_its_watchdog_bites_unless_fed_or_stopped(start, remote, sticky):
    """At the prompt time goes on with the clock; a bite lets the outputs fall."""
    board = start(DOG % (30, ""), with_border=True, sticky=sticky)
    rig = rig_with(board)
    world, plant = rig.world, rig.plant
    feed, feeds = rig.device.dog.feed, []
    rig.device.dog.feed = lambda ms: feeds.append(world.now) or feed(ms)
    while_runs(rig, remote.start("connect", board.port, "reset"))
    assert world.run_until(lambda: rig.board.resets == 1, world.now + 10_000)
    assert len(feeds) == 31 and 1000 <= world.now - feeds[-1] <= 1020
    assert plant.contactors.operations
    assert not plant.contactors.commanded and board.starts[-1] == "reset"
    assert world.run_until(lambda: b"cause True" in board.cable.received, world.now + 500)
    assert board.starts[-1] == "watchdog"
    # at the prompt
    world.run(world.now + 3050)
    code = "import machine; print(hasattr(machine.WDT, 'deinit') and not machine.WDT.deinit())"
    running = remote.start("connect", board.port, "resume", "exec", code)
    while_runs(rig, running)
    assert running.done.stdout == f"{not sticky}\n"
    world.run(world.now + 2000)
    assert rig.board.resets == (2 if sticky else 1)


COIL = """
import machine
from border import Border
border = Border()
border.drive(1, True)
border.drive(3, True)
border.sleep_until(border.clock() + 50)
machine.%s()
"""


@pytest.mark.parametrize("how, closed", [("reset", False), ("soft_reset", True)])
def test_outputs_fall_with_the_chip_not_with_the_interpreter(start, remote, how, closed):
    board = start(with_border=True)
    rig = rig_with(board)
    world, coils = rig.world, rig.plant.contactors
    code = COIL % how
    while_runs(rig, remote.start("connect", board.port, "exec", "--no-follow", code))
    assert world.run_until(lambda: len(board.starts) == 3, world.now + 2000)
    world.run(world.now + 100)
    assert coils.operations == (1 if closed else 2)
    assert coils.commanded is coils.closed is closed
