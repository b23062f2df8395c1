# SPDX-License-Identifier: MIT
"""Flashing and key writing against a device that is not at rest, and one whose watchdog a plug has
armed for good: refused in words, or whole.
"""

import pytest

from host_tests.gate_rig import Seat, built, make_image
from tools.flash import FlashError, image, run, trace
from tools.serial_board.remote import Mpremote

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_image(tmp_path_factory.mktemp("firmware"))


@pytest.fixture(scope="module")
def remote():
    with Mpremote() as remote:
        yield remote


@pytest.fixture
def start(folder, remote, tmp_path, monkeypatch):
    seats = []
    monkeypatch.setattr(run.image, "build", lambda *words: built())

    def begin(**more):
        seats.append(Seat(folder, remote, tmp_path / "board", 2, **more))
        return seats[-1]

    yield begin
    for seat in seats:
        seat.board.close()


def keys(folder):
    for name in ("vehicle.der", "vehicle.key"):
        (folder / name).write_bytes(name.encode() * 300)
    return folder


def flash(seat, **more):
    port = seat.board.port
    return seat.beside(lambda: run.flash("EMULATED", port, **more))


def files_of(seat):
    done = seat.attach("resume", "exec", "import os; print(os.listdir('/'))")
    assert done.returncode == 0, done.stdout
    return set(eval(done.stdout))


@pytest.mark.parametrize(
    "stages",
    [
        ["DC_ChargeLoopReq"],
        pytest.param(["CM_SLAC_MATCH.REQ", "DC_PreChargeReq"], marks=pytest.mark.slow),
        pytest.param(["stopping", "paused"], marks=pytest.mark.slow),
        pytest.param(["plugged", "ended"], marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_flashing_and_key_writing_are_refused_in_words(start, tmp_path, stages):
    seat = start()
    words = "the device says: refused while plugged in: charging is stopped"
    for stage in stages:
        for more in ({}, {"pki": keys(tmp_path)}):
            seat.to(stage)
            with pytest.raises(FlashError, match=words):
                flash(seat, **more)
            seat.end(b"", stopped=False)
    found = files_of(seat)
    assert "main.py" in found and not found & {"pki", "uevcc_update", "uevcc_version"}, found


@pytest.mark.slow
def test_refused_at_the_prompt_too_when_a_plug_has_come(start, tmp_path):
    """A person has the REPL, somebody plugs in: nothing charges, and nothing is written."""
    seat = start()
    seat.type(b"\x03")
    assert seat.heard(b">>> ")
    seat.rig.board.plug()
    with pytest.raises(FlashError, match="refused: plugged in or contactors closed"):
        flash(seat, pki=keys(tmp_path))
    seat.rig.world.run(seat.rig.world.now + 3000)
    assert seat.rig.device.at_prompt and seat.rig.record.state == ""
    seat.safe()
    seat.rig.board.unplug()
    assert not files_of(seat) & {"pki", "uevcc_update"}
    assert flash(seat, pki=keys(tmp_path)).how == "ROMFS"
    seat.at_rest()


@pytest.mark.slow
def test_code_that_is_broken_can_be_flashed(start, tmp_path):
    """The gate is asked of the device; one that cannot answer must not keep itself unrepaired."""
    seat = start()
    seat.type(b"\x03")
    assert seat.heard(b">>> ")
    code = "import sys; sys.modules['evcc.device'] = 1; sys.modules['evcc.repl'] = 2"
    assert seat.attach("resume", "exec", code).returncode == 0
    assert flash(seat).how == "ROMFS"
    seat.at_rest()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "usb, rom",
    [
        (False, False),
        pytest.param(True, False, marks=pytest.mark.slow),
        pytest.param(False, True, marks=pytest.mark.slow),
    ],
    ids=["uart", "usb", "the ROM image too"],
)
def test_a_flash_after_a_plug_armed_a_watchdog_that_cannot_be_stopped(start, tmp_path, usb, rom):
    """The chip resets itself once for it, unarmed, and the flash ends whole."""
    seat = start(sticky=True, usb=usb)
    seat.to("ended")
    seat.end(b"STATION_TERMINATE", stopped=False)
    assert seat.rig.device.dog.ms == 1000, "armed for good"
    made, starts = built(), len(seat.board.starts)
    files = {**made.files, "main.py": made.files["main.py"] + b"# new\n"}
    made = image.Image(made.board, files, made.version)
    if not rom:
        made.set = built().set  # the same ROM image
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.image, "build", lambda *words: made)
        done = flash(seat, pki=keys(tmp_path))
    assert done.written == 1 and done.how == "ROMFS" and seat.rig.board.resets == 0
    seat.rig.world.run(seat.rig.world.now + 3000)
    # the device's own, the tool's, its second after the image, the start
    assert seat.board.starts[starts:] == ["reset", "soft", *["soft"] * rom, "soft"]
    assert seat.rig.board.resets == 0
    assert {"pki", "uevcc_version"} <= files_of(seat)


@pytest.mark.slow
@pytest.mark.parametrize("usb", [False, True], ids=["uart", "usb"])
def test_the_log_is_fetched_then_and_the_device_goes_on(start, usb):
    seat = start(sticky=True, usb=usb)
    seat.to("ended")
    seat.end(b"STATION_TERMINATE", stopped=False)
    port, starts = seat.board.port, len(seat.board.starts)
    assert b"SessionStop" in seat.beside(lambda: trace.fetch(port))
    seat.at_rest()
    assert seat.board.starts[starts:] == ["reset", "soft"] and seat.rig.board.resets == 0


@pytest.mark.slow
@pytest.mark.parametrize("usb", [False, True], ids=["uart", "usb"])
def test_a_person_who_wants_the_repl_then(start, usb):
    """Ctrl-C: it is said that the chip resets, and the prompt comes; nothing resets it later."""
    seat = start(sticky=True, usb=usb)
    seat.to("ended")
    seat.end(b"STATION_TERMINATE", stopped=False)
    seat.board.cable.received = b""
    seat.type(b"\x03")
    assert seat.heard(b">>> "), seat.said()
    text = seat.board.cable.received
    assert text.index(b"resetting, then the REPL is yours") < text.index(b"nothing runs until")
    assert seat.board.starts[-1] == "reset"
    seat.rig.world.run(seat.rig.world.now + 3000)
    assert seat.rig.device.at_prompt and seat.rig.board.resets == 0
    seat.ask(b"status()", b"NameError", 2000)  # Python's prompt, no device
    seat.go_on()
    assert seat.rig.device.dog.ms is None


def test_a_soft_reset_then_is_one_of_the_chip(start):
    """Else the watchdog would bite in the boot, and be told as a fault."""
    seat = start(sticky=True)
    seat.to("ended")
    seat.end(b"STATION_TERMINATE", stopped=False)
    seat.board.cable.received = b""
    seat.type(b"\x04")
    assert seat.heard(b"uEVCC> "), seat.said()
    seat.rig.world.run(seat.rig.world.now + 3000)
    assert seat.board.starts[-1] == "reset" and seat.rig.board.resets == 0
    seat.at_rest()
    assert b"WATCHDOG" not in seat.board.cable.received


@pytest.mark.slow
def test_a_watchdog_that_can_be_stopped_gives_the_repl_at_once(start):
    seat = start()
    seat.to("ended")
    assert seat.rig.device.dog.ms == 1000
    seat.end(b"STATION_TERMINATE", stopped=False)
    assert seat.rig.device.dog.ms is None
    seat.board.cable.received = b""
    seat.type(b"\x03")
    assert seat.heard(b">>> ") and b"resetting" not in seat.board.cable.received
    starts = len(seat.board.starts)
    seat.rig.world.run(seat.rig.world.now + 3000)
    assert seat.rig.board.resets == 0 and len(seat.board.starts) == starts
