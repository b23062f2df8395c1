# SPDX-License-Identifier: MIT
"""The XSDs of the PyPI package `iso15118`, laid out so that their imports resolve.

`folder()` copies them into a temporary directory: the DOCTYPE is cut off the xmldsig file and
that file put beside each set, where the -20 and DIN schemas look for it. `schema(name)` is
xmlschema's reading of one set. Nothing here knows the project's own tables, so what is tested
against it is tested against the standard's text.
"""

import atexit
import functools
import os
import re
import shutil
import tempfile
from pathlib import Path

import xmlschema

from tools import peers

XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
_XMLDSIG_FILE = "xmldsig-core-schema.xsd"
FILES = {
    "sap": "V2G_CI_AppProtocol.xsd",
    "din": "din_spec/V2G_CI_MsgDef.xsd",
    "iso2": "iso15118_2/V2G_CI_MsgDef.xsd",
    "iso20_common": "iso15118_20/V2G_CI_CommonMessages.xsd",
    "iso20_ac": "iso15118_20/V2G_CI_AC.xsd",
    "iso20_dc": "iso15118_20/V2G_CI_DC.xsd",
    "iso20_wpt": "iso15118_20/V2G_CI_WPT.xsd",
    "iso20_acdp": "iso15118_20/V2G_CI_ACDP.xsd",
    "xmldsig": _XMLDSIG_FILE,
}
SETS = tuple(name for name in FILES if name != "xmldsig")


def package():
    """-> folder of the unpacked package (it holds shared/EXICodec.jar), or None when absent.

    The environment variable UEVCC_ISO15118 names it; otherwise it is the peer `schemas`.
    """
    place = Path(os.environ.get("UEVCC_ISO15118") or peers.get("schemas").dir)
    for root in (place, place / "iso15118"):
        if (root / "shared" / "EXICodec.jar").is_file():
            return root
    return None


@functools.cache
def folder():
    """-> Path of the laid-out XSDs; removed when the process ends."""
    source = package() / "shared" / "schemas"
    target = Path(tempfile.mkdtemp(prefix="uevcc-xsd-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    text = (source / _XMLDSIG_FILE).read_text(encoding="utf-8")
    xmldsig = re.sub(r"<!DOCTYPE.*?\]>", "", text, count=1, flags=re.DOTALL)
    for sub in ("", "din_spec", "iso15118_2", "iso15118_20"):
        (target / sub).mkdir(exist_ok=True)
        for path in (source / sub).glob("V2G_*.xsd"):
            shutil.copy(path, target / sub)
        (target / sub / _XMLDSIG_FILE).write_text(xmldsig, encoding="utf-8")
    return target


@functools.cache
def schema(name):
    """-> xmlschema.XMLSchema of the set `name` (a key of FILES)."""
    return xmlschema.XMLSchema(str(folder() / FILES[name]))


@functools.cache
def global_elements(name):
    """-> {local name: global element} of all namespaces of a set, the XSD's own left out."""
    found = {}
    for element in schema(name).maps.elements.values():
        if "XMLSchema" not in element.target_namespace:
            found[element.local_name] = element
    return found


@functools.cache
def declared_elements(name):
    """-> {local name: list of declarations}, global and local, all namespaces of a set."""
    found, seen, todo = {}, set(), list(global_elements(name).values())
    while todo:
        element = todo.pop()
        if id(element) in seen:
            continue
        seen.add(id(element))
        found.setdefault(element.local_name, []).append(element)
        if element.type.has_complex_content():
            for child in element.type.content.iter_elements():
                if child.name is not None:  # a wildcard has none
                    todo.append(child)
                    todo.extend(child.iter_substitutes())
    return found


@functools.cache
def signed_elements(name):
    """-> sorted local names of the set's own elements with an Id attribute: signatures can
    refer to them. xmldsig's own are left out but for SignedInfo of "xmldsig"."""
    if name == "xmldsig":
        return ("SignedInfo",)
    names = set()
    for local, declarations in declared_elements(name).items():
        for element in declarations:
            attributes = element.type.attributes if element.type.is_complex() else {}
            own = element.type.target_namespace != XMLDSIG
            if own and any(a and a.rpartition("}")[2] == "Id" for a in attributes):
                names.add(local)
    return tuple(sorted(names))
