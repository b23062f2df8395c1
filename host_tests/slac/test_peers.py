# SPDX-License-Identifier: MIT
"""SLAC against programs that we did not write, through emulated modems; frames read by tshark."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from evcc import homeplug
from evcc.homeplug import diagnose, local

from host_tests import netns
from host_tests.conftest import peer

pytestmark = pytest.mark.peer
HERE = Path(__file__).parent
EV, EVSE = bytes.fromhex("0200000e0e01"), bytes.fromhex("0200005e5e02")
OUR_STATION = "02:00:00:5e:5e:01"


def bridge(role, capture, *command):
    """Result of `host_tests.slac.bridge` in a network namespace, and the peer's own words."""
    netns.require()
    words = [sys.executable, "-m", "host_tests.slac.bridge", role, "20", capture, *command]
    p = netns.run(words, timeout=60)
    log = Path(str(capture) + ".log").read_text(errors="replace")
    assert p.returncode == 0, p.stderr + log
    return json.loads(p.stdout.splitlines()[-1]), log


def ini(program, folder):
    """The peer's template profile with a short settle time."""
    command = peer("plc-utils").command("usr/bin/" + program)
    p = subprocess.run([*command, "-c"], capture_output=True, text=True, timeout=20)
    path = folder / (program + ".ini")
    path.write_text(p.stdout.replace("settle time = 10", "settle time = 1"))
    return [*command, "-i", "s0", "-p", str(path), "-v"]


def dissect(path, *fields):
    """tshark's view: a list of field texts per frame; the first is the sender, then malformed."""
    p = subprocess.run(
        [*peer("tshark").command(), "-r", str(path), "-T", "fields", "-e", "eth.src"]
        + ["-e", "_ws.malformed"]
        + [word for field in fields for word in ("-e", field)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert p.returncode == 0, p.stderr
    return [line.split("\t") for line in p.stdout.splitlines()]


@pytest.mark.shows("SLAC, the car's side", peer="plc-utils")
def test_against_evse_of_plc_utils(tmp_path):
    result, log = bridge("car", tmp_path / "x.pcap", *ini("evse", tmp_path))
    assert result["state"] == "ready" and result["joined"] and result["same_key"], log[-2000:]
    assert result["evse"] == EVSE.hex() and 10 < result["attenuation"][0] < 20
    assert result["counters"] == {}
    assert "MatchedState: Charging" in log
    rows = dissect(tmp_path / "x.pcap", "homeplug_av.mmhdr.mmtype")
    assert not [r for r in rows if r[1]]
    assert {r[2] for r in rows} > {"0x6064", "0x606a", "0x6076", "0x606f", "0x607c", "0x6008"}


@pytest.mark.shows("SLAC, the car's side", peer="pyslac")
def test_against_pyslac(tmp_path):
    python = peer("pyslac").dir / "bin" / "python"
    path = tmp_path / "x.pcap"
    result, log = bridge("car", path, python, HERE / "pyslac_evse.py", "s0")
    assert result["state"] == "ready" and result["joined"] and result["same_key"], log[-2000:]
    assert result["counters"] == {} and "Traceback" not in log
    assert "ongoing" in log and log.splitlines()[-1] == "state 2"  # its "matched"
    assert not [r for r in dissect(path) if r[1]]


@pytest.mark.shows("SLAC, the station's side", peer="plc-utils")
def test_our_station_against_pev_of_plc_utils(tmp_path):
    path = tmp_path / "x.pcap"
    result, log = bridge("station", path, *ini("pev", tmp_path))
    assert result["state"] == "matched" and result["peer"] == EVSE.hex(), log[-2000:]
    assert result["linked"], result
    rows = dissect(path, "homeplug_av.mmhdr.mmtype")
    ours = [r for r in rows if r[0] == OUR_STATION]
    assert {r[2] for r in ours} >= {"0x6065", "0x606e", "0x607d"}
    assert not [r for r in ours if r[1]]  # its own 64-byte sounds are cut, ours must not be


def packed():
    """One of each frame that an EV or its tools send."""
    buf = bytearray(128)
    run, nid, nmk = bytes(range(8)), bytes(range(1, 8)), bytes(range(16))
    for pack, *args in (
        (homeplug.slac_parm_req, EV, run),
        (homeplug.start_atten_char, EV, run, 10, 6),
        (homeplug.mnbc_sound, EV, run, 7, bytes(range(100, 116))),
        (homeplug.atten_char_rsp, EV, EVSE, run),
        (homeplug.validate_req, EV, EVSE, 19),
        (homeplug.slac_match_req, EV, EVSE, run),
        (homeplug.amp_map_cnf, EV, EVSE),
        (homeplug.set_key_req, EV, nid, nmk),
        (homeplug.pl_lnk_status_req, EV),
        (homeplug.nw_info_req, EV),
        (local.get_sw_req, EV),
        (local.module_read_req, EV, 0x1653, 1),
        (diagnose.op_attributes_req, EV),
        (diagnose.get_key_req, EV, nid),
        (diagnose.nw_stats_req, EV),
        (diagnose.cm_nw_info_req, EV),
        (diagnose.lnk_stats_req, EV, EVSE),
        (diagnose.rs_dev_req, EV),
        (diagnose.fac_defaults_req, EV),
        (diagnose.host_action_rsp, EV),
    ):
        yield bytes(buf[: pack(buf, *args)])


@pytest.mark.shows("SLAC frames, field by field", peer="tshark")
def test_tshark_reads_every_frame_field_by_field(tmp_path):
    frames = list(packed())
    path = tmp_path / "all.pcap"
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            out.write(struct.pack("<IIII", i, 0, len(frame), len(frame)) + frame)
    g = "homeplug_av.gp."
    wanted = {
        0: {g + "cm_slac_parm.runid": "0001020304050607", g + "cm_slac_parm.apptype": "0x00"},
        1: {
            g + "cm_start_atten_char.sounds_count": "10",
            g + "cm_start_atten_char.time_out": "6",
            g + "cm_start_atten_char.resptype": "0x01",
            g + "cm_start_atten_char.sound_forwarding_sta": "02:00:00:0e:0e:01",
            g + "cm_start_atten_char.runid": "0001020304050607",
        },
        2: {
            g + "cm_mnbc_sound.countdown": "7",
            g + "cm_mnbc_sound.runid": "0001020304050607",
            g + "cm_mnbc_sound.rnd": bytes(range(100, 116)).hex(),
        },
        3: {
            g + "cm_atten_char.source_mac": "02:00:00:0e:0e:01",
            g + "cm_atten_char.runid": "0001020304050607",
            g + "cm_atten_char.result": "0x00",
        },
        4: {g + "cm_validate.timer": "19", g + "cm_validate.result": "0x01"},
        5: {
            g + "cm_slac_match.length": "62",
            g + "cm_slac_match.pev_mac": "02:00:00:0e:0e:01",
            g + "cm_slac_match.evse_mac": "02:00:00:5e:5e:02",
            g + "cm_slac_match.runid": "0001020304050607",
        },
        7: {
            "homeplug_av.cm_set_key_req.nw_key": bytes(range(16)).hex(),
        },
    }
    fields = sorted({f for row in wanted.values() for f in row})
    rows = dissect(path, "homeplug_av.mmhdr.mmtype", *fields)
    assert len(rows) == len(frames)
    for i, (row, frame) in enumerate(zip(rows, frames, strict=True)):
        assert row[0] == "02:00:00:0e:0e:01" and not row[1], (i, row)
        # types that tshark does not know it leaves undissected: then it shows none
        assert row[2] in ("", "0x%04x" % homeplug.mmtype(frame)), (i, row)
        for field, text in wanted.get(i, {}).items():
            got = row[3 + fields.index(field)]
            assert plain(got) == plain(text), (field, got)


def plain(text):
    """Numbers and bytes however tshark's version writes them."""
    text = text.replace(":", "").replace(" ", "")
    return text if len(text) > 6 else int(text, 0)
