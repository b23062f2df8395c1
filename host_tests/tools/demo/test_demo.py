# SPDX-License-Identifier: MIT
"""The demo as a user runs it: exit status, files that agree with one another, faults seen."""

import json
import re
import struct
import subprocess

import pytest
from evcc import exi

from tools.charger.power import PowerPlan
from tools.demo.__main__ import main
from tools.demo.dissect import Dissector
from tools.demo.record import Meter, number, plain
from tools.demo.report import checks, figures
from tools.demo.rig import Rig, default_plan
from tools.exi.json_form import from_json

SHORT = PowerPlan(((0, 8000), (3, -6000)), ramp_W_s=8000, stop_s=6)


def failed(rig):
    return {check.name for check in checks(rig, rig.outcome) if not check.ok}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One run of the whole demo: (exit status, JSON summary, folder)."""
    import contextlib
    import io

    out, text = tmp_path_factory.mktemp("demo"), io.StringIO()
    with contextlib.redirect_stdout(text):
        status = main(["--out", str(out), "--json", "--seed", "5"])
    return status, json.loads(text.getvalue()), out


def rows_of(out):
    with open(out / "session.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def frames_of(out):
    """[(us, frame)] of the pcapng file, read by its block lengths."""
    data, at, frames = (out / "session.pcapng").read_bytes(), 0, []
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        if kind == 6:
            _, high, low, kept, _ = struct.unpack_from("<IIIII", data, at + 8)
            frames.append((high << 32 | low, data[at + 28 : at + 28 + kept]))
        at += total
    return frames


def test_the_whole_session_ends_well(demo):
    status, data, _ = demo
    assert [check for check in data["checks"] if not check["ok"]] == []
    assert status == 0 and data["good"]
    assert data["result"] == "STATION_TERMINATE"
    assert (data["protocol"], data["service"], data["control_mode"]) == (
        "iso20_dc",
        "DC_BPT",
        "Dynamic",
    )
    assert 300 <= data["loops"] <= 600
    assert data["charged_Wh"] > 100 and data["discharged_Wh"] > 50
    assert data["soc_start"] < data["soc_highest"] > data["soc_end"]


def test_every_layer_is_in_the_recording_in_order(demo):
    rows = rows_of(demo[2])
    names = [row["name"] for row in rows]
    order = [
        "CM_SLAC_PARM.REQ",
        "CM_SLAC_PARM.CNF",
        "CM_START_ATTEN_CHAR.IND",
        "CM_MNBC_SOUND.IND",
        "CM_ATTEN_CHAR.IND",
        "CM_ATTEN_CHAR.RSP",
        "CM_SLAC_MATCH.REQ",
        "CM_SLAC_MATCH.CNF",
        "SECCDiscoveryReq",
        "SECCDiscoveryRes",
        "SYN",
        "supportedAppProtocolRes",
        "SessionSetupRes",
        "AuthorizationRes",
        "ServiceSelectionRes",
        "DC_ChargeParameterDiscoveryRes",
        "ScheduleExchangeRes",
        "DC_CableCheckRes",
        "DC_PreChargeRes",
        "PowerDeliveryRes",
        "DC_ChargeLoopRes",
        "DC_WeldingDetectionRes",
        "SessionStopRes",
        "FIN",
    ]
    places = [names.index(name) for name in order]
    assert places == sorted(places)
    assert names.count("CM_START_ATTEN_CHAR.IND") >= 3
    assert names.count("DC_ChargeLoopReq") == names.count("DC_ChargeLoopRes")
    assert {row["from"] for row in rows} >= {"car", "station"}


def test_files_agree_with_one_another_and_with_the_summary(demo):
    _, data, out = demo
    rows, frames = rows_of(out), frames_of(out)
    assert len(frames) == data["frames"]
    names = {bytes.fromhex("0200000e0e01"): "car", bytes.fromhex("020000000e02"): "station"}
    dissector = Dissector(names)
    again, start = [], frames[0][0] - rows[0]["t"] * 1000
    for us, frame in frames:
        again += [plain(row) for row in dissector.feed(frame, (us - start) // 1000)]
    assert again == rows
    meter = Meter()
    for row in rows:
        if row["name"] == "DC_ChargeLoopRes":
            m = row["message"]
            volts, amps = number(m["EVSEPresentVoltage"]), number(m["EVSEPresentCurrent"])
            meter.sample(row["t"], volts * amps)
    assert meter.charged_Wh == pytest.approx(data["charged_Wh"], abs=0.01)
    assert meter.discharged_Wh == pytest.approx(data["discharged_Wh"], abs=0.01)
    assert sum("message" in row for row in rows) == data["messages"]
    png = (out / "session.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and len(png) > 20_000


def test_messages_of_the_file_encode_to_what_was_on_the_line(demo):
    payloads = b"".join(frame for _, frame in frames_of(demo[2]))
    for row in rows_of(demo[2]):
        if "message" in row:
            message = from_json(row["schema"], row["message"])
            payload = exi.encode(row["schema"], row["name"], message)
            assert len(payload) == row["bytes"] and payload in payloads, row


def test_the_loop_keeps_the_protocols_own_pace(demo):
    times = [row["t"] for row in rows_of(demo[2]) if row["name"] == "DC_ChargeLoopReq"]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert 190 <= sum(gaps) / len(gaps) <= 215, "0.2 s of simulated time, never scaled"


@pytest.mark.peer
def test_tshark_finds_nothing_wrong(demo, peer):
    _, data, out = demo

    def tshark(*arguments):
        done = subprocess.run(
            [*peer("tshark").command(), "-r", str(out / "session.pcapng"), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert len(tshark("-T", "fields", "-e", "frame.number")) == data["frames"]
    checksums = ["-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    wrong = " || ".join(
        ["_ws.malformed", "tcp.checksum.status==0", "udp.checksum.status==0"]
        + ["icmpv6.checksum.status==0", "tcp.analysis.flags"]
    )
    assert tshark(*checksums, "-Y", wrong) == []
    assert len(tshark("-Y", "homeplug-av")) >= 18
    assert len(tshark("-Y", 'frame.comment contains "DC_ChargeLoopRes"')) == data["loops"]


def test_same_seed_same_recording_other_seed_another():
    def run(seed):
        rig = Rig(seed, plan=SHORT)
        assert rig.run()
        return [(now, frame) for now, frame, _ in rig.record.frames]

    assert run(11) == run(11)
    assert run(11) != run(12)


def test_plain_lines_without_a_terminal(tmp_path, capsys):
    assert main(["--out", str(tmp_path), "--power", "0:5k,3:-4k"]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "without TLS" in text and "pack speed x60" in text
    assert re.search(r"s  cable check +pilot C", text)
    assert re.search(r"s  power +pilot C  SoC +4\d\.\d %", text)
    assert "contactors opened without current" in text and "session.pcapng" in text


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--pack-speed", "0"], "above 0"),
        (["--pack-speed", "fast"], "expected a number"),
        (["--power", "much"], "expected WATTS"),
        (["--power", "0:1k,500:2k"], "last step"),
        (["--vm", "/no/such/micropython"], "no such program"),
        (["--heap", "lots"], "such as 128k"),
        (["--seed", "x"], "invalid int"),
        (["--out", "/dev/null/x"], "--out"),
        (["--nonsense"], "unrecognized"),
    ],
)
def test_wrong_options_are_said_in_words(arguments, words, tmp_path, capsys):
    try:
        status = main(["--out", str(tmp_path), "--no-live", *arguments])
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr()
    assert status == 2
    assert words in said.err and "Traceback" not in said.err


def test_stopped_by_hand_still_writes_the_files(tmp_path, capsys, monkeypatch):
    def run(rig):
        rig.board.plug()
        rig.world.run(3000)
        raise KeyboardInterrupt

    monkeypatch.setattr(Rig, "run", run)
    assert main(["--out", str(tmp_path), "--no-live"]) == 130
    assert "stopped by hand" in capsys.readouterr().out
    assert any(row["name"] == "CM_SLAC_MATCH.CNF" for row in rows_of(tmp_path))
    assert (tmp_path / "session.png").exists()


def test_charging_only_is_a_good_end_too(tmp_path):
    rig = Rig(2, plan=PowerPlan(((0, 5000),), ramp_W_s=8000, stop_s=62))
    assert rig.run()
    assert failed(rig) == set()
    assert rig.record.meter.discharged_Wh == 0


def test_default_plan_keeps_to_the_number_of_loops():
    assert default_plan().stop_s == 80
    assert default_plan("0:1k,90:-1k").stop_s == 110
    with pytest.raises(ValueError, match="last step"):
        default_plan("0:1k,100:-1k")


def test_pack_speed_changes_the_pack_and_nothing_else():
    slow, fast = Rig(3, 1, plan=SHORT), Rig(3, 120, plan=SHORT)
    assert slow.run() and fast.run()
    assert slow.world.now == pytest.approx(fast.world.now, abs=200)
    assert slow.record.counts["DC_ChargeLoopReq"] == fast.record.counts["DC_ChargeLoopReq"]
    assert slow.plant.station_Wh_in == pytest.approx(fast.plant.station_Wh_in, rel=0.03)
    moved = [abs(max(s for *_, s in rig.sampler.samples) - 0.4) for rig in (slow, fast)]
    assert moved[1] > 50 * moved[0] > 0


@pytest.mark.parametrize("seed", range(20, 24))
def test_frames_lost_on_the_line_are_made_up_for(seed):
    rig = Rig(seed, plan=SHORT)
    rig.line.loss = 0.03
    assert rig.run()
    assert failed(rig) <= {"300 to 600 charge loops", "next request within 250 ms"}, f"seed {seed}"
    assert rig.line.counters["lost"] > 3


def test_welded_contactors_are_no_good_end():
    rig = Rig(4, plan=SHORT)
    rig.world.at(11_000, setattr, rig.plant.contactors, "weld", True)
    assert rig.run()
    assert {"session ended as wished", "contactors opened without current"} <= failed(rig)
    assert rig.pilot.state != "A", "a welded car must not hand out its plug"


def test_a_torn_out_plug_is_seen_in_the_plant():
    rig = Rig(4, plan=SHORT)
    rig.world.at(11_000, rig.board.unplug, True)
    rig.run()
    assert rig.outcome["result"] not in ("COMPLETED", "STATION_TERMINATE")
    assert "power path never mistreated" in failed(rig)
    assert not rig.plant.contactors.closed


def test_a_device_that_hangs_is_reset_and_gives_the_plug_back():
    rig = Rig(4, plan=SHORT)
    rig.world.at(11_000, setattr, rig.device, "step", lambda now: None)
    assert rig.run()
    assert rig.board.resets == 1 and not rig.plant.contactors.closed
    (back,) = [t for t, state in rig.pilot.history if state == "B" and t > 6000]
    assert back < 11_000 + rig.board.WATCHDOG_MS + 100
    assert rig.pilot.state == "A", "unlocked, so the plug could be drawn"


def test_a_vm_that_dies_is_said_in_words():
    rig = Rig(4, plan=SHORT)

    class Dead:
        finished = True

        def outcome(self):
            raise RuntimeError("MicroPython: it ended")

    rig.device, rig.vm_name = Dead(), "MicroPython"
    assert rig.run()
    assert rig.outcome == {"result": None, "detail": "MicroPython: it ended"}
    assert "session ended as wished" in failed(rig)


def test_checks_notice_a_meter_that_disagrees():
    rig = Rig(6, plan=SHORT)
    assert rig.run()
    assert failed(rig) == {"300 to 600 charge loops"}, "only because this session is short"
    rig.plant.station_Wh_in *= 1.05
    rig.plant.pack.soc += 0.03
    rig.record.dissector.errors += 1
    assert failed(rig) == {
        "300 to 600 charge loops",
        "energy to the car",
        "state of charge",
        "every frame could be read",
    }
    assert not figures(rig, rig.outcome, checks(rig, rig.outcome))["good"]


@pytest.mark.vm
def test_the_device_inside_micropython(machine):
    rig = Rig(7, plan=SHORT, vm=machine("i386"), heap="192k")  # its size: see the bench
    try:
        rig.run()
        assert failed(rig) == {"300 to 600 charge loops"}, rig.outcome
        border = rig.border()
        assert border["SPI transfers"] > 200 and border["others"] > 200
    finally:
        rig.close()
