# SPDX-License-Identifier: MIT
"""Byte-exact messages, both ways: committed vectors, composed ones, captures if they are there.

The committed ones were written by EXIficient or follow from the XSD by hand; field data (1,241
messages of public captures) is compared when UEVCC_FIELD_DATA names its folder.
"""

import hashlib
import json
from pathlib import Path

import pytest
from evcc import exi
from evcc.exi import fragments

from tools.exi.json_form import from_json, to_json

FOLDER = Path(__file__).parent / "vectors"
VECTORS = [json.loads(line) for line in (FOLDER / "messages.jsonl").read_text().splitlines()]
HEADER = {"SessionID": bytes.fromhex("0123456789abcdef"), "TimeStamp": 1763830000}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_vector_round_trip(vector):
    data = bytes.fromhex(vector["exi"])
    name, message = exi.decode(vector["schema"], data)
    assert exi.encode(vector["schema"], name, message) == data
    assert exi.decode(vector["schema"], memoryview(data)) == (name, message)
    # the order of a dict's keys does not matter
    turned = dict(reversed(list(message.items())))
    assert exi.encode(vector["schema"], name, turned) == data


@pytest.mark.parametrize("places, limit", [(1, 3), (7, 5), (127, 20)])
def test_states_that_are_dropped_are_made_again(monkeypatch, places, limit):
    """Small heaps keep few states, and each has only one place."""
    plain = exi._slow()
    monkeypatch.setattr(plain, "_states", [None] * places)
    monkeypatch.setattr(plain, "LIMIT", limit)
    for vector in VECTORS:
        data = bytes.fromhex(vector["exi"])
        assert exi.encode(vector["schema"], *exi.decode(vector["schema"], data)) == data
    assert plain._kept <= limit


def test_what_was_kept_can_be_dropped_at_any_time():
    data = bytes.fromhex(next(v["exi"] for v in VECTORS if v["name"] == "typ Req"))
    first = exi.decode("iso20_dc", data)
    exi.forget()
    assert not exi.load("iso20_dc")[3]
    assert exi.decode("iso20_dc", data) == first


def test_sap_request_is_what_the_standard_prints():
    message = {
        "AppProtocol": [
            {
                "ProtocolNamespace": "urn:din:70121:2012:MsgDef",
                "VersionNumberMajor": 2,
                "VersionNumberMinor": 0,
                "SchemaID": 1,
                "Priority": 1,
            }
        ]
    }
    data = "8000dbab9371d3234b71d1b981899189d191818991d26b9b3a232b30020000040040"
    assert exi.encode("sap", "supportedAppProtocolReq", message).hex() == data
    assert exi.decode("sap", bytes.fromhex(data)) == ("supportedAppProtocolReq", message)


def test_charge_loop_request_fields():
    vector = next(v for v in VECTORS if v["name"] == "typ Req")
    name, message = exi.decode("iso20_dc", bytes.fromhex(vector["exi"]))
    assert name == "DC_ChargeLoopReq"
    assert message["Header"] == HEADER
    assert message["EVPresentVoltage"] == {"Exponent": -1, "Value": 4003}
    assert message["MeterInfoRequested"] is False
    mode = message["BPT_Dynamic_DC_CLReqControlMode"]
    assert mode["EVMinimumEnergyRequest"] == {"Exponent": 1, "Value": -1000}
    assert "EVMaximumV2XEnergyRequest" not in mode


@pytest.mark.parametrize(
    "when", (0, 127, 128, 1 << 28, (1 << 30) - 1, 1 << 30, 1 << 32, 2**64 - 1)
)
def test_unsigned_long(when):
    message = {"Header": {"SessionID": bytes(8), "TimeStamp": when}}
    data = exi.encode("iso20_common", "AuthorizationSetupReq", message)
    assert exi.decode("iso20_common", data)[1] == message


@pytest.mark.parametrize("data", (b"", b"\x80", bytes(range(256)), bytes(800)), ids=len)
def test_certificates_of_any_length(data):
    chain = {"Id": "id1", "Certificate": data}
    if data == b"":
        return  # tested with the traps
    out = fragments.encode("iso2", "ContractSignatureCertChain", chain)
    assert fragments.decode("iso2", out) == ("ContractSignatureCertChain", chain)


@pytest.mark.parametrize("text", ("", "a", "Grüße", "日本語", "\U0001f50c", "x" * 64), ids=ascii)
def test_strings_are_unicode(text):
    message = {
        "Header": HEADER,
        "EVCCID": text,
    }
    data = exi.encode("iso20_common", "SessionSetupReq", message)
    assert exi.decode("iso20_common", data) == ("SessionSetupReq", message)


def test_encode_into_tells_the_end_and_keeps_to_the_buffer():
    message = {"Header": HEADER}
    whole = exi.encode("iso20_common", "AuthorizationSetupReq", message)
    buf = bytearray(b"\xee" * 64)
    end = exi.encode_into("iso20_common", "AuthorizationSetupReq", message, buf, 8)
    assert buf[:8] == b"\xee" * 8 and buf[8:end] == whole and buf[end:] == b"\xee" * (64 - end)
    view = memoryview(bytearray(len(whole)))
    assert exi.encode_into("iso20_common", "AuthorizationSetupReq", message, view) == len(whole)
    for room in range(len(whole)):
        with pytest.raises(exi.EXIError, match="does not fit"):
            small = bytearray(room)
            exi.encode_into("iso20_common", "AuthorizationSetupReq", message, small)
        assert len(small) == room


def test_none_counts_as_absent():
    message = {"Header": dict(HEADER, Signature=None)}
    plain = exi.encode("iso20_common", "AuthorizationSetupReq", {"Header": HEADER})
    assert exi.encode("iso20_common", "AuthorizationSetupReq", message) == plain


def test_big_serial_numbers():
    serial = 0x1F00DDEADBEEF0123456789ABCDEF01234567
    message = {
        "Header": {"SessionID": bytes(8)},
        "Body": {
            "CertificateInstallationReq": {
                "Id": "a",
                "OEMProvisioningCert": b"\x30",
                "ListOfRootCertificateIDs": {
                    "RootCertificateID": [
                        {"X509IssuerName": "CN=a", "X509SerialNumber": sign * serial + 3}
                        for sign in (1, -1)
                    ]
                },
            }
        },
    }
    data = exi.encode("iso2", "V2G_Message", message)
    assert exi.decode("iso2", data)[1] == message


# -- captures ----------------------------------------------------------------------------------


def records(folder, name):
    with open(folder / name) as lines:
        return [json.loads(line) for line in lines]


def test_field_messages(field_data):
    """All of them decode to their JSON form and come out again as they came in.

    Refused: one "document" that is a fragment. Not the same again: 22 empty values that came as
    escapes (we write a zero length, as devices do).
    """
    wrong, refused, other = [], [], []
    for record in records(field_data, "exi.jsonl"):
        schema, data = record["schema"], bytes.fromhex(record["exi"])
        if schema is None:  # the reference codec reads these four as nothing; two of them are
            if data[:2] == b"\x80\x98":  # a -20 message with two spare bytes
                name, message = exi.decode("iso20_common", data)
                assert name == "SessionStopRes" and message["ResponseCode"] == "OK"
                again = exi.encode("iso20_common", name, message)
                assert again == data[: len(again)] and len(data) - len(again) < 3
            continue
        try:
            name, message = exi.decode(schema, data)
        except exi.EXIError as error:
            assert not record["schema_valid"], (record["msg"], error)
            refused.append(record["msg"])
            continue
        if {name: to_json(schema, message)} != record["json"]:
            wrong.append((record["exi"], message))
        if from_json(schema, to_json(schema, message)) != message:
            wrong.append((record["exi"], "JSON form"))
        again = exi.encode(schema, name, message)
        if again != data:
            other.append(record)
            assert exi.decode(schema, again) == (name, message)
    assert not wrong, wrong[:3]
    assert refused == ["ServiceDiscoveryRes"]
    assert not [r for r in other if r["reencodes_same"]]


def test_field_signatures(field_data):
    """Fragments of signed messages: their SHA-256 is the digest that was transmitted."""
    for record in records(field_data, "exi_signatures.jsonl"):
        _, message = exi.decode(record["schema"], bytes.fromhex(record["exi"]))
        signed = message["Header"]["Signature"]["SignedInfo"]
        digests = {item["URI"]: item["DigestValue"] for item in signed["Reference"]}
        for reference in record["references"]:
            data = bytes.fromhex(reference["fragment_exi"])
            name, value = fragments.decode(record["schema"], data)
            assert name == reference["element"]
            assert fragments.encode(record["schema"], name, value) == data
            assert hashlib.sha256(data).digest() == digests[reference["uri"]]
        data = bytes.fromhex(record["signedinfo_fragment_exi_xmldsig_schema"])
        assert fragments.encode("xmldsig", "SignedInfo", signed) == data
        assert fragments.decode("xmldsig", data) == ("SignedInfo", signed)
