# SPDX-License-Identifier: MIT
"""Real mpremote at every message of a session: nothing gets in, and nothing holds contactors.

MicroPython with flash, raw REPL and a serial port (tools.serial_board) runs what `make flash` puts
on a board, with the emulated modem, station and power circuit. The world stands still until the
tool's bytes are at the board, so they come while the stage's message is in flight. It shows our
gate and `kbd_intr`; a port's own USB, UART and REPL are not shown by it.
"""

import pytest
from evcc.iso20.flow import FLOW

from host_tests.gate_rig import Seat, make_image
from tools.chart.tables import rows
from tools.demo.rig import Rig
from tools.serial_board.remote import Mpremote

pytestmark = pytest.mark.vm

# frames of the car between the plug and the session
BRING_UP = (
    "CM_SLAC_PARM.REQ CM_START_ATTEN_CHAR.IND CM_MNBC_SOUND.IND CM_ATTEN_CHAR.RSP "
    "CM_SLAC_MATCH.REQ NeighbourSolicitation SECCDiscoveryReq SYN"
).split()
MESSAGES = ["supportedAppProtocolReq", *[row[0] + "Req" for row in rows(FLOW)]]
# by their names: no frame yet; a person's stop() in the loop; the second of that message, ...
OTHERS = ["plugged", "stopping", "PowerDeliveryReq Stop", "paused", "ended"]
STAGES = [*BRING_UP, *MESSAGES, *OTHERS]
# it ends already, as the station wished
LATE = ("PowerDeliveryReq Stop", "DC_WeldingDetectionReq", "SessionStopReq", "ended")
FAST = ("DC_ChargeLoopReq",)

REFUSED = b"refused while plugged in: charging is stopped"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return make_image(tmp_path_factory.mktemp("firmware"))


@pytest.fixture(scope="module")
def remote():
    with Mpremote() as remote:
        yield remote


@pytest.fixture
def start(image, remote, tmp_path):
    """`start(seconds)`: the firmware runs, nothing is plugged in; the station ends after so many
    seconds of power. Returns a Seat."""
    seats = []

    def begin(seconds=2, **more):
        seats.append(Seat(image, remote, tmp_path / "board", seconds, **more))
        return seats[-1]

    yield begin
    for seat in seats:
        seat.board.close()


def test_the_stages_are_all_that_a_car_sends():
    rig = Rig()
    assert rig.run()
    sent = list(dict.fromkeys(r["name"] for r in rig.record.rows if r["from"] == "car"))
    assert [name for name in sent if name in STAGES] == [*BRING_UP, *MESSAGES]
    rest = set(sent) - set(STAGES)
    print(rest)


def check_refused(seat, stage, *words):
    """A tool that wants the raw REPL: charging stops in order, nothing else happens."""
    seat.to(stage)
    done = seat.attach(*words, patience=0.3)
    assert done.returncode and "could not enter raw repl" in done.stdout, done.stdout
    assert seat.heard(REFUSED) and b"raw REPL" not in seat.board.cable.received
    seat.end(b"STATION_TERMINATE" if stage in LATE else b"USER_STOP", stopped=True)


def check_pulled(seat, stage):
    """The cable comes out in the middle of what mpremote sends first."""
    seat.to(stage)
    seat.board.cable.pull_after = 3
    done = seat.attach("exec", "open('/pulled', 'w').close()", patience=0.3, count=3)
    assert done.returncode, done.stdout
    assert seat.board.port is None and b"raw REPL" not in seat.board.cable.received
    seat.board.cable.plug()
    if stage == "paused":  # for ever, as far as the cable is concerned
        seat.state(b"state: paused")
        seat.ask(b"stop()", b"stopping")
    by_hand = stage in ("paused", "stopping")
    seat.end(b"USER_STOP" if by_hand else b"STATION_TERMINATE", stopped=False)


def check_reset(seat, stage):
    """Ctrl-D alone: a soft reset, once contactors are open."""
    seat.to(stage)
    board, rig = seat.board, seat.rig
    coils = rig.plant.contactors
    at_reset = []
    board.on_start = lambda why: at_reset.append((why, coils.commanded, coils.closed))
    seat.type(b"\x04")
    assert rig.world.run_until(lambda: bool(at_reset), rig.world.now + 60_000), seat.said()
    board.on_start = None
    assert at_reset == [("soft", False, False)]
    seat.plugged = None  # from here on it may restart, and a session may begin
    rig.board.unplug(force=True)
    seat.safe()
    seat.at_rest()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "stage", [s if s in FAST else pytest.param(s, marks=pytest.mark.slow) for s in STAGES]
)
@pytest.mark.shows(
    "nothing enters while plugged in",
    "exec, cp, soft reset, cable pulled at every message",
    peer="mpremote",
)
def test_nothing_enters_while_plugged_in(start, tmp_path, stage):
    """exec, cp, soft reset, a cable that comes out, Ctrl-D: a plug-in each."""
    seat = start()
    (tmp_path / "mark").write_text("x")
    check_refused(seat, stage, "exec", "open('/ran', 'w').close()")
    check_refused(seat, stage, "fs", "cp", tmp_path / "mark", ":mark")
    check_refused(seat, stage, "soft-reset")
    check_pulled(seat, stage)
    starts = seat.board.starts[:]
    done = seat.attach("resume", "exec", "import os; print(os.listdir('/'))")
    assert done.returncode == 0 and "main.py" in done.stdout, done.stdout
    assert not {"ran", "mark", "pulled"} & set(eval(done.stdout)), done.stdout
    assert seat.board.starts == starts  # the firmware that began is the one that left
    seat.go_on()
    check_reset(seat, stage)


@pytest.mark.slow
def test_somebody_plugs_in_while_a_person_is_at_the_repl(start):
    """Nothing runs then, so nothing closes; the REPL stays theirs. start() begins to charge."""
    seat = start(3600)
    rig = seat.rig
    seat.type(b"\x03")
    assert seat.heard(b">>> ")
    rig.board.plug()
    rig.world.run(rig.world.now + 3000)
    assert rig.pilot.state == "B" and rig.record.state == "" and not rig.board.motor.commanded
    done = seat.attach("resume", "exec", "import evcc.repl as r; print(r.status())")
    assert done.returncode == 0 and "pilot: B" in done.stdout, done.stdout
    done = seat.attach("resume", "exec", "r.gate()")
    assert done.returncode and "draw the plug first" in done.stdout
    assert rig.board.resets == 0 and rig.device.dog.ms is None and not rig.pilot.s2
    seat.type(b"r.start()\r")
    assert seat.heard(b"uEVCC> ")
    seat.plugged = len(seat.board.starts)
    closed = rig.plant.contactors
    assert rig.world.run_until(lambda: closed.closed, rig.world.now + 60_000), seat.said()
    seat.ask(b"stop()", b"stopping")
    seat.end(b"USER_STOP", stopped=False)


@pytest.mark.parametrize(
    "plugged, service",
    [(True, True), pytest.param(False, True, marks=pytest.mark.slow),
     pytest.param(False, False, marks=pytest.mark.slow)],
)  # fmt: skip
def test_ctrl_c_while_it_boots(start, tmp_path, plugged, service):
    """It is a byte from main.py's first line on: the REPL is given at rest and in service mode."""
    seat = start()
    if not service:
        text = tmp_path / "settings.toml"
        text.write_text("service_mode = false\n" + seat.settings)
        done = seat.attach("resume", "fs", "cp", text, ":settings.toml")
        assert done.returncode == 0, done.stdout
    if plugged:
        seat.rig.board.plug()
    starts = len(seat.board.starts)
    seat.boot_and_stand_still()
    seat.type(b"\x03" * 5)
    if service and not plugged:
        assert seat.heard(b">>> "), seat.said()
    else:
        seat.state(b"pilot: " + (b"B" if plugged else b"A"))
        assert not seat.rig.device.at_prompt and b">>> " not in seat.board.cable.received
    assert seat.board.starts[starts:] == ["power"] and not seat.rig.plant.contactors.operations
