# SPDX-License-Identifier: MIT
"""HomePlug messages: byte-exact frames, tolerant reading, decoding, captured frames."""

import json
import random
from pathlib import Path

import pytest
from evcc import homeplug
from evcc.homeplug import decode as d
from evcc.homeplug import diagnose, local

LINES = open(Path(__file__).parent / "slac" / "vectors" / "mme.jsonl").readlines()
FRAMES = {v["name"].split(" (")[0]: bytes.fromhex(v["hex"]) for v in map(json.loads, LINES)}
EV, EVSE = bytes.fromhex("0200000e0e01"), bytes.fromhex("0200005e5e02")
RUN = bytes.fromhex("a1b2c3d4e5f60718")
NMK, NID = bytes.fromhex("00112233445566778899aabbccddeeff"), bytes.fromhex("0039f45c3f6a02")

PACKED = {
    "SLAC_PARM.REQ": (homeplug.slac_parm_req, EV, RUN),
    "START_ATTEN_CHAR.IND": (homeplug.start_atten_char, EV, RUN, 10, 6),
    "MNBC_SOUND.IND": (homeplug.mnbc_sound, EV, RUN, 9, bytes(range(16, 32))),
    "ATTEN_CHAR.RSP": (homeplug.atten_char_rsp, EV, EVSE, RUN),
    "SLAC_MATCH.REQ": (homeplug.slac_match_req, EV, EVSE, RUN),
    "SET_KEY.REQ": (homeplug.set_key_req, EV, NID, NMK),
    "VALIDATE.REQ step 1": (homeplug.validate_req, EV, EVSE, 0),
    "VALIDATE.REQ step 2, timer 0x13": (homeplug.validate_req, EV, EVSE, 0x13),
    "AMP_MAP.CNF ok": (homeplug.amp_map_cnf, EV, EVSE),
    "PL_LNK_STATUS.REQ": (homeplug.pl_lnk_status_req, EV),
    "GET_SW.REQ": (local.get_sw_req, EV),
    "MODULE_OPERATION.REQ: 1 byte of the PIB at 0x1653": (local.module_read_req, EV, 0x1653, 1),
    "GET_KEY.REQ": (diagnose.get_key_req, EV, NID),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_byte_for_byte(name):
    pack, *args = PACKED[name]
    buf = bytearray(b"\xee" * 128)  # what the last frame left must not show
    n = pack(buf, *args)
    assert bytes(buf[:n]) == FRAMES[name]
    assert buf[n:] == b"\xee" * (128 - n)


@pytest.mark.parametrize(
    "pack", [diagnose.rs_dev_req, diagnose.fac_defaults_req, diagnose.host_action_rsp]
)
def test_rare_requests_have_the_vendor_header(pack):
    buf = bytearray(60)
    assert pack(buf, EV) == 60
    assert bytes(buf[:15]) == homeplug.LOCAL + EV + b"\x88\xe1\0" and buf[17:20] == b"\0\xb0\x52"
    assert d.decode(buf)[0] in ("VS_RS_DEV.REQ", "VS_FAC_DEFAULTS.REQ", "VS_HOST_ACTION.RSP")


def test_types():
    for name, frame in FRAMES.items():
        kind = homeplug.mmtype(frame)
        assert d.name(kind).split("_", 1)[1].startswith(name.split(".")[0].replace("GET_SW", "SW"))
    frame = bytearray(FRAMES["SLAC_PARM.CNF"])
    for at, value, kind in ((14, 2, 0x6065), (14, 3, 0), (17, 0x10, 0), (18, 0x10, 0), (13, 0, 0)):
        other = bytearray(frame)
        other[at] = value
        assert homeplug.mmtype(other) == kind
    assert homeplug.mmtype(frame[:19]) == 0 == homeplug.mmtype(b"")


def test_nid_of_key():
    for nmk, nid in (
        ("B59319D7E8157BA001B018669CCEE30D", "026BCBA5354E08"),
        ("50D3E4933F855B7040784DF815AA8DB7", "B0F2E695666B03"),
        ("00112233445566778899AABBCCDDEEFF", "0039F45C3F6A02"),
    ):
        assert homeplug.nid_of(bytes.fromhex(nmk)) == bytes.fromhex(nid)


def vendor(kind, body, mmv=0):
    head = EV + EVSE + b"\x88\xe1" + bytes((mmv,)) + kind.to_bytes(2, "little")
    return (head + (b"\0\0" if mmv else b"") + b"\0\xb0\x52" + body).ljust(60, b"\0")


def network(role, stations=1, nid=NID, long=False):
    if long:
        net = nid + bytes(2) + b"\1\2" + bytes(4) + bytes((role,)) + EVSE + b"\1" + bytes(3)
        net += bytes((stations,)) + bytes(5)
        net += (EVSE + b"\1" + bytes(3) + EV + b"\x09\0\0\0\x08\0\0\0") * stations
        return vendor(0xA039, b"\1\0" + len(net).to_bytes(2, "little") + b"\0\1" + net, 1)
    net = nid + b"\1\2" + bytes((role,)) + EVSE + b"\1" + bytes((stations,))
    return vendor(0xA039, b"\1" + net + (EVSE + b"\1" + EV + b"\x09\x08") * stations)


@pytest.mark.parametrize("long", [False, True])
def test_network_information(long):
    assert homeplug.joined(network(0, long=long), NID) == 1
    assert homeplug.joined(network(0, 0, long=long), NID) == 0
    assert homeplug.joined(network(0, nid=bytes(7), long=long), NID) == 0
    assert homeplug.joined(network(2, long=long), NID) == 2
    assert homeplug.joined(vendor(0xA039, bytes(1), long), NID) == 0
    (net,) = diagnose.nw_info(network(0, 2, long=long))
    assert net["nid"] == NID and net["role"] == 0 and net["cco_mac"] == EVSE and net["tei"] == 2
    station = {"mac": EVSE, "tei": 1, "bridged": EV, "tx": 9, "rx": 8}
    assert net["stations"] == [station, station]
    whole = network(0, 3, long=long)
    for n in range(20, len(whole)):
        homeplug.joined(whole[:n], NID)
        assert len(diagnose.nw_info(whole[:n])) <= 1


def test_version_and_module():
    assert local.get_sw(FRAMES["GET_SW.CNF"]) == (0x22, "MAC-TEST-1.2.3")
    assert local.get_sw(vendor(0xA001, b"\1")) is None
    assert local.get_sw(vendor(0xA001, b"\0\x06\x0bBootLoader\0"))[1] == "BootLoader"
    answer = FRAMES["MODULE_OPERATION.CNF: value 1 = PEV"]
    assert local.module_read(answer) == (0x1653, b"\1")
    assert local.module_read(answer[:47]) is None
    refused = bytearray(answer)
    refused[20] = 1
    assert local.module_read(refused) is None


def test_statistics_and_attributes():
    frame = EV + EVSE + b"\x88\xe1\1\x49\x60\0\0\2" + (EVSE + b"\x20\x10") * 2
    assert diagnose.nw_stats(frame) == [(EVSE, 32, 16)] * 2
    assert diagnose.nw_stats(frame[:-1]) == [(EVSE, 32, 16)]
    body = b"\0\0" + bytes(7) + b"QCA7005".ljust(16, b"\0") + b"HW2".ljust(16, b"\0")
    body += b"".join(i.to_bytes(4, "little") for i in (1, 1, 0, 730, 4)) + b"20140815" + b"CS"
    text = diagnose.op_attributes(vendor(0xA069, body.ljust(101, b"\0")))
    assert text == "QCA7005 HW2 1.1.0.730.4 20140815 CS"


def test_decoding_hides_keys():
    name, fields = d.decode(FRAMES["SLAC_MATCH.CNF"])
    assert name == "CM_SLAC_MATCH.CNF" and fields["nmk"] == "hidden" and fields["nid"] == NID.hex()
    assert d.decode(FRAMES["SET_KEY.REQ"], secrets=True)[1]["nmk"] == NMK.hex()


def test_decoding_of_attenuation():
    name, fields = d.decode(FRAMES["ATTEN_CHAR.IND"])
    assert name == "CM_ATTEN_CHAR.IND" and fields["mean_db"] == 12.914
    assert fields["aag"] == [10 + i % 7 for i in range(58)]
    cut = d.decode(FRAMES["ATTEN_CHAR.IND"][:100])[1]
    assert "aag" not in cut and cut["num_groups"] == 58


def test_decoding_of_anything():
    assert d.decode(b"") == (None, {}) and d.decode(bytes(60)) == (None, {})
    rng = random.Random(3)
    for frame in FRAMES.values():
        for _ in range(50):
            broken = bytearray(frame[: rng.randrange(len(frame))])
            for _ in range(rng.randrange(4)):
                if broken:
                    broken[rng.randrange(len(broken))] = rng.randrange(256)
            d.decode(broken)
            local.get_sw(broken)
            local.module_read(broken)
    for kind in range(0x6000, 0xB000):
        d.decode(EV + EVSE + b"\x88\xe1\1" + kind.to_bytes(2, "little") + rng.randbytes(60))


def test_captured_vectors():
    """Three frames of real modems and a real station: left-over bytes, two sounds, 0xA14E."""
    folder = Path(__file__).parent / "slac" / "vectors"
    frames = {}
    for line in open(folder / "captured.jsonl"):
        row = json.loads(line)
        name, fields = d.decode(bytes.fromhex(row["hex"]))
        assert name == row["name"]
        frames[name] = bytes.fromhex(row["hex"]), fields
    frame, fields = frames["VS_SW_VER.CNF"]
    assert len(frame) == 297 and fields["version"] == "MAC-QCA7005-1.1.0.730-04-20140815-CS"
    assert local.get_sw(frame) == (0x22, fields["version"])
    fields = frames["CM_ATTEN_CHAR.IND"][1]
    assert fields["num_sounds"] == 2 and fields["mean_db"] == 9.052 and 0 in fields["aag"]
    fields = frames["VS_SOUND_HEARD.IND"][1]
    assert fields["pev_mac"] == "02:00:00:0e:0e:01" and len(fields["values"]) == 58


def test_captured_frames(field_data):
    """Frames of real cars and stations decode to the fields stated with them."""
    aliases = {"frame_len", "ethertype", "mmtype", "note", "expect", "oui", "nid_matches_nmk"}
    rows = [json.loads(line) for line in open(field_data / "plc" / "mme.jsonl")]
    assert len(rows) >= 10
    for row in rows:
        frame = bytes.fromhex(row["hex"])
        assert homeplug.mmtype(frame) == int(row["decoded"]["mmtype"], 16)
        name, fields = d.decode(frame, secrets=True)
        if "." in row["message"].split()[0]:
            assert name == row["message"].split()[0]
        for key, value in row["decoded"].items():
            if key == "nid_matches_nmk":
                assert (
                    homeplug.nid_of(bytes.fromhex(fields["nmk"])).hex() == fields["nid"]
                ) is value
            if key in aliases:
                continue
            if isinstance(value, str) and value.startswith("0x"):
                value = int(value, 16)
            if key in ("prn", "pmn") and isinstance(value, str):
                value = int(value)
            assert fields[key] == value, (row["id"], key)
