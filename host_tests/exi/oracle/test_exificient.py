# SPDX-License-Identifier: MIT
"""Byte for byte against EXIficient: messages drawn from the XSDs, written and read both ways.

EXIficient takes its grammars from the XSDs themselves, for all eight sets; the messages come from
xmlschema's reading of them. So nothing on the other side shares a table with the codec.
"""

from xml.etree import ElementTree

import pytest
from evcc import exi
from evcc.exi import fragments
from hypothesis import given

from host_tests.exi.oracle import generate, xsd
from host_tests.exi.oracle.conftest import amounts, drawn
from host_tests.exi.oracle.exificient import OracleError

pytestmark = [pytest.mark.peer, pytest.mark.timeout(570)]
sets = pytest.mark.parametrize("name", xsd.SETS)
_SIGNING = ("din", "iso2", "iso20_common", "xmldsig")


def _same_xml(one, other):
    def canonical(text):
        return ElementTree.canonicalize(text, rewrite_prefixes=True)

    return canonical(one) == canonical(other)


@pytest.mark.shows("messages of all schema sets", "byte for byte", peer="EXIficient")
@sets
@amounts(40)
def test_messages(oracle, name, count):
    @drawn(count)
    @given(generate.documents(name))
    def check(drawing):
        root, message, xml = drawing
        data = oracle.encode(name, xml)
        assert exi.encode(name, root, message).hex() == data.hex()
        assert exi.decode(name, memoryview(data)) == (root, message)

    check()


@sets
@amounts(40, 400)
def test_every_global_element_as_root(oracle, name, count):
    @drawn(count)
    @given(generate.documents(name, generate.roots(name)))
    def check(drawing):
        root, message, xml = drawing
        data = oracle.encode(name, xml)
        assert exi.encode(name, root, message).hex() == data.hex()
        assert exi.decode(name, data) == (root, message)

    check()


@pytest.mark.shows("fragments for signatures", "byte for byte", peer="EXIficient")
@pytest.mark.parametrize("name", _SIGNING)
@amounts(12, 200)
def test_fragments_of_signed_elements(oracle, name, count):
    for element in xsd.signed_elements(name):

        @drawn(count)
        @given(generate.fragments(name, (element,)))
        def check(drawing):
            element, value, xml = drawing
            data = oracle.encode(name, xml, fragment=True)
            assert fragments.encode(name, element, value).hex() == data.hex()
            assert fragments.decode(name, data) == (element, value)

        check()


@pytest.mark.parametrize("name", [name for name in xsd.SETS if name != "sap"])
@amounts(12, 200)
def test_signed_info_by_the_grammar_of_each_set(oracle, name, count):
    """A verifier tries it beside the one of xmldsig alone: peers differ in what they digest."""

    @drawn(count)
    @given(generate.fragments(name, ("SignedInfo",)))
    def check(drawing):
        element, value, xml = drawing
        data = oracle.encode(name, xml, fragment=True)
        assert fragments.encode(name, element, value).hex() == data.hex()
        assert fragments.decode(name, data) == (element, value)

    check()


def test_the_signed_elements_are_all_known(schemas):
    """exi.md's list of the standard: what carries an Id, and SignedInfo."""
    assert set(xsd.signed_elements("iso2")) >= {
        "AuthorizationReq",
        "CertificateInstallationReq",
        "CertificateUpdateReq",
        "ContractSignatureCertChain",
        "ContractSignatureEncryptedPrivateKey",
        "DHpublickey",
        "MeteringReceiptReq",
        "SalesTariff",
        "eMAID",
    }
    assert set(xsd.signed_elements("iso20_common")) >= {
        "AbsolutePriceSchedule",
        "OEMProvisioningCertificateChain",
        "PnC_AReqAuthorizationMode",
        "SignedInstallationData",
        "SignedMeteringData",
    }


@sets
@amounts(8, 100)
def test_full_lists(oracle, name, count):
    """A list at maxOccurs loses its own code: the next one gets narrower."""

    @drawn(count)
    @given(generate.documents(name, exact_maximum=1024))
    def check(drawing):
        root, message, xml = drawing
        data = oracle.encode(name, xml)
        assert exi.encode(name, root, message).hex() == data.hex()
        assert exi.decode(name, data) == (root, message)

    check()


@pytest.mark.parametrize("name", ["din", "iso2", "iso20_common", "iso20_ac", "iso20_dc"])
@amounts(25, 300)
def test_abstract_heads(oracle, name, count):
    """They have codes, and one charger sends SASchedules so: their types are kept."""

    @drawn(count)
    @given(generate.documents(name, heads=True))
    def check(drawing):
        root, message, xml = drawing
        data = oracle.encode(name, xml)
        assert exi.encode(name, root, message).hex() == data.hex()
        assert exi.decode(name, data) == (root, message)

    check()


_DIN_EMPTY = (
    '<m:V2G_Message xmlns:m="urn:din:70121:2012:MsgDef" xmlns:h="urn:din:70121:2012:MsgHeader" '
    'xmlns:b="urn:din:70121:2012:MsgBody"><m:Header><h:SessionID>%s</h:SessionID></m:Header>'
    "<m:Body><b:SessionSetupReq><b:EVCCID>%s</b:EVCCID></b:SessionSetupReq></m:Body>"
    "</m:V2G_Message>"
)


@pytest.mark.parametrize("session, evccid", [("", ""), ("00", ""), ("", "01")])
def test_empty_values_in_both_forms(oracle, session, evccid):
    """XML front ends write the escape and a second-level code, devices write a length of zero."""
    message = {
        "Header": {"SessionID": bytes.fromhex(session)},
        "Body": {"SessionSetupReq": {"EVCCID": bytes.fromhex(evccid)}},
    }
    escaped = oracle.encode("din", _DIN_EMPTY % (session, evccid))
    assert exi.decode("din", escaped) == ("V2G_Message", message)
    ours = exi.encode("din", "V2G_Message", message)
    assert ours != escaped
    assert exi.decode("din", ours) == ("V2G_Message", message)
    assert _same_xml(oracle.decode("din", ours), _DIN_EMPTY % (session, evccid))


def test_empty_string_in_both_forms(oracle):
    xml = (
        '<a:supportedAppProtocolReq xmlns:a="urn:iso:15118:2:2010:AppProtocol"><AppProtocol>'
        "<ProtocolNamespace></ProtocolNamespace><VersionNumberMajor>2</VersionNumberMajor>"
        "<VersionNumberMinor>0</VersionNumberMinor><SchemaID>1</SchemaID>"
        "<Priority>1</Priority></AppProtocol></a:supportedAppProtocolReq>"
    )
    entry = {"ProtocolNamespace": "", "VersionNumberMajor": 2, "VersionNumberMinor": 0}
    wanted = {"AppProtocol": [dict(entry, SchemaID=1, Priority=1)]}
    for data in (
        oracle.encode("sap", xml),
        exi.encode("sap", "supportedAppProtocolReq", wanted),
    ):
        assert exi.decode("sap", data) == ("supportedAppProtocolReq", wanted)
        assert _same_xml(oracle.decode("sap", data), xml)


@pytest.mark.parametrize("name", ["din", "iso2", "iso20_common", "iso20_ac", "iso20_wpt"])
def test_what_we_write_reads_the_same_there(oracle, name):
    """The other direction on its own: EXIficient reads our bytes and gives back the XML."""

    @drawn(15)
    @given(generate.documents(name))
    def check(drawing):
        root, message, xml = drawing
        assert _same_xml(oracle.decode(name, exi.encode(name, root, message)), xml)

    check()


def test_the_oracle_refuses_what_is_no_message(oracle):
    """So that a test that only sees the oracle succeed means something."""
    with pytest.raises(OracleError):
        oracle.encode("sap", "<no xml")
    with pytest.raises(OracleError):
        oracle.decode("iso2", bytes.fromhex("809802"))
