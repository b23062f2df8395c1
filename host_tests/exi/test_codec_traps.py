# SPDX-License-Identifier: MIT
"""Where codecs in the field differ from the schema or from each other, one test per difference."""

import pytest
from evcc import exi
from evcc.exi import fragments

HEADER = {"SessionID": bytes(8), "TimeStamp": 1}


def bits(data):
    return "".join(f"{b:08b}" for b in data)


def octets(text):
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


def sap_request(count):
    entry = {
        "ProtocolNamespace": "u",
        "VersionNumberMajor": 1,
        "VersionNumberMinor": 0,
        "SchemaID": 1,
        "Priority": 1,
    }
    return {"AppProtocol": [dict(entry, Priority=i + 1) for i in range(count)]}


def test_full_array_is_exact_when_encoding():
    """At maxOccurs the repeated element has no code any more, so the end takes 1 bit, not 2."""
    sizes = {}
    for count in (19, 20):
        data = exi.encode("sap", "supportedAppProtocolReq", sap_request(count))
        assert exi.decode("sap", data)[1] == sap_request(count)
        sizes[count] = data
    one = exi.encode("sap", "supportedAppProtocolReq", sap_request(1))
    two = exi.encode("sap", "supportedAppProtocolReq", sap_request(2))
    # every further entry takes the same number of bits; the 20th one saves one at the end
    assert len(bits(two)) - len(bits(one)) in range(64, 81)
    assert sizes[20][: len(sizes[19]) - 2] == sizes[19][:-2]


def test_full_array_in_the_wide_form():
    """libcbv2g keeps the wide code at maxOccurs: accepted, and told from a broken stream."""
    data = exi.encode("sap", "supportedAppProtocolReq", sap_request(20))
    text = bits(data)
    # the last entry ends with its Priority: 20 - 1 in 5 bits, end of value, end of AppProtocol
    at = text.rindex("10011" + "0" + "0") + 7
    wide = octets(text[:at] + "01" + "0000")
    assert wide != data
    assert exi.decode("sap", wide) == ("supportedAppProtocolReq", sap_request(20))
    with pytest.raises(exi.EXIError):
        exi.decode("sap", octets(text[:at] + "11" + "0" * 8))


def test_full_array_of_sixteen_as_the_jar_writes_it():
    """EXIficient treats 16 and more occurrences in ISO 15118-2 as unbounded."""
    services = [{"ServiceID": i} for i in range(16)]
    message = {
        "Header": {"SessionID": b"\x01"},
        "Body": {
            "PaymentServiceSelectionReq": {
                "SelectedPaymentOption": "Contract",
                "SelectedServiceList": {"SelectedService": services},
            }
        },
    }
    data = exi.encode("iso2", "V2G_Message", message)
    text = bits(data)
    # ServiceID 15: code, characters, octet, end, then end of SelectedService (1 in 2 bits)
    at = text.rindex("00001111" + "0" + "01") + 11
    wide = octets(text[:at] + "01" + "0" + "0" + "0" + "0")
    assert exi.decode("iso2", wide) == ("V2G_Message", message)


def test_strings_beyond_ascii():
    message = {"Header": HEADER, "EVCCID": "Zürich-\U0001f697"}
    data = exi.encode("iso20_common", "SessionSetupReq", message)
    assert exi.decode("iso20_common", data)[1] == message


def din(body, session=b"\x00" * 8):
    return {"Header": {"SessionID": session}, "Body": body}


@pytest.mark.parametrize("field", ("SessionID", "EVCCID"))
def test_empty_value_in_both_forms(field):
    """As a zero length (what devices write) or as escape and end of element (what XML gives)."""
    session, evccid = (b"", b"\x01") if field == "SessionID" else (b"\x01", b"")
    message = din({"SessionSetupReq": {"EVCCID": evccid}}, session)
    zero = exi.encode("din", "V2G_Message", message)
    assert exi.decode("din", zero)[1] == message
    text = bits(zero)
    # behind header byte, root, SE(Header), SE(SessionID); for EVCCID also behind the SessionID
    # (characters, length, one byte, end), the end of Header, SE(Body), the message and SE(EVCCID)
    at = 8 + 7 + 1 + 1 + (0 if field == "SessionID" else 1 + 8 + 8 + 1 + 2 + 1 + 6 + 1)
    # characters 0, length 00000000, end 0 -> escape 1, second level 000
    assert text[at : at + 10] == "0" * 10
    escaped = octets(text[:at] + "1000" + text[at + 10 :])
    assert exi.decode("din", escaped)[1] == message


def test_captured_escape_form():
    """pyPLC's table of prepared messages carries empty SessionIDs as escapes."""
    name, message = exi.decode("din", bytes.fromhex("809a0011d00000"))
    assert message == din({"SessionSetupReq": {"EVCCID": b""}}, b"")


def test_abstract_head_as_an_empty_element():
    """A captured DIN exchange sends SASchedules, which is abstract, as an element."""
    data = bytes.fromhex(
        "809a02004080c1014181c21080004800400000c0c320040c0e014060a184060606002060a190020303005030300510"
    )
    message = exi.decode("din", data)[1]
    assert message["Body"]["ChargeParameterDiscoveryRes"]["SASchedules"] == {}
    assert exi.encode("din", "V2G_Message", message) == data


@pytest.mark.parametrize("spare", (b"\x00", b"\x00\x00", b"\xff" * 9))
def test_spare_bytes_behind_the_document(spare):
    data = exi.encode("sap", "supportedAppProtocolReq", sap_request(2))
    assert exi.decode("sap", data + spare) == exi.decode("sap", data)


@pytest.mark.parametrize("head", ("81", "24455849", "00", "a0", ""))
def test_headers_that_are_not_agreed(head):
    """Final-version bits, the $EXI cookie: other decoders take them."""
    data = exi.encode("sap", "supportedAppProtocolReq", sap_request(1))
    with pytest.raises(exi.EXIError, match="header 0x80"):
        exi.decode("sap", bytes.fromhex(head) + data[1:])
    with pytest.raises(exi.EXIError, match="header 0x80"):
        fragments.decode("iso2", bytes.fromhex(head) + data[1:])


def test_out_of_range_is_refused_when_decoding():
    """Priority is 1..20 in 5 bits: 21..32 can be sent and mean nothing."""
    text = bits(exi.encode("sap", "supportedAppProtocolReq", sap_request(20)))
    at = text.rindex("10011" + "0" + "0")
    for value in range(20, 32):
        bad = octets(text[:at] + f"{value:05b}" + text[at + 5 :])
        with pytest.raises(exi.EXIError) as error:
            exi.decode("sap", bad)
        assert str(error.value).startswith(
            "supportedAppProtocolReq.AppProtocol[19].Priority: value"
        )


@pytest.mark.parametrize("size", (0, 1, 4, 8))
@pytest.mark.parametrize("schema", ("din", "iso2"))
def test_session_ids_of_any_length(schema, size):
    message = {
        "Header": {"SessionID": b"\x5a" * size},
        "Body": {"SessionStopRes": {"ResponseCode": "OK"}},
    }
    data = exi.encode(schema, "V2G_Message", message)
    assert exi.decode(schema, data) == ("V2G_Message", message)


def test_first_bytes_tell_din_from_iso2():
    body = {"SessionStopRes": {"ResponseCode": "OK"}}
    message = {"Header": {"SessionID": bytes(8)}, "Body": body}
    assert exi.encode("din", "V2G_Message", message)[:2] == b"\x80\x9a"
    assert exi.encode("iso2", "V2G_Message", message)[:2] == b"\x80\x98"


def test_emaid_fragment_takes_the_relaxed_grammar():
    """eMAID is declared with two types in ISO 15118-2: Id is 4 in 9 bits, characters 256 in 9."""
    value = {"Id": "id4", "value": "DEXYZ123456789"}
    data = fragments.encode("iso2", "eMAID", value)
    text = bits(data)
    assert text[8:16] == f"{236:08b}" and text[16:25] == f"{4:09b}"
    assert fragments.decode("iso2", data) == ("eMAID", value)


def test_signed_info_takes_the_grammar_of_xmldsig_alone():
    signed = {
        "CanonicalizationMethod": {"Algorithm": "http://www.w3.org/TR/canonical-exi/"},
        "SignatureMethod": {"Algorithm": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"},
        "Reference": [
            {
                "URI": "#id1",
                "Transforms": {
                    "Transform": [{"Algorithm": "http://www.w3.org/TR/canonical-exi/"}]
                },
                "DigestMethod": {"Algorithm": "http://www.w3.org/2001/04/xmlenc#sha256"},
                "DigestValue": bytes(range(32)),
            }
        ],
    }
    alone = fragments.encode("xmldsig", "SignedInfo", signed)
    assert alone[:4].hex() == "808112b4"  # as in public captures
    other = fragments.encode("iso20_common", "SignedInfo", signed)
    assert other != alone
    assert fragments.decode("xmldsig", alone) == ("SignedInfo", signed)
    assert fragments.decode("iso20_common", other) == ("SignedInfo", signed)
