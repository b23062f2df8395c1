# SPDX-License-Identifier: MIT
"""`python -m tools.exi` as a person and a script use it: input forms, detection, errors, codes."""

import io
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from evcc.exi import fragments

from tools import ROOT
from tools.exi import __main__ as cli
from tools.exi import convert, detect

_SAP_RES = "80400040"
_SAP_FORM = {
    "supportedAppProtocolRes": {"ResponseCode": "OK_SuccessfulNegotiation", "SchemaID": 1}
}
_DIN = "809a00120000"  # SessionStopRes with a zero-length SessionID, as devices write it
_STOP = ("SessionStopReq", "SessionStopRes")


def _dc_form(session="00" * 8):
    header = {"SessionID": session, "TimeStamp": 1700000000}
    return {
        "DC_PreChargeReq": {
            "Header": header,
            "EVProcessing": "Ongoing",
            "EVPresentVoltage": {"Exponent": -1, "Value": 4002},
            "EVTargetVoltage": {"Exponent": 0, "Value": 400},
        }
    }


@pytest.fixture
def run(capsys, monkeypatch):
    def run(*args, stdin=b""):
        stream = SimpleNamespace(buffer=io.BytesIO(stdin))
        text = io.StringIO(stdin.decode("utf-8", "replace"))
        text.buffer = stream.buffer
        monkeypatch.setattr(sys, "stdin", text)
        code = cli.main(list(args))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.mark.parametrize("text", [_SAP_RES, "0x80 0x40 00-40", "80:40:00:40", "8040 0040\n"])
def test_decode_takes_hex_as_people_paste_it(run, text):
    code, out, err = run("decode", text)
    assert (code, json.loads(out)) == (0, _SAP_FORM)
    assert "set sap" in err


def test_decode_takes_files_and_standard_input(run, tmp_path):
    binary, text = tmp_path / "message.exi", tmp_path / "message.txt"
    binary.write_bytes(bytes.fromhex(_SAP_RES))
    text.write_text(_SAP_RES + "\n")
    for args in (["decode", str(binary)], ["decode", str(text)]):
        assert json.loads(run(*args)[1]) == _SAP_FORM
    assert json.loads(run("decode", "-", stdin=bytes.fromhex(_SAP_RES))[1]) == _SAP_FORM
    assert json.loads(run("decode", "-", stdin=_SAP_RES.encode())[1]) == _SAP_FORM


def test_the_payload_type_names_the_set(run):
    code, out, _ = run("encode", json.dumps(_dc_form()), "--v2gtp")
    assert code == 0
    assert out.startswith("01fe8004")
    code, again, err = run("decode", out)
    assert (code, json.loads(again)) == (0, _dc_form())
    assert "set iso20_dc (by payload type 0x8004)" in err
    code, again, _ = run("decode", "-t", "0x8004", out.strip()[16:])
    assert json.loads(again) == _dc_form()


@pytest.mark.parametrize(
    "kind, body, wanted",
    [
        (0x8001, _SAP_RES, "sap"),
        (0x8001, _DIN, "din"),
        (0x8001, "8098021050908c0c0c0c0c51e0000000", "iso2"),
        (None, _DIN, "din"),
    ],
)
def test_one_payload_type_for_three_sets(kind, body, wanted):
    assert detect.schema_of(bytes.fromhex(body), kind) == wanted


def test_every_set_has_a_payload_type_that_leads_back():
    for name in detect.SETS:
        assert name in detect.sets_of(detect.payload_type(name))
    assert [detect.payload_type(n) for n in detect.SETS] == [
        0x8001,
        0x8001,
        0x8001,
        0x8002,
        0x8003,
        0x8004,
        0x8005,
        0x8006,
    ]


def test_encode_finds_the_only_set_that_fits(run):
    code, out, err = run("encode", json.dumps(_SAP_FORM))
    assert (code, out.strip()) == (0, _SAP_RES)
    assert "set sap" in err


def test_encode_writes_a_file(run, tmp_path):
    target = tmp_path / "out.exi"
    code, out, _ = run("encode", json.dumps(_SAP_FORM), "-o", str(target))
    assert (code, out, target.read_bytes().hex()) == (0, "", _SAP_RES)


def test_fragments_both_ways(run):
    form = {"AuthorizationReq": {"Id": "ID1", "GenChallenge": "AAECAwQFBgcICQoLDA0ODw=="}}
    code, out, _ = run("encode", "-f", "-s", "iso2", json.dumps(form))
    assert code == 0
    assert json.loads(run("decode", "-f", "-s", "iso2", out.strip())[1]) == form


def test_spare_bytes_are_told(run):
    code, out, err = run("decode", _SAP_RES + "00")
    assert (code, json.loads(out)) == (0, _SAP_FORM)
    assert "we would write " + _SAP_RES in err


@pytest.mark.parametrize(
    "args, code, words",
    [
        (["decode", "xyz"], 2, ["xyz", "no file", "not hex"]),
        (["decode", "804"], 2, ["odd number of digits"]),
        (["decode", "-s", "iso21", _SAP_RES], 2, ["iso21", "iso20_common"]),
        (["decode", "-t", "ten", _SAP_RES], 2, ["ten", "not a number"]),
        (["decode", "-t", "0x9000", _SAP_RES], 1, ["0x9000", "no EXI"]),
        (["decode", "-f", _SAP_RES], 2, ["--fragment needs --schema"]),
        (["decode", "-s", "sap", "8040"], 1, ["supportedAppProtocolRes"]),
        (["decode", "1234"], 1, ["starts with the byte 80"]),
        (["decode", ""], 1, ["empty"]),
        (["decode", "01fe8001000000ff80"], 1, ["255 bytes", "only 1 follow"]),
        (["decode", "01fe900000000001 80"], 1, ["0x9000"]),
        (["encode", "{"], 1, ["not JSON"]),
        (["encode", "[]"], 1, ["one key"]),
        (["encode", "-s", "sap", '{"supportedAppProtocolRes": {}}'], 1, ["ResponseCode"]),
        (["encode", '{"NoSuchMessage": {}}'], 1, ["no set", "iso20_dc"]),
        (["batch", "/no/such/file"], 2, ["/no/such/file"]),
        (["log", "/no/such/file"], 2, ["/no/such/file"]),
    ],
)
def test_errors_say_what_and_where(run, args, code, words):
    result, _, err = run(*args)
    assert result == code
    for word in words:
        assert word in err, err


def test_a_wrong_value_is_named_with_its_path(run):
    form = _dc_form()
    form["DC_PreChargeReq"]["EVTargetVoltage"]["Value"] = 40000
    code, _, err = run("encode", "-s", "iso20_dc", json.dumps(form))
    assert code == 1
    assert "DC_PreChargeReq.EVTargetVoltage.Value" in err
    code, _, err = run("encode", "-s", "iso20_dc", json.dumps(_dc_form("0x")))
    assert code == 1
    assert "DC_PreChargeReq.Header.SessionID" in err


def test_log_finds_messages_in_text(run):
    dc = detect.add_header("iso20_dc", convert.encode("iso20_dc", _dc_form())).hex()
    text = "12:00:01 EXI in %s\nnothing 1234\n12:00:02 out 0x%s, done\n" % (_SAP_RES, dc.upper())
    code, out, err = run("log", "-", stdin=text.encode())
    assert code == 0
    first, second = [json.loads(line) for line in out.splitlines()]
    assert (first["line"], first["schema"], first["json"]) == (1, "sap", _SAP_FORM)
    assert (second["line"], second["schema"], second["json"]) == (3, "iso20_dc", _dc_form())


def test_batch_answers_every_line_in_order(run, tmp_path):
    lines = [
        {"schema": "sap", "exi": _SAP_RES},
        {"schema": "din", "exi": _DIN},
        {"schema": "iso2", "exi": "8098"},
        {"schema": "nonsense", "exi": _SAP_RES},
        {"schema": "sap"},
        {"schema": "sap", "exi": "zz"},
        {"schema": "sap", "exi": 5},
        {"schema": None, "exi": _SAP_RES},
        {"schema": "sap", "exi": _SAP_RES, "fragment": "yes"},
        [1],
        {"schema": "sap", "json": _SAP_FORM, "more": "is ignored"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "{not json\n\n"
    code, out, err = run("batch", stdin=text.encode())
    assert code == 0
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(lines) + 1
    assert answers[0] == {"msg": "supportedAppProtocolRes", "json": _SAP_FORM, "exi": _SAP_RES}
    assert (answers[1]["msg"], answers[1]["exi"]) == ("SessionStopRes", _DIN)
    assert answers[-2] == answers[0]
    for answer in answers[2:10] + answers[-1:]:
        assert set(answer) == {"error"}
        assert answer["error"]
    assert "12 lines, 9 errors" in err


def test_batch_of_fragments_names_the_grammar(run):
    value = {"Id": "ID1", "GenChallenge": bytes(range(16))}
    data = fragments.encode("iso2", "AuthorizationReq", value).hex()
    info = {
        "CanonicalizationMethod": {"Algorithm": "http://www.w3.org/TR/canonical-exi/"},
        "SignatureMethod": {"Algorithm": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"},
        "Reference": [
            {
                "URI": "#ID1",
                "DigestMethod": {"Algorithm": "http://www.w3.org/2001/04/xmlenc#sha256"},
                "DigestValue": bytes(32),
            }
        ],
    }
    signed = fragments.encode("xmldsig", "SignedInfo", info).hex()
    lines = [
        {"schema": "iso2", "exi": data, "fragment": True, "grammar": "iso2"},
        {"schema": "iso2", "exi": data, "fragment": True},
        {"schema": "iso2", "exi": signed, "fragment": True, "grammar": "xmldsig"},
        {"schema": "iso2", "exi": data, "fragment": True, "grammar": "xsd"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    answers = [json.loads(line) for line in run("batch", stdin=text.encode())[1].splitlines()]
    assert answers[0] == answers[1]
    assert (answers[0]["msg"], answers[0]["exi"]) == ("AuthorizationReq", data)
    assert answers[0]["json"]["AuthorizationReq"]["GenChallenge"] == "AAECAwQFBgcICQoLDA0ODw=="
    assert (answers[2]["msg"], answers[2]["exi"]) == ("SignedInfo", signed)
    assert "grammar" in answers[3]["error"]


def test_batch_reads_and_writes_files(run, tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"schema": "sap", "exi": _SAP_RES}) + "\n")
    assert run("batch", str(source), "-o", str(target))[0] == 0
    assert json.loads(target.read_text())["json"] == _SAP_FORM


def test_it_starts_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "tools.exi", "decode", "--compact", _SAP_RES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == _SAP_FORM
