# SPDX-License-Identifier: MIT
"""The gate of the REPL at every message, the log of the last session, the LED, a soft reset."""

import subprocess
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from evcc import logfile, ports
from evcc.led import GROUPS, STATES, flashes, group, shown
from evcc.reason_texts import ROWS
from evcc.store import Store

from host_tests.conftest import peer
from host_tests.device_rig import DeviceRig
from tools.charger.station import EPOCH_S
from tools.charger.tls import context
from tools.led_table import PAGE, with_table
from tools.pki import maker

MPREMOTE = b"\r\x03\r\x01"  # what mpremote sends to get the raw REPL: Ctrl-C, Ctrl-A
MESSAGES = (
    "supportedAppProtocol SessionSetup AuthorizationSetup Authorization ServiceDiscovery "
    "ServiceDetail ServiceSelection DC_ChargeParameterDiscovery ScheduleExchange DC_CableCheck "
    "DC_PreCharge PowerDelivery DC_ChargeLoop DC_WeldingDetection SessionStop"
).split()


def finish(rig):
    assert rig.world.run_until(lambda: rig.device.finished, rig.world.now + 200_000)
    assert rig.acted
    assert not rig.violations() and rig.controller.safety.forced_openings == 0
    rig.check_safe()


def typed():
    """(message, bytes): mpremote at each message; other words always around closed contactors."""
    around = MESSAGES[MESSAGES.index("DC_CableCheck") :]
    for name, sent in (("raw", MPREMOTE), ("soft", b"\x04"), ("intr", b"\x03\x03\x03")):
        for message in MESSAGES:
            slow = name != "raw" and message not in around
            marks = [pytest.mark.slow] if slow else []
            yield pytest.param(message, sent, id=f"{name}-{message}", marks=marks)


@pytest.mark.parametrize("message, sent", list(typed()))
def test_mpremote_at_a_message_gets_nothing_before_contactors_are_open(tmp_path, message, sent):
    rig = DeviceRig(tmp_path / "device")
    rig.world.run(500)
    assert not rig.terminal.ctrl_c  # a byte as others as long as the loop runs
    rig.board.plug()
    rig.at(message, lambda: rig.type(sent))
    closed_when_left = []

    class Watch:
        def step(self, now):
            if rig.plant.contactors.closed:
                assert rig.device.left is None and not rig.terminal.ctrl_c
            if rig.device.left and not closed_when_left:
                closed_when_left.append(rig.plant.contactors.commanded)
            return now + 5  # contactors need longer

    rig.world.add(Watch())
    finish(rig)
    rig.world.run(rig.world.now + 300)
    assert rig.terminal.broken == 0  # Ctrl-C never came through
    assert rig.device.module.safes == (1 if sent == b"\x04" else 0)
    if sent == MPREMOTE:
        assert "refused while plugged in: charging is stopped" in rig.terminal.shown
        assert rig.device.left is None and "raw REPL" not in rig.terminal.shown
        assert (
            message in ("DC_WeldingDetection", "SessionStop")
            or rig.controller.result == "USER_STOP"
        )
        rig.board.unplug()
        rig.world.run(rig.world.now + 200)
        rig.type(MPREMOTE)
        rig.world.run(rig.world.now + 200)
        assert rig.terminal.broken == 0 and rig.device.left == "repl"
        # what follows the Ctrl-C is the REPL's, so mpremote comes in with the first attempt
        assert rig.terminal.typed == b"\r\x01" and rig.terminal.ctrl_c
    elif sent == b"\x04":
        assert rig.device.left == "reset" and closed_when_left == [False]
    else:
        assert rig.device.left is None and rig.controller.result == "STATION_TERMINATE"


def test_a_port_that_cannot_switch_ctrl_c_off_gets_a_safe_stop(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    rig.terminal.interrupt = lambda on: False  # CircuitPython
    rig.terminal.ctrl_c = True
    rig.world.run(500)
    rig.board.plug()
    rig.at("DC_ChargeLoop", lambda: rig.type(b"\3"), nth=3)
    finish(rig)
    assert rig.terminal.broken == 1 and rig.controller.result == "USER_STOP"
    assert rig.device.left is None


def test_without_service_mode_the_raw_repl_is_never_given(tmp_path):
    rig = DeviceRig(tmp_path / "device", settings={"service_mode": False})
    rig.world.run(500)
    assert not rig.terminal.ctrl_c
    rig.type(MPREMOTE)
    rig.world.run(1000)
    assert "refused: service_mode is off" in rig.terminal.shown and rig.device.left is None
    assert "state: unplugged" in rig.answer("status()")
    assert rig.answer("open('pki/vehicle.key')").startswith("commands:")


# --- the log ---


def session(rig):
    rig.world.run(500)
    rig.board.plug()
    finish(rig)
    return rig.folder / "log" / "last.pcapng"


def tshark(path, *words):
    command = [*peer("tshark").command(), "-r", str(path), *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True,
        env={**peer("tshark").env()} if hasattr(peer("tshark"), "env") else None,
    ).stdout  # fmt: skip


def test_the_last_session_is_in_a_file_when_it_ends(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    path = session(rig)
    data = path.read_bytes()
    assert data[:4] == b"\x0a\x0d\x0d\x0a" and b"STATION_TERMINATE" in data
    assert b"SessionStopRes OK" in data and b"DC_ChargeLoopReq" in data and b"matching" in data
    assert not (rig.folder / "log" / "last.pcapng.new").exists()
    # the ring still has it; another one begins with the next plug-in, the file before is kept
    assert rig.answer("trace()") == str(path) and path.read_bytes() == data
    other = rig.folder / "log" / "mine.pcapng"
    assert rig.answer(f"trace('{other}')") == str(other) and other.read_bytes() == data
    assert rig.answer("trace('/nowhere/x/y')") == "could not be written: /nowhere/x/y"
    rig.board.unplug()
    rig.world.run(rig.world.now + 1000)
    rig.board.plug()
    rig.world.run_until(lambda: rig.controller.sessions == 2, rig.world.now + 200_000)
    assert (rig.folder / "log" / "last.pcapng.old").read_bytes()[:4] == data[:4]
    assert path.read_bytes().count(b"matching") == data.count(b"matching") == 1


def test_nothing_is_written_while_contactors_are_closed(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    rig.world.run(500)
    rig.board.plug()
    assert rig.world.run_until(lambda: rig.plant.contactors.closed, 60_000)
    rig.world.run(rig.world.now + 500)
    assert rig.answer("trace()").startswith("not while contactors are closed")
    assert not (rig.folder / "log").exists()


@pytest.mark.parametrize("asked", [False, True])
def test_who_the_car_is_is_masked_unless_asked_for(tmp_path, asked):
    name = "WMITESTEVCC00012345A"
    rig = DeviceRig(tmp_path / "device", settings={"evccid": name, "log_ids": asked})
    seen = []
    rig.device.device.trace.sink = lambda kind, out, data, now: (
        seen.append(bytes(data)) if kind == 1 else 0
    )
    path = session(rig)
    requests = [f for f in seen if b"\x01\xfe\x80\x02" in f and _evccid(f, name)]
    assert requests, "the test must know a frame with the EVCCID"
    data = path.read_bytes()
    secret = requests[0][logfile.payload(requests[0]) + 8 :]
    assert (secret in data) is asked
    assert len(list(rig.device.device.trace)) > 100


def _evccid(frame, name):
    from evcc import exi

    try:
        body = exi.decode("iso20_common", frame[logfile.payload(frame) + 8 :])
    except Exception:
        return False
    return name in str(body)


def test_a_ring_that_lost_its_beginning_masks_what_it_cannot_tell():
    from evcc.trace import Trace

    frame = bytes(12) + b"\x86\xdd" + bytes(6) + b"\x06" + bytes(45) + b"\x50" + bytes(7)
    frame += b"\x01\xfe\x80\x02\0\0\0\x05HELLO"
    t = Trace(300)
    for _ in range(9):
        t.frame(True, frame, 1)
    t.message(True, "DC_ChargeLoopReq", None, 2)
    t.frame(True, frame, 2)
    frames = [row[3] for row in logfile.masked(t) if row[1] == 1]
    assert all(b"HELLO" not in f and len(f) == len(frame) for f in frames[:-1]) and len(frames) > 1
    assert frames[-1] == frame


@pytest.mark.peer
def test_tshark_reads_the_log(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    path = session(rig)
    text = tshark(
        path,
        "-T",
        "fields",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.protocols",
        "-e",
        "frame.comment",
    )
    lines = text.strip().split("\n")
    assert len(lines) > 50 and "homeplug-av" in lines[0]
    assert any("tcp" in line and "DC_ChargeLoopReq" in line for line in lines)


def test_key_log_on_the_bench_only(tmp_path):
    start = datetime.fromtimestamp(EPOCH_S, timezone.utc)
    days = (datetime.now(timezone.utc) - start).days + 60
    maker.make(tmp_path / "pki", "P-256", days=days, now=start)
    for asked in (False, True):
        settings = {
            "key_log": asked, "pki_dir": str(tmp_path / "pki"), "sdp_tls": True,
            "allow_iso20_without_tls": False, "ocsp_policy": "lenient", "tls_profile": "bench",
        }  # fmt: skip
        rig = DeviceRig(tmp_path / f"device{asked}", settings=settings)
        rig.station.tls = context(tmp_path / "pki", "bench")
        path = session(rig)
        assert (b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" in path.read_bytes()) is asked
        assert b"key_log = " not in (rig.folder / "settings.toml").read_bytes()
        assert b"key_log = " not in Store(str(rig.folder / "store")).read("settings")


def test_a_log_that_cannot_be_written_disturbs_nothing(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    (rig.folder / "log").write_text("a file where a folder should be")
    session(rig)
    assert rig.controller.result == "STATION_TERMINATE"
    assert rig.answer("trace()").startswith("could not be written")


def test_no_memory_for_the_log_ends_nothing(tmp_path, monkeypatch):
    rig = DeviceRig(tmp_path / "device")
    rig.world.run(500)
    device = rig.device.device
    rare = device.rare

    def little(what, *arguments):
        if what == "save_log":
            raise MemoryError("memory allocation failed, allocating 1280 bytes")
        return rare(what, *arguments)

    monkeypatch.setattr(device, "rare", little)
    session(rig)
    assert rig.controller.result == "STATION_TERMINATE" and not device.saved
    assert rig.answer("status()").count("log: MemoryError") == 1
    rig.check_safe()


def test_a_soft_reset_keeps_the_log_and_the_settings(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    path = session(rig)
    before = path.read_bytes()
    from evcc.boot import boot

    rig.world.remove(rig.device)
    device = boot(rig.device.module)
    assert device.refused is None and path.read_bytes() == before
    from evcc import repl

    device.running = True
    rig.board.unplug()
    for now in range(rig.world.now, rig.world.now + 500, 10):
        device.step(now)
    assert device.trace.records and repl.trace() == str(path) and path.read_bytes() == before


# --- the LED ---


def test_every_reason_has_flashes_and_every_pattern_its_words():
    assert {group(reason) for _, reason, _ in ROWS} == set(GROUPS)
    assert group("UNPLUGGED") == "plug" and group("MESSAGE_TIMEOUT") == "protocol"
    patterns = [*STATES.values(), *[flashes(n + 1) for n in range(len(GROUPS))]]
    assert len(set(patterns)) == len(patterns)
    page = PAGE.read_text()
    assert with_table(page) == page, "python -m tools.led_table"


@pytest.mark.parametrize("state", ["closing", "closed", "releasing", "opening", "stuck", "ac"])
def test_the_led_says_power_until_contactors_are_open(state):
    c = SimpleNamespace(result=None, state="session", safety=SimpleNamespace(state=state))
    assert shown(SimpleNamespace(controller=c)) == STATES["power"]
    c.safety.state = "open"
    assert shown(SimpleNamespace(controller=c)) == STATES["session"]
    c.state = "a phase of tomorrow"
    assert shown(SimpleNamespace(controller=c)) == STATES["connecting"]
    assert shown(SimpleNamespace(controller=None)) == STATES["refused"]


def test_the_led_follows_a_session(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    d = rig.device.device
    seen = []

    class Look:
        def step(self, now):
            pattern = shown(d)
            if seen[-1:] != [pattern]:
                seen.append(pattern)
            return now + 20

    rig.world.add(Look())
    session(rig)
    rig.world.run(rig.world.now + 100)
    states = {pattern: name for name, pattern in STATES.items()}
    found = [states.get(pattern, pattern) for pattern in seen]
    assert found[:3] == ["unplugged", "connecting", "session"]
    assert found.index("power") > 2 and found[-1] == flashes(1)
    # the pin: dark most of the time while unplugged, always on with power
    light = rig.device.module.light
    first = [on for now, on in light if now < 500]
    assert first[0] is True and not any(first[1:])
    switched = [on for now, on in light if now > 500]
    assert switched.count(True) > 10


def test_a_reset_waits_for_contactors_that_stay_closed(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    d = rig.device.device
    rig.world.run(100)
    d.controller.result, d.wish = "WELD_SUSPECTED", "reset"
    d.parts.board.raw[ports.FEEDBACK] = 1
    d.guard()
    assert d.left is None
    d.parts.board.raw[ports.FEEDBACK] = 0
    d.guard()
    assert d.left == "reset"
