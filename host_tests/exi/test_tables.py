# SPDX-License-Identifier: MIT
"""The committed tables are what the compiler makes of the XSDs, and small."""

import importlib
import os
import struct

import pytest
from evcc.exi import tables

from host_tests.conftest import need
from tools.exi.compiler.__main__ import default_folder
from tools.exi.compiler.layout import CHUNKS

# set: global elements, bits of the root's code, unique element names of the fragment grammar
SETS = {
    "sap": (2, 2, 9),
    "din": (81, 7, 245),
    "iso2": (80, 7, 243),
    "iso20_common": (54, 6, 281),
    "iso20_ac": (42, 6, 154),
    "iso20_dc": (48, 6, 149),
    "iso20_wpt": (38, 6, 193),
    "iso20_acdp": (34, 6, 129),
    "xmldsig": (24, 5, 45),
}


def chunk(name):
    return importlib.import_module("evcc.exi._t_" + name)


def sizes():
    out = {}
    for name, _ in CHUNKS:
        module = chunk(name)
        out[name] = len(module.T) + sum(
            len(part) for part in module.SETS if isinstance(part, bytes)
        )
    return out


def names_file():
    path = os.path.join(os.path.dirname(tables.__file__), "names.bin")
    with open(path, "rb") as file:
        return file.read()


@pytest.fixture(scope="module")
def layout():
    pytest.importorskip("xmlschema")
    from tools.exi.compiler.write import Layout, load

    try:
        return Layout(load(default_folder(), check=False))  # the compiler does
    except FileNotFoundError as error:
        need(f"the XSDs are missing ({error}); get them: python -m tools.peers fetch schemas")


def test_regenerating_gives_the_committed_files(layout):
    from tools.exi.compiler.write import TARGET, files

    made = files(layout)
    assert {p.name for p in TARGET.glob("_t_*.py")} == {n for n in made if n.startswith("_t_")}
    for name, data in made.items():
        assert (TARGET / name).read_bytes() == data, name + ": python -m tools.exi.compiler"


def test_occurrences_are_the_codec_s(layout):
    from evcc.exi import plain

    from tools.exi.compiler.layout import BOUNDS

    assert tuple(high or 0 for _, high in BOUNDS) == plain._MAX
    # the kernels do not import here
    with open(tables.__file__.replace("tables.py", "_fast_codec.py")) as file:
        literal = file.read().partition("_MAX = const(")[2].partition(")")[0]
    assert eval(literal + ")") == plain._MAX


def test_depth_fits_the_kernels_stacks(layout):
    """decode takes 3 places a level of 60, encode 5."""
    from tools.exi.compiler.schema import Complex

    def depth(kind):
        if not isinstance(kind, Complex):
            return 0
        return 1 + max(depth(slot.type) for slot in kind.slots)

    deepest = max(depth(kind) for kind in layout.records)
    assert 6 < deepest <= 12


@pytest.mark.parametrize("name", SETS)
def test_roots_and_fragments(name):
    roots, fragments, width, _ = tables.load(name)
    elements, bits, unique = SETS[name]
    assert (len(roots) // 2, width) == (elements, bits)
    assert struct.unpack_from("<H", fragments)[0] == unique
    found = [tables.root(tables.load(name), code)[0] for code in range(elements)]
    assert found == sorted(found)
    assert tables.root(tables.load(name), elements) is None
    for code, key in enumerate(found):
        assert tables.find(name, key)[3] == code


def test_signed_elements():
    def signed(schema):

        fragments = tables.load(schema)[1]
        slots = struct.unpack(f"<{len(fragments) // 2}H", fragments)[2::2]
        return {tables.name(tables.slot(slot)[1]) for slot in slots}

    assert signed("iso20_common") >= {
        "AbsolutePriceSchedule",
        "OEMProvisioningCertificateChain",
        "PnC_AReqAuthorizationMode",
        "PriceLevelSchedule",
        "SignedInfo",
        "SignedInstallationData",
        "SignedMeteringData",
    }
    assert signed("iso2") >= {
        "AuthorizationReq",
        "CertificateInstallationReq",
        "CertificateUpdateReq",
        "ContractSignatureCertChain",
        "ContractSignatureEncryptedPrivateKey",
        "DHpublickey",
        "MeteringReceiptReq",
        "SalesTariff",
        "SignedInfo",
        "eMAID",
    }


def test_sizes():
    size = sizes()
    assert size["base"] + size["iso20_common"] + size["iso20_dc"] <= 3300
    assert sum(size.values()) <= 8700
    assert sum(size.values()) + len(names_file()) <= 18000


def test_names_are_read_one_by_one(monkeypatch):
    last = chunk(CHUNKS[-1][0]).NAMES
    tables.load("iso20_acdp")
    texts = [tables.text(i) for i in range(last)]
    assert "DC_ChargeLoopReq" in texts and "FAILED_SequenceError" in texts
    assert all(t and t.isascii() for t in texts[:20])
    # the same from a build without names.bin: DATA of a module `_names`
    import sys
    import types

    module = types.ModuleType("evcc.exi._names")
    module.DATA = names_file()
    monkeypatch.setitem(sys.modules, "evcc.exi._names", module)
    monkeypatch.setattr(tables, "__file__", "/nowhere/tables.py")
    monkeypatch.setattr(tables, "_pool", None)
    monkeypatch.setattr(tables, "_room", None)
    assert [tables.text(i) for i in range(last)] == texts


def test_a_set_left_out_of_a_build(monkeypatch):
    monkeypatch.setattr(tables, "_sets", {})
    import builtins

    real = builtins.__import__

    def missing(name, *more):
        if name == "evcc.exi._t_iso20_wpt":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(tables.EXIError, match="no tables for schema 'iso20_wpt' in this build"):
        tables.load("iso20_wpt")
    tables.load("iso20_dc")


def test_the_command_says_what_is_missing(tmp_path, capsys):
    from tools.exi.compiler.__main__ import main

    assert main([str(tmp_path)]) == 1
    assert "V2G_CI_AppProtocol.xsd" in capsys.readouterr().err


def test_names_are_dropped_and_come_again():
    from evcc import exi
    from evcc.exi import tables

    body = {"AppProtocol": [{
        "ProtocolNamespace": "urn:x", "VersionNumberMajor": 1, "VersionNumberMinor": 0,
        "SchemaID": 1, "Priority": 1,
    }]}  # fmt: skip
    data = exi.encode("sap", "supportedAppProtocolReq", body)
    assert exi.decode("sap", data) == ("supportedAppProtocolReq", body)
    read = len([n for n in tables.names if n])
    exi.forget()
    assert len([n for n in tables.names[2:] if n]) == 0 < read
    assert exi.decode("sap", data) == ("supportedAppProtocolReq", body)
    assert exi.encode("sap", "supportedAppProtocolReq", body) == data
