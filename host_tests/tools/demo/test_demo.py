# SPDX-License-Identifier: MIT
"""The demo as a user runs it: exit status, files that agree with one another, faults seen."""

import contextlib
import io
import json
import re
import struct
import subprocess

import pytest
from evcc import exi

from tools.charger.power import PowerPlan
from tools.demo import __main__ as command
from tools.demo.__main__ import main
from tools.demo.dissect import Dissector
from tools.demo.record import Meter, number, plain
from tools.demo.report import checks, figures
from tools.demo.rig import Rig, default_plan
from tools.exi.json_form import from_json

SHORT = PowerPlan(((0, 8000), (3, -6000)), ramp_W_s=8000, stop_s=6)


def failed(rig):
    return {check.name for check in checks(rig, rig.outcome) if not check.ok}


class Whole:
    """One run of the whole demo. `status` of its exit, `text` for people, `data` for programs.

    Only one of the two is asked for; the other is then made of the same run.
    """

    def __init__(self, out, *arguments):
        self.out = out
        said, tell = io.StringIO(), command._tell

        def both(rig, files, wall_s, options, console):
            status = tell(rig, files, wall_s, options, console)
            options.json = not options.json
            assert tell(rig, files, wall_s, options, console) == status
            return status

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(command, "_tell", both)
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                self.status = main(["--out", str(out), "--seed", "5", *arguments])
        whole = said.getvalue()
        begin, end = whole.index("\n{\n") + 1, whole.index("\n}\n") + 3
        self.data = json.loads(whole[begin:end])
        self.text = whole[:begin] + whole[end:]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return Whole(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def open_demo(tmp_path_factory):
    """The same without TLS, with other wishes of the station."""
    more = ("--no-tls", "--json", "--power", "0:9k,40:-8k")
    return Whole(tmp_path_factory.mktemp("open_demo"), *more)


def rows_of(out):
    with open(out / "session.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def frames_of(out, secrets=None):
    """[(us, frame)] of the pcapng file, read by its block lengths. `secrets`: gets the key log."""
    data, at, frames = (out / "session.pcapng").read_bytes(), 0, []
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        if kind == 10 and secrets is not None:
            assert not frames, "Wireshark wants secrets before what they open"
            sort, length = struct.unpack_from("<II", data, at + 8)
            assert sort == 0x544C534B
            secrets.append(data[at + 16 : at + 16 + length].decode())
        if kind == 6:
            _, high, low, kept, _ = struct.unpack_from("<IIIII", data, at + 8)
            frames.append((high << 32 | low, data[at + 28 : at + 28 + kept]))
        at += total
    return frames


def test_the_whole_session_ends_well(demo):
    data = demo.data
    assert [check for check in data["checks"] if not check["ok"]] == []
    assert demo.status == 0 and data["good"]
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
    rows = rows_of(demo.out)
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
    data, out = demo.data, demo.out
    secrets = []
    rows, frames = rows_of(out), frames_of(out, secrets)
    assert len(frames) == data["frames"] and len(secrets) == 1
    names = {bytes.fromhex("0200000e0e01"): "car", bytes.fromhex("020000000e02"): "station"}
    dissector = Dissector(names)
    assert dissector.keys(secrets[0]) == []
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


def test_without_tls_the_same_story_and_no_secrets(demo, open_demo):
    data = open_demo.data
    assert open_demo.status == 0 and data["tls"] is False and data["ocsp"] is None
    secrets = []
    frames_of(open_demo.out, secrets)
    assert not secrets
    polled = ("DC_CableCheck", "DC_PreCharge", "DC_Welding", "Authorization", "ScheduleExchange")

    def story(out):
        v2g = [row["name"] for row in rows_of(out) if row["layer"] == "V2G"]
        found = []
        for name in v2g:
            if not name.startswith(polled) and name not in found[-2:]:
                found.append(name)
        return found

    assert story(open_demo.out) == story(demo.out) and len(story(demo.out)) > 15


def test_nothing_readable_is_on_the_line_with_tls(demo, open_demo):
    for folder, readable in ((demo.out, False), (open_demo.out, True)):
        tcp = [f[74:] for _, f in frames_of(folder) if f[12:14] == b"\x86\xdd" and f[20] == 6]
        assert any(data[:3] == b"\x01\xfe\x80" for data in tcp) == readable


def test_tls_as_agreed_is_told(demo):
    tls = demo.data["tls"]
    assert (tls["version"], tls["suite"]) == ("TLS 1.3", "TLS_AES_256_GCM_SHA384")
    assert tls["group"] == "secp521r1" and demo.data["ocsp"] == "lenient"
    for who, name in (("station", "CN=SECC TEST"), ("car", "CN=TESTEVCC0000001")):
        assert name in tls[f"{who}_certificate"]
        assert tls[f"{who}_scheme"] == "ecdsa_secp521r1_sha512"


def test_messages_of_the_file_encode_to_what_was_on_the_line(open_demo):
    payloads = b"".join(frame for _, frame in frames_of(open_demo.out))
    for row in rows_of(open_demo.out):
        if "message" in row:
            message = from_json(row["schema"], row["message"])
            payload = exi.encode(row["schema"], row["name"], message)
            assert len(payload) == row["bytes"] and payload in payloads, row


def test_the_loop_keeps_the_protocols_own_pace(demo):
    times = [row["t"] for row in rows_of(demo.out) if row["name"] == "DC_ChargeLoopReq"]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert 190 <= sum(gaps) / len(gaps) <= 215, "0.2 s of simulated time, never scaled"


@pytest.mark.peer
def test_tshark_finds_nothing_wrong(demo, peer):
    data, out = demo.data, demo.out

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
    # the key log in the file is enough for the plaintext
    finished = tshark("-Y", "tls.handshake.type == 20", "-T", "fields", "-e", "ipv6.src")
    assert len(set(finished)) == 2
    plain = tshark("-Y", "tls.app_data", "-T", "fields", "-e", "data.data")
    headers = "".join(plain).count("01fe8002") + "".join(plain).count("01fe8004")
    assert headers >= data["messages"] - 2


def test_same_seed_same_recording_other_seed_another():
    def run(seed):
        rig = Rig(seed, plan=SHORT)
        assert rig.run()
        return [(now, frame) for now, frame, _ in rig.record.frames]

    assert run(11) == run(11)
    assert run(11) != run(12)


def test_plain_lines_without_a_terminal(demo):
    text = demo.text
    assert "\x1b" not in text
    assert "mutual TLS 1.3" in text and "pack speed x60" in text
    assert "TLS_AES_256_GCM_SHA384 secp521r1, mutual, OCSP lenient" in text
    assert re.search(r"s  cable check +pilot C", text)
    assert re.search(r"s  power +pilot C  SoC +4\d\.\d %", text)
    assert "contactors opened without current" in text and "session.pcapng" in text


def test_no_tls_is_said_loudly(open_demo):
    text = open_demo.text
    assert "WITHOUT TLS" in text and "NO TLS" in text


def test_a_station_of_another_pki_is_no_good_end(tmp_path):
    from tools.pki.maker import make

    make(tmp_path / "car", "P-256")
    make(tmp_path / "station", "P-256")
    rig = Rig(3, plan=SHORT, pki=tmp_path / "station", settings={
        "tls_profile": "bench", "pki_dir": str(tmp_path / "car"),
    })  # fmt: skip
    assert rig.run() and rig.outcome["result"] == "TLS_FAILED"
    assert {"session ended as wished", "mutual TLS 1.3"} <= failed(rig)


def test_the_throw_away_pki_is_made_once_and_again_before_it_expires(tmp_path):
    from datetime import datetime, timedelta, timezone

    from tools.demo.pki import throw_away

    now = datetime.now(timezone.utc)
    assert throw_away(tmp_path, "P-256") and not throw_away(tmp_path, "P-256")
    assert not throw_away(tmp_path, "P-256", now + timedelta(days=50))
    assert throw_away(tmp_path, "P-256", now + timedelta(days=58))
    assert not throw_away(tmp_path, "P-256", now)
    (tmp_path / "vehicle.der").write_bytes(b"no certificate")
    assert throw_away(tmp_path, "P-256", now)
    assert throw_away(tmp_path, "Ed448")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--pki", "/no/such/pki"], "no PKI there"),
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


def test_charging_only_is_a_good_end_too():
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
