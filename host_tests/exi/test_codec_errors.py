# SPDX-License-Identifier: MIT
"""What is wrong is told with its path, and nothing a peer sends does more than raise EXIError."""

import json
import random
import tracemalloc
from pathlib import Path

import pytest
from evcc import exi
from evcc.exi import fragments
from hypothesis import given, settings
from hypothesis import strategies as st

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent / "vectors" / "messages.jsonl").read_text().splitlines()
]
SCHEMAS = ("sap", "din", "iso2", "iso20_common", "iso20_ac", "iso20_dc", "iso20_wpt", "iso20_acdp")
HEADER = {"SessionID": bytes(8), "TimeStamp": 1}


def rational(value, exponent=0):
    return {"Exponent": exponent, "Value": value}


def precharge(**changes):
    message = {
        "Header": HEADER,
        "EVProcessing": "Ongoing",
        "EVPresentVoltage": rational(4),
        "EVTargetVoltage": rational(400),
    }
    message.update(changes)
    return {k: v for k, v in message.items() if v != "gone"}


def sap(**changes):
    entry = {
        "ProtocolNamespace": "urn:x",
        "VersionNumberMajor": 1,
        "VersionNumberMinor": 0,
        "SchemaID": 1,
        "Priority": 1,
    }
    return dict(entry, **changes)


BAD = [
    # message, what the error starts with
    (precharge(EVTargetVoltage="gone"), "DC_PreChargeReq.EVTargetVoltage: missing"),
    (precharge(EVTargetVoltage=None), "DC_PreChargeReq.EVTargetVoltage: missing"),
    (precharge(EVTargetVoltag=rational(1)), "DC_PreChargeReq.EVTargetVoltag: not in the schema"),
    (precharge(EVTargetVoltage=400), "DC_PreChargeReq.EVTargetVoltage: 400 is no dict"),
    (precharge(EVTargetVoltage={"Value": 1}), "DC_PreChargeReq.EVTargetVoltage.Exponent: missing"),
    (precharge(EVTargetVoltage={"Exponent": 1}), "DC_PreChargeReq.EVTargetVoltage.Value: missing"),
    (
        precharge(EVTargetVoltage=dict(rational(1), Unit="V")),
        "DC_PreChargeReq.EVTargetVoltage.Unit: not in the schema",
    ),
    (
        precharge(EVTargetVoltage=rational(32768)),
        "DC_PreChargeReq.EVTargetVoltage.Value: 32768 is",
    ),
    (precharge(EVTargetVoltage=rational(-32769)), "DC_PreChargeReq.EVTargetVoltage.Value: -32769"),
    (precharge(EVTargetVoltage=rational(1, 128)), "DC_PreChargeReq.EVTargetVoltage.Exponent: 128"),
    (
        precharge(EVTargetVoltage=rational(4294967301)),
        "DC_PreChargeReq.EVTargetVoltage.Value: 4294967301 is",
    ),
    (precharge(EVTargetVoltage=rational(True)), "DC_PreChargeReq.EVTargetVoltage.Value: True is"),
    (precharge(EVTargetVoltage=rational(1.5)), "DC_PreChargeReq.EVTargetVoltage.Value: 1.5 is no"),
    (precharge(EVProcessing="Soon"), "DC_PreChargeReq.EVProcessing: 'Soon' is not one of Fin"),
    (precharge(EVProcessing=1), "DC_PreChargeReq.EVProcessing: 1 is not one of"),
    (precharge(Header={"SessionID": bytes(8)}), "DC_PreChargeReq.Header.TimeStamp: missing"),
    (
        precharge(Header=dict(HEADER, SessionID="ab")),
        "DC_PreChargeReq.Header.SessionID: 'ab' is not",
    ),
    (
        precharge(Header=dict(HEADER, SessionID=bytes(9))),
        "DC_PreChargeReq.Header.SessionID: length 9",
    ),
    (
        precharge(Header=dict(HEADER, TimeStamp=-1)),
        "DC_PreChargeReq.Header.TimeStamp: -1 is not in",
    ),
    (
        precharge(Header=dict(HEADER, TimeStamp=1 << 64)),
        "DC_PreChargeReq.Header.TimeStamp: 18446744",
    ),
    (precharge(Header=dict(HEADER, TimeStamp="1")), "DC_PreChargeReq.Header.TimeStamp: '1' is no"),
    (7, "DC_PreChargeReq: 7 is no dict"),
    ([], "DC_PreChargeReq"),
]


@pytest.mark.parametrize("message, start", BAD, ids=[b[1][:60] for b in BAD])
def test_encode_names_the_path(message, start):
    with pytest.raises(exi.EXIError) as error:
        exi.encode("iso20_dc", "DC_PreChargeReq", message)
    assert str(error.value).startswith(start)


def entries(*items):
    return {"AppProtocol": list(items)}


LISTS = [
    (entries(), "supportedAppProtocolReq.AppProtocol: missing"),
    ({"AppProtocol": sap()}, "supportedAppProtocolReq.AppProtocol: not a list"),
    (entries(*[sap()] * 21), "supportedAppProtocolReq.AppProtocol: 21 items"),
    (
        entries(sap(), sap(Priority=21)),
        "supportedAppProtocolReq.AppProtocol[1].Priority: 21 is not",
    ),
    (
        entries(sap(Priority=0)),
        "supportedAppProtocolReq.AppProtocol[0].Priority: 0 is not in 1..20",
    ),
    (
        entries(sap(ProtocolNamespace="u" * 101)),
        "supportedAppProtocolReq.AppProtocol[0].ProtocolNamespace: length 101 is not in 0..100",
    ),
    (
        entries(sap(ProtocolNamespace=b"u")),
        "supportedAppProtocolReq.AppProtocol[0].ProtocolNamespace: b'u' is no string",
    ),
    (
        entries(sap(ProtocolNamespace="\ud800")),
        "supportedAppProtocolReq.AppProtocol[0].ProtocolNamespace: no character",
    ),
]


@pytest.mark.parametrize("message, start", LISTS, ids=[b[1][:70] for b in LISTS])
def test_lists_are_numbered(message, start):
    with pytest.raises(exi.EXIError) as error:
        exi.encode("sap", "supportedAppProtocolReq", message)
    assert str(error.value).startswith(start)


def test_booleans_are_booleans():
    message = {
        "Header": HEADER,
        "ResponseCode": "OK",
        "AuthorizationServices": ["EIM"],
        "CertificateInstallationService": 1,
        "EIM_ASResAuthorizationMode": {},
    }
    with pytest.raises(exi.EXIError, match="CertificateInstallationService: 1 is no boolean"):
        exi.encode("iso20_common", "AuthorizationSetupRes", message)
    message["CertificateInstallationService"] = True
    exi.encode("iso20_common", "AuthorizationSetupRes", message)
    message["EIM_ASResAuthorizationMode"] = {"x": 1}
    with pytest.raises(exi.EXIError, match="EIM_ASResAuthorizationMode.x: not in the schema"):
        exi.encode("iso20_common", "AuthorizationSetupRes", message)


def test_choices():
    message = {"Header": HEADER, "SelectedAuthorizationService": "EIM"}
    with pytest.raises(exi.EXIError) as error:
        exi.encode("iso20_common", "AuthorizationReq", message)
    assert str(error.value) == (
        "AuthorizationReq.EIM_AReqAuthorizationMode or PnC_AReqAuthorizationMode: missing"
    )
    message["EIM_AReqAuthorizationMode"] = {}
    message["PnC_AReqAuthorizationMode"] = {}
    with pytest.raises(exi.EXIError, match="AuthorizationReq.* one of a choice"):
        exi.encode("iso20_common", "AuthorizationReq", message)


def test_length_facets_both_ways():
    """X448 keys have 84 bytes; a stream with 83 is refused on decoding as well."""
    chain = {"Certificate": b"\x30" * 9, "SubCertificates": {"Certificate": [b"\x31"]}}
    data = {
        "Id": "id",
        "ContractCertificateChain": chain,
        "ECDHCurve": "X448",
        "DHPublicKey": bytes(133),
        "X448_EncryptedPrivateKey": bytes(84),
    }
    good = fragments.encode("iso20_common", "SignedInstallationData", data)
    assert fragments.decode("iso20_common", good)[1] == data
    data["X448_EncryptedPrivateKey"] = bytes(83)
    with pytest.raises(exi.EXIError, match="X448_EncryptedPrivateKey: length 83 is not in 84..84"):
        fragments.encode("iso20_common", "SignedInstallationData", data)
    at = len(good) - 84 - 2
    found = False
    for i in range(at - 4, at + 4):  # the octet of the length, wherever its bits are
        for bit in range(8):
            bad = bytearray(good)
            bad[i] ^= 1 << bit
            try:
                fragments.decode("iso20_common", bytes(bad))
            except exi.EXIError as error:
                found |= "X448_EncryptedPrivateKey: length 8" in str(error)
    assert found


def test_unknown_schema_and_message():
    with pytest.raises(exi.EXIError, match="no tables for schema 'iso21'"):
        exi.decode("iso21", b"\x80\x00")
    with pytest.raises(exi.EXIError, match="DC_PreChargeRe: no message of iso20_dc"):
        exi.encode("iso20_dc", "DC_PreChargeRe", {})
    with pytest.raises(exi.EXIError, match="no signed element"):
        fragments.encode("iso20_dc", "DC_PreChargeReq", {})


def test_decoding_names_the_path():
    data = exi.encode("iso20_dc", "DC_PreChargeReq", precharge())
    places = set()
    for end in range(len(data)):
        with pytest.raises(exi.EXIError) as error:
            exi.decode("iso20_dc", data[:end])
        places.add(str(error.value))
    assert "DC_PreChargeReq.Header.SessionID: length 8, more than is left" in places
    assert "DC_PreChargeReq.EVTargetVoltage: cut short" in places


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_every_cut_is_an_error(vector):
    """T7: also by one byte only."""
    data = bytes.fromhex(vector["exi"])
    step = 1 + len(data) // 300
    for end in [*range(0, len(data) - 1, step), len(data) - 1]:
        with pytest.raises(exi.EXIError):
            exi.decode(vector["schema"], data[:end])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_flipped_bits_raise_or_decode(vector):
    """Nothing but EXIError; and what decodes can be encoded, for the facets hold both ways."""
    data = bytes.fromhex(vector["exi"])
    seed = 20
    rng = random.Random(seed)
    for _ in range(150):
        bad = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            bad[rng.randrange(1, len(bad))] ^= 1 << rng.randrange(8)
        try:
            name, message = exi.decode(vector["schema"], bytes(bad))
        except exi.EXIError:
            continue
        again = exi.encode(vector["schema"], name, message)
        assert exi.decode(vector["schema"], again) == (name, message), (seed, bad.hex())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SCHEMAS), st.binary(max_size=80))
def test_random_input(schema, data):
    for blob in (data, b"\x80" + data):
        try:
            name, message = exi.decode(schema, blob)
        except exi.EXIError:
            continue
        again = exi.encode(schema, name, message)
        assert exi.decode(schema, again) == (name, message)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from((*SCHEMAS, "xmldsig")), st.binary(max_size=80))
def test_random_fragments(schema, data):
    try:
        name, value = fragments.decode(schema, b"\x80" + data)
    except exi.EXIError:
        return
    assert fragments.decode(schema, fragments.encode(schema, name, value)) == (name, value)


def test_length_fields_allocate_nothing():
    """A length of 2 GB in 20 bytes costs no memory."""
    head = exi.encode("iso2", "V2G_Message", session_setup(b"\x01" * 6))
    tracemalloc.start()
    try:
        for position in range(2, len(head)):
            bad = head[:position] + b"\xff\xff\xff\xff\x07" + head[position:]
            try:
                exi.decode("iso2", bad)
            except exi.EXIError:
                pass
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def session_setup(evccid):
    return {
        "Header": {"SessionID": b"\x00"},
        "Body": {"SessionSetupReq": {"EVCCID": evccid}},
    }
