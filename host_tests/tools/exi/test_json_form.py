# SPDX-License-Identifier: MIT
"""The JSON form: its two tables against the XSDs, and that the way back is the inverse."""

import json

import pytest
from hypothesis import given

from host_tests.exi.oracle import generate, xsd
from host_tests.exi.oracle.conftest import drawn
from tools.exi import json_form


def _kinds(name):
    """{local name: set of what its content is: hexBinary, base64Binary, string, other}."""
    found = {}
    for local, declarations in xsd.declared_elements(name).items():
        for element in declarations:
            type_ = element.type
            if type_.is_complex() and type_.has_simple_content():
                type_ = type_.content
            kind = "other"
            if type_.is_simple():
                kind = type_.root_type.local_name
            found.setdefault(local, set()).add(kind)
    return found


@pytest.mark.peer
@pytest.mark.parametrize("name", list(xsd.FILES))
def test_names_of_binaries_are_those_of_the_xsds(peer, name):
    peer("schemas")
    kinds = _kinds(name)
    hexes = {local for local, kind in kinds.items() if "hexBinary" in kind}
    base64s = {local for local, kind in kinds.items() if "base64Binary" in kind}
    assert hexes == set(json_form.hex_names(name))
    assert base64s == set(json_form.base64_names(name)) & set(kinds)
    # A name alone must be enough to tell a binary from text.
    for local in hexes | base64s:
        assert "string" not in kinds[local]
        assert len({"hexBinary", "base64Binary"} & kinds[local]) == 1


@pytest.mark.peer
@pytest.mark.parametrize("name", xsd.SETS)
def test_the_way_back_is_the_inverse(peer, name):
    peer("schemas")

    @drawn(30)
    @given(generate.documents(name))
    def check(drawing):
        root, message, _xml = drawing
        form = json_form.to_json(name, message, root)
        assert json_form.from_json(name, json.loads(json.dumps(form)), root) == message

    check()


@pytest.mark.parametrize(
    "schema, message, form",
    [
        ("din", {"SessionID": b"\x0a\xbc"}, {"SessionID": "0ABC"}),
        ("din", {"EVSEID": b"\xff"}, {"EVSEID": "FF"}),
        ("iso2", {"EVSEID": "DE*X*1"}, {"EVSEID": "DE*X*1"}),
        ("iso20_dc", {"SessionID": b""}, {"SessionID": ""}),
        ("iso20_common", {"EVCCID": "AB"}, {"EVCCID": "AB"}),
        ("iso2", {"GenChallenge": b"\x00\x01\x02"}, {"GenChallenge": "AAEC"}),
        ("din", {"GenChallenge": "AAEC"}, {"GenChallenge": "AAEC"}),
        ("iso2", {"Certificate": [b"\x01", b"\x02"]}, {"Certificate": ["AQ==", "Ag=="]}),
        (
            "iso2",
            {"DHpublickey": {"Id": "AAEC", "value": b"\x01"}},
            {"DHpublickey": {"Id": "AAEC", "value": "AQ=="}},
        ),
        ("iso2", {"eMAID": {"Id": "a", "value": "AAEC"}}, {"eMAID": {"Id": "a", "value": "AAEC"}}),
        (
            "iso20_dc",
            {"V": {"Exponent": -1, "Value": 4002}},
            {"V": {"Exponent": -1, "Value": 4002}},
        ),
        (
            "iso20_dc",
            {"RSAKeyValue": {"Exponent": b"\x01"}},
            {"RSAKeyValue": {"Exponent": "AQ=="}},
        ),
        ("iso2", {"Body": {}, "on": True}, {"Body": {}, "on": True}),
    ],
)
def test_forms(schema, message, form):
    assert json_form.to_json(schema, message) == form
    assert json_form.from_json(schema, form) == message


@pytest.mark.parametrize(
    "schema, form, words",
    [
        ("iso2", {"Header": {"SessionID": "0G"}}, ("Header.SessionID", "hex")),
        ("iso2", {"Certificate": ["AQ==", "?"]}, ("Certificate[1]", "base64")),
        ("iso2", {"Certificate": ["AQ"]}, ("Certificate[0]", "base64")),
    ],
)
def test_text_that_is_no_binary_is_named_with_its_path(schema, form, words):
    with pytest.raises(json_form.FormError) as error:
        json_form.from_json(schema, form)
    for word in words:
        assert word in str(error.value)
