# SPDX-License-Identifier: MIT
"""Real mpremote attaches to the running firmware at the stages of a session.

MicroPython with flash, raw REPL and a serial port (tools.serial_board) runs firmware/main.py with
the emulated hardware. It shows our gate and `kbd_intr`; a port's own REPL is not shown by it.
"""

import os
import subprocess
import sys

import pytest

from host_tests.conftest import need
from tools import ROOT
from tools.charger.power import PowerPlan
from tools.demo.rig import device_params
from tools.serial_board import SerialBoard, mpremote
from tools.serial_board.world import rig_with, run_with
from tools.vm import bridge, missing

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A ROM image with all device code, and the files of the flash."""
    need(missing("i386"))
    folder = tmp_path_factory.mktemp("firmware")
    bridge.build(folder / "rom" / "lib", "i386", native=False)
    (folder / "rom" / "lib" / "main.mpy").unlink()
    (folder / "rom" / "lib" / "border.mpy").unlink()  # the serial board has its own
    command = [sys.executable, "-m", "mpremote", "romfs", "-o", folder / "rom.img", "build"]
    subprocess.run([*command, folder / "rom"], check=True, capture_output=True, timeout=60)
    settings, bench = bridge.files(bridge.settings_text(device_params(log_kB=8)))
    (folder / "settings.toml").write_text(settings)
    (folder / "bench.toml").write_text(bench)
    return folder


@pytest.fixture
def start(image, tmp_path):
    """The firmware runs, nothing is plugged in: (serial board, rig)."""
    boards = []

    def begin(seconds=4):
        folder = tmp_path / "board"
        folder.mkdir()
        rom = (image / "rom.img").read_bytes()
        (folder / "rom.bin").write_bytes(rom.ljust(512 * 1024, b"\xff"))
        board = SerialBoard(folder, rom_kB=512, heap_kB=256, with_border=True)
        boards.append(board)
        words = [image / "settings.toml", image / "bench.toml", ROOT / "firmware" / "main.py"]
        done = mpremote(board.port, "fs", "cp", *words, ":")
        assert done.returncode == 0, done.stdout + done.stderr
        plan = PowerPlan(((0, 11000),), ramp_W_s=20000, stop_s=seconds)
        rig = rig_with(board, plan=plan, pack_speed=1)
        for _ in range(3):  # the emulated board's restart is lost about once in a hundred
            assert attach(rig, board, "reset").returncode == 0
            if rig.world.run_until(
                lambda: b"uEVCC> " in board.cable.received, rig.world.now + 20_000
            ):
                break
        assert b"uEVCC> " in board.cable.received, board.cable.received + board.errors
        return board, rig

    yield begin
    for board in boards:
        board.close()


# mpremote waits for ever on a pseudo-terminal, 10 s on a port; less where it will be refused
IMPATIENT = """
import sys
from mpremote import main
from mpremote.transport_serial import SerialTransport as T
enter = T.enter_raw_repl
T.enter_raw_repl = lambda self, soft_reset=True, **more: enter(self, soft_reset, PATIENCE)
sys.exit(main.main())
"""


def attach(rig, board, *words, patience=10):
    link = board.folder / "port"
    link.unlink(missing_ok=True)
    link.symlink_to(board.port)
    command = [
        sys.executable,
        "-c",
        IMPATIENT.replace("PATIENCE", str(patience)),
        "connect",
        str(link),
        *map(str, words),
    ]
    return run_with(rig, command, timeout=100)


def at_rest(rig, board, *words):
    """As `attach`, after a person's Ctrl-C has brought the prompt."""
    for _ in range(5):
        board.cable.received = b""
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(port, b"\x03")
            if rig.world.run_until(lambda: b">>> " in board.cable.received, rig.world.now + 2000):
                break
        finally:
            os.close(port)
    return attach(rig, board, *words)


def to(rig, message):
    rig.board.plug()
    found = rig.world.run_until(lambda: rig.record.state == message, rig.world.now + 60_000)
    assert found, (rig.record.state, rig.device.ended)


def safe(rig):
    assert not rig.plant.violations, rig.plant.violations
    assert not rig.plant.contactors.closed and not rig.pilot.s2 and rig.board.resets == 0


def over(rig, board):
    assert rig.world.run_until(
        lambda: not rig.plant.contactors.closed and b"uEVCC" in board.cable.received,
        rig.world.now + 60_000,
    )
    rig.world.run(rig.world.now + 15_000)
    safe(rig)


def check_refused(rig, board, message, *words):
    to(rig, message)
    closed = rig.plant.contactors.closed
    starts = list(board.starts)
    done = attach(rig, board, *words, patience=2)
    assert done.returncode != 0 and "could not enter raw repl" in done.stdout, done.stdout
    assert b"refused while plugged in: charging is stopped" in board.cable.received
    assert b"raw REPL" not in board.cable.received.split(b"uEVCC> ", 1)[1]
    assert board.starts == starts and not rig.device.at_prompt  # the firmware has gone on
    over(rig, board)
    return closed


@pytest.mark.shows("nothing enters while plugged in", "exec in the loop", peer="mpremote")
def test_exec_in_the_charge_loop(start):
    board, rig = start(30)
    to(rig, "DC_ChargeLoop")
    rig.world.run(rig.world.now + 500)
    assert rig.plant.contactors.closed
    assert check_refused(rig, board, "DC_ChargeLoop", "exec", "print(1)")
    assert rig.plant.current == 0
    rig.board.unplug()
    rig.world.run(rig.world.now + 1000)
    code = "import evcc.repl as r; print(r.status()); r.gate()"
    done = at_rest(rig, board, "resume", "exec", code)
    assert done.returncode == 0 and "USER_STOP" in done.stdout, (done.stdout, board.cable.received)


def test_the_console_in_the_charge_loop_and_the_log_after_it(start, tmp_path):
    board, rig = start(6)
    to(rig, "DC_ChargeLoop")
    port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(port, b"\x03status()\r")
        assert rig.world.run_until(
            lambda: b"state: session DC_ChargeLoop" in board.cable.received, rig.world.now + 5000
        ), board.cable.received
    finally:
        os.close(port)
    over(rig, board)
    rig.board.unplug()
    rig.world.run(rig.world.now + 1000)
    code = "import evcc.repl as r; print(r.trace('/log/last.pcapng'))"
    done = at_rest(rig, board, "resume", "exec", code)
    assert done.stdout.strip().endswith("/log/last.pcapng"), done.stdout
    done = attach(rig, board, "resume", "fs", "cp", ":/log/last.pcapng", tmp_path / "out.pcapng")
    data = (tmp_path / "out.pcapng").read_bytes()
    assert data[:4] == b"\x0a\x0d\x0d\x0a" and b"STATION_TERMINATE" in data


# where something differs: no power yet, power being prepared, flowing, ended
STAGES = "SessionSetup DC_CableCheck DC_PreCharge DC_ChargeLoop DC_WeldingDetection".split()


def say(rig, board, line, answer):
    """Type a command at the console; wait for what it says."""
    board.cable.received = b""
    port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(port, line + b"\r")
        assert rig.world.run_until(
            lambda: answer in board.cable.received, rig.world.now + 20_000
        ), board.cable.received
    finally:
        os.close(port)


def to_stage(rig, board, stage):
    if stage in STAGES:
        return to(rig, stage)
    to(rig, "DC_ChargeLoop")
    rig.world.run(rig.world.now + 500)
    say(rig, board, b"stop()", b"stopping")
    assert rig.plant.contactors.closed


def unplug(rig, board):
    over(rig, board)
    rig.board.unplug()
    rig.world.run(rig.world.now + 2000)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("stage", [*STAGES, "stopping"])
def test_nothing_enters_while_plugged_in(start, tmp_path, stage):
    """exec, cp, a cable that comes out, soft reset: one plug-in each."""
    board, rig = start(10)
    (tmp_path / "mark").write_text("x")
    for words in (
        ("exec", "open('/mark', 'w').close()"),
        ("fs", "cp", tmp_path / "mark", ":mark"),
        ("exec", "open('/pulled', 'w').close()"),
    ):
        to_stage(rig, board, stage)
        starts = list(board.starts)
        board.cable.received = b""
        if "/pulled" in words[1]:
            board.cable.pull_after = 3
        done = attach(rig, board, *words, patience=1)
        assert done.returncode != 0 and b"raw REPL" not in board.cable.received, done.stdout
        if "/pulled" in words[1]:
            board.cable.plug()
        else:
            refused = b"refused while plugged in: charging is stopped"
            assert refused in board.cable.received, (done.stdout, board.cable.received)
        assert board.starts == starts and not rig.device.at_prompt  # the firmware has gone on
        unplug(rig, board)
    done = at_rest(rig, board, "resume", "exec", "import os; print(os.listdir('/'))")
    assert done.returncode == 0 and "main.py" in done.stdout, done.stdout
    assert "mark" not in done.stdout and "pulled" not in done.stdout, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("stage", [*STAGES, "stopping"])
def test_ctrl_d_resets_after_a_safe_stop(start, stage):
    board, rig = start()
    to_stage(rig, board, stage)
    at_reset = []
    board.on_start = lambda why: at_reset.append((why, rig.plant.contactors.commanded))
    port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    os.write(port, b"\x04")
    rig.world.run_until(lambda: bool(at_reset), rig.world.now + 60_000)
    os.close(port)
    assert at_reset == [("soft", False)]
    rig.world.run(rig.world.now + 5000)
    safe(rig)
