# SPDX-License-Identifier: MIT
"""What a flash says when it cannot be done, and CircuitPython's drive. No board, no VM."""

import os
import sys

import pytest
import serial.tools.list_ports

from tools import ROOT
from tools.flash import FlashError, circuitpy, deploy, image, keys, link, run
from tools.flash.__main__ import main
from tools.flash.pcapng import frames


class Port:
    vid = pid = 1

    def __init__(self, device):
        self.device, self.description = device, "a board"

    def __lt__(self, other):
        return self.device < other.device


def test_no_board_and_unknown_board(capsys):
    assert main(["--port", "x"]) == 1
    assert "RPI_PICO2" in capsys.readouterr().err
    with pytest.raises(FlashError, match="no board NONE: make flash BOARD=NAME"):
        image.board("NONE")


def test_ports_none_several_one(monkeypatch):
    found = []
    monkeypatch.setattr(serial.tools.list_ports, "comports", lambda: found)
    with pytest.raises(FlashError, match="no board found on USB: plug it in"):
        link.find(None)
    found.append(Port("/dev/ttyACM0"))
    assert link.find(None) == "/dev/ttyACM0"
    found.append(Port("/dev/ttyACM1"))
    with pytest.raises(FlashError, match="(?s)which one is the board.*PORT=/dev/ttyACM1"):
        link.find(None)
    assert link.find("/dev/else") == "/dev/else"


def test_a_port_that_is_not_there_busy_or_silent(monkeypatch):
    with pytest.raises(FlashError, match="no such port"):
        link.Link("/dev/ttyNONE")
    far, near = os.openpty()
    name = os.ttyname(near)
    try:
        holder = serial.Serial(name, exclusive=True)
        with pytest.raises(FlashError, match="another program has it open"):
            link.Link(name)
        holder.close()
        monkeypatch.setattr(link, "_ENTER_S", 0.1)
        os.set_blocking(far, False)
        with pytest.raises(FlashError, match="nothing answers: no MicroPython on it"):
            link.Link(name)
    finally:
        os.close(far)
        os.close(near)


@pytest.mark.parametrize(
    "heard, words",
    (
        (b"\r\nrefused while plugged in: draw the plug\r\nuEVCC> ", "refused while plugged in"),
        (b"Adafruit CircuitPython 9.2; Feather\r\n>>> ", "this is CircuitPython"),
        (b"login: \r\n", "this is no MicroPython"),
        (b"", "service_mode = false"),
    ),
)
def test_refusals_in_words(heard, words):
    assert words in link.refusal(heard)


class Found:
    port = "P"

    def __init__(self, **more):
        self.implementation = {
            "name": "micropython", "version": (1, 25, 0), "build": "RPI_PICO", "machine": "Pico",
            "arch": "armv6m", **more,
        }  # fmt: skip


@pytest.mark.parametrize(
    "more, words",
    (
        ({}, "wrong architecture: Pico runs armv6m code, RPI_PICO2 is armv7emsp"),
        ({"name": "circuitpython"}, "CircuitPython runs there"),
        ({"version": (1, 19, 1)}, "MicroPython 1.19.1 is too old"),
    ),
)
def test_the_wrong_thing_at_the_port(more, words):
    with pytest.raises(FlashError, match=words):
        deploy.check(Found(**more), image.board("RPI_PICO2"))
    deploy.check(Found(), image.board("RPI_PICO"))


def test_every_board_has_an_image_for_its_processor():
    for name in image.boards():
        board = image.board(name)
        if board.api == "machine":
            assert board.arch, name
        if board.api == "blinka":
            with pytest.raises(FlashError, match="nothing to flash"):
                image.build(board)


def test_a_list_of_files_cannot_name_others():
    text = "0123456789abcdef lib/a.mpy\n0123456789abcdef ../x\n0123456789abcdef /y\nshort z\n"
    assert deploy.listed(text) == {"lib/a.mpy": "0123456789abcdef"}
    assert deploy.listed(None) == {} and deploy.version_of("rubbish") == "none"


def test_only_the_cars_keys_leave_the_pc(tmp_path):
    for name in ("vehicle.der", "vehicle.key", "v2g_root/a.der", "secc.key", "ca_keys/a.key"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert sorted(keys.car_files(tmp_path)) == ["v2g_root/a.der", "vehicle.der", "vehicle.key"]
    with pytest.raises(FlashError, match="no folder"):
        keys.car_files(tmp_path / "none")
    assert keys.settings_of("service_mode = false\n# end\n").service_mode is False


def test_the_example_settings_are_what_a_device_takes():
    assert keys.settings_of((ROOT / "firmware/settings.example.toml").read_text()).service_mode


@pytest.fixture
def drive(tmp_path):
    (tmp_path / "boot_out.txt").write_text("Adafruit CircuitPython 9.2.1; Feather RP2350\n")
    (tmp_path / "settings.toml").write_text("# mine\n")
    return tmp_path


BOARD = "ADAFRUIT_FEATHER_RP2350"


def test_circuitpython_drive_takes_the_sources(drive):
    done = run.flash(BOARD, str(drive))
    assert done.how == "files" and done.old == "none" and done.written > 100
    assert (drive / "lib/evcc/controller.py").read_bytes() == (
        ROOT / "lib/evcc/controller.py"
    ).read_bytes()
    names = [path.name for path in drive.rglob("*")]
    assert "code.py" in names and "uevcc_board.py" in names and "main.py" not in names
    assert not [n for n in names if n.startswith("_fast_") or n.endswith((".mpy", ".new"))]
    assert not [n for n in names if n == deploy.UPDATE]
    assert (drive / "settings.toml").read_text() == "# mine\n"
    assert run.flash(BOARD, str(drive)).how == "nothing"
    (drive / "lib/evcc/sdp.py").write_text("changed")
    assert run.flash(BOARD, str(drive)).written == 1


def test_circuitpython_drive_cut_off_and_recovered(drive, monkeypatch):
    real, count = circuitpy._put, []

    def put(path, data):
        count.append(path)
        if len(count) == 40:
            raise OSError(5, "drive pulled")
        real(path, data)

    monkeypatch.setattr(circuitpy, "_put", put)
    with pytest.raises(FlashError, match="drive pulled; flash again"):
        run.flash(BOARD, str(drive))
    assert (drive / deploy.UPDATE).exists() and "uevcc_update" in (drive / "code.py").read_text()
    done = run.flash(BOARD, str(drive))
    assert "cut off" in done.old and not (drive / deploy.UPDATE).exists()
    assert done.written and done.kept > 30


def test_circuitpython_mistakes(drive, tmp_path):
    with pytest.raises(FlashError, match="RPI_PICO2 has no CircuitPython"):
        run.flash("RPI_PICO2", str(drive))
    with pytest.raises(FlashError, match="PORT is the path of its drive"):
        run.flash(BOARD, "/dev/ttyACM9")
    (drive / "code.py").write_text("print('my own')\n")
    with pytest.raises(FlashError, match="is not of uEVCC"):
        run.flash(BOARD, str(drive))
    (drive / "boot_out.txt").unlink()
    with pytest.raises(FlashError, match="no boot_out.txt"):
        run.flash(BOARD, str(drive))


def test_pcapng_that_is_cut_off_or_none():
    from evcc.pcap import Writer

    out = bytearray()
    writer = Writer(out.extend, epoch_us=5_000_000)
    writer.interface("evcc")
    writer.frame(bytes(61), 1500, "SessionSetupReq", True)
    writer.frame(bytes(60), 1700, None, False)
    data = bytes(out)
    assert [(r[0], r[1], r[2], len(r[3])) for r in frames(data)] == [
        (6.5, True, "SessionSetupReq", 61),
        (6.7, False, "", 60),
    ]
    assert len(list(frames(data[:-9]))) == 1
    with pytest.raises(FlashError, match="no pcapng"):
        list(frames(b"GIF89a"))


def test_main_refuses_an_update_that_was_cut_off(tmp_path, monkeypatch, capsys):
    import runpy
    import types

    said = []
    board = types.SimpleNamespace(safe=lambda: said.append("safe"))
    device = types.SimpleNamespace(main=lambda module: said.append("main"))
    monkeypatch.setitem(sys.modules, "uevcc_board", board)
    monkeypatch.setitem(sys.modules, "evcc.device", device)
    monkeypatch.chdir(tmp_path)
    for name in ("main", "code"):
        said.clear()
        runpy.run_path(str(ROOT / "firmware" / f"{name}.py"))
        assert said == ["safe", "main"]
        (tmp_path / deploy.UPDATE).write_text("uEVCC 1\n")
        said.clear()
        runpy.run_path(str(ROOT / "firmware" / f"{name}.py"))
        assert said == ["safe"] and "cut off" in capsys.readouterr().out
        (tmp_path / deploy.UPDATE).unlink()
