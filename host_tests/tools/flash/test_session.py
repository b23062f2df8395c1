# SPDX-License-Identifier: MIT
"""End to end: `make flash` onto the serial board, then its firmware charges, and nobody may flash
meanwhile. Modem, power line, station and car are the demo's; the firmware is what is flashed.
"""

import os
import subprocess
import sys

import pytest

from host_tests.conftest import need
from tools import ROOT, vm
from tools.demo.rig import device_params
from tools.flash import run
from tools.flash.pcapng import frames
from tools.peers import PEERS
from tools.serial_board import SerialBoard, mpremote, wait
from tools.serial_board.world import rig_with, run_with
from tools.vm.bridge import files, settings_text

pytestmark = pytest.mark.vm


def flashed(folder, rom_kB, heap_kB, more=()):
    """`more`: files of ours that the board gets as well."""
    need(vm.missing("i386"))
    board = SerialBoard(folder / "board", rom_kB=rom_kB, heap_kB=heap_kB, with_border=True)
    done = run.flash("EMULATED", board.port, start=False)
    assert done.how == ("ROMFS" if rom_kB else "packs") and done.old == "none"
    params = device_params(log_kB=0 if rom_kB else 16)
    if more:
        params.set("sd_card", "spi")
    for name, text in zip(("settings.toml", "bench.toml"), files(settings_text(params))):
        (folder / name).write_text(text)
    for path in (folder / "settings.toml", folder / "bench.toml", *more):
        copied = mpremote(board.port, "resume", "fs", "cp", path, ":")
        assert copied.returncode == 0, copied.stdout
    return board


def tool(rig, board, *words, timeout=60):
    """One of our commands while the world goes on: (status, text)."""
    command = [sys.executable, "-m", *words, "--port", board.port]
    done = run_with(rig, command, timeout, cwd=ROOT)
    return done.returncode, done.stdout


def begin(board):
    """Power-on with a world behind it, plugged in, charging."""
    rig = rig_with(board)
    board.power_off()
    board.cable.received = b""
    board.power_on()
    rig.world.run(rig.world.now + 1000)
    rig.board.plug()
    closed = rig.plant.contactors
    assert rig.world.run_until(lambda: closed.closed, rig.world.now + 60_000), board.cable.received
    rig.world.run(rig.world.now + 5000)
    return rig


def end(rig, board):
    contactors = rig.plant.contactors
    assert rig.world.run_until(lambda: not contactors.closed, rig.world.now + 200_000)
    rig.world.run(rig.world.now + 5000)
    rig.board.unplug()
    rig.world.run(rig.world.now + 2000)
    assert rig.record.state == "SessionStop"
    assert rig.plant.pack.soc > 0.4 and rig.device.ended is None
    summary = rig.station.sessions[-1]
    print(summary)
    assert summary["good"] and summary["loops"] > 3 and not summary["violations"]
    assert rig.board.forced_openings == 0


def after_the_session(rig, board, folder, card="not wired", reason="USER_STOP"):
    """selftest, trace and logs; the device goes on after each of them."""
    status, text = tool(rig, board, "tools.flash.selftest")
    print(text)
    assert status == 0, text
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "good" in rows["modem"] and "firmware runs" in text
    assert card in rows["card"]
    assert "not wired" in rows["CAN"] and "A: nothing plugged in" in rows["pilot"]
    rig.world.run(rig.world.now + 2000)
    assert not rig.device.at_prompt, "the device does not go on"
    status, text = tool(rig, board, "tools.flash.trace", "-o", folder / "last.pcapng")
    assert status == 0 and "frames" in text, text
    found = list(frames((folder / "last.pcapng").read_bytes()))
    assert len(found) > 20 and any("SessionStop" in row[2] for row in found)
    status, text = tool(rig, board, "tools.flash.logs")
    print(text[:2000])
    assert status == 0 and "<- SessionStopRes OK\n" in text and reason in text, text
    rig.world.run(rig.world.now + 2000)
    assert not rig.device.at_prompt
    if shark := PEERS["tshark"].missing() is None:
        words = [*PEERS["tshark"].command(), "-r", folder / "last.pcapng", "-T", "fields"]
        words += ["-e", "frame.comment", "-e", "ipv6.src"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert "SessionStop" in done.stdout and "fe80" in done.stdout, done.stderr
    assert shark or not os.environ.get("CI")


@pytest.mark.timeout(240)
@pytest.mark.shows("flashing", "packs", peer="mpremote")
def test_flashed_as_packs_charges_and_lets_nobody_flash_meanwhile(tmp_path):
    board = flashed(tmp_path, 0, 256)
    try:
        rig = begin(board)
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        os.write(port, b"status()\r")
        rig.world.run(rig.world.now + 3000)
        os.close(port)
        assert wait(lambda: b"contactors: closed" in board.cable.received)
        loops = rig.device.counts["X"]
        status, text = tool(rig, board, "tools.flash", "EMULATED")
        assert status == 1 and "refused while plugged in" in text, text
        assert rig.device.counts["X"] > loops, "the session goes on"
        assert b"Traceback" not in board.cable.received
        end(rig, board)
        after_the_session(rig, board, tmp_path)
        status, text = tool(rig, board, "tools.flash", "EMULATED", timeout=100)
        assert status == 0 and "it is on the board already" in text, text
    finally:
        board.close()


@pytest.mark.timeout(240)
@pytest.mark.shows("flashing", "ROM image", peer="mpremote")
def test_flashed_as_rom_image_charges_in_less_heap(tmp_path):
    board = flashed(tmp_path, 384, 112)
    try:
        end(begin(board), board)
    finally:
        board.close()


@pytest.mark.timeout(240)
def test_a_log_on_an_sd_card_comes_home_as_well(tmp_path):
    board = flashed(tmp_path, 0, 320, [ROOT / "tools/emulator/sd_card.py"])
    try:
        rig = begin(board)
        end(rig, board)
        assert not list((tmp_path / "board").rglob("last.pcapng")), "it went to flash"
        after_the_session(rig, board, tmp_path, "good", "STATION_TERMINATE")
    finally:
        board.close()
