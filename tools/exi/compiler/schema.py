# SPDX-License-Identifier: MIT
"""XSDs to a small model: simple types, and complex types as flat lists of slots.

Follows what EXI 1.0 (clause 8.5.4) makes of a schema: attributes by local name and URI, extension
flattened, substitution groups as choices sorted by local name and URI with the abstract head
included. `xmlschema` parses; nothing here reads XML but the removal of xmldsig's DOCTYPE.

Not done: models that are no flat list of particles (xmldsig's DSAKeyValue, PGPData and SPKIData);
these become the type REFUSED. xs:all, xs:list, xs:union, xsi:type and nillable raise.
"""

import re
import shutil
import tempfile
from collections import namedtuple
from pathlib import Path

import xmlschema
from xmlschema.validators import XsdAnyElement, XsdGroup

# set -> XSD files, relative to the folder of schemas
SETS = {
    "sap": ("V2G_CI_AppProtocol.xsd",),
    "xmldsig": ("xmldsig-core-schema.xsd",),
    "iso20_common": ("iso15118_20/V2G_CI_CommonMessages.xsd",),
    "iso20_dc": ("iso15118_20/V2G_CI_DC.xsd",),
    "iso20_ac": ("iso15118_20/V2G_CI_AC.xsd",),
    "din": ("din_spec/V2G_CI_MsgBody.xsd", "din_spec/V2G_CI_MsgHeader.xsd"),
    "iso2": ("iso15118_2/V2G_CI_MsgDef.xsd",),
    "iso20_wpt": ("iso15118_20/V2G_CI_WPT.xsd",),
    "iso20_acdp": ("iso15118_20/V2G_CI_ACDP.xsd",),
}
_XS = "{http://www.w3.org/2001/XMLSchema}"

# Simple: kind is one of empty bool enum int string hex base64 refused; a, b: bounds or lengths.
Simple = namedtuple("Simple", "kind a b texts", defaults=(None, None, ()))
# Slot: what is element, attribute, text or any; type is Simple or Complex; choice: id or None.
Slot = namedtuple("Slot", "what name type min max choice")
Complex = namedtuple("Complex", "slots mixed")
Schema = namedtuple("Schema", "name roots elements")  # roots: ((local, uri), Type) sorted

EMPTY = Simple("empty")
REFUSED = Simple("refused")


def prepare(source, target):
    """Copy the XSDs so that every import finds its file; drops xmldsig's DOCTYPE."""
    source, target = Path(source), Path(target)
    core = (source / "xmldsig-core-schema.xsd").read_text(encoding="utf-8")
    core = re.sub(r"<!DOCTYPE.*?\]>", "", core, flags=re.S)
    for folder in ("", "din_spec", "iso15118_2", "iso15118_20"):
        (target / folder).mkdir(parents=True, exist_ok=True)
        for file in (source / folder).glob("*.xsd"):
            shutil.copy(file, target / folder)
        (target / folder / "xmldsig-core-schema.xsd").write_text(core, encoding="utf-8")


def find_xsds(folder):
    """The folder of the XSDs in `folder`: itself, or inside an unpacked wheel of `iso15118`."""
    for path in (
        Path(folder),
        *(Path(folder) / p for p in ("shared/schemas", "iso15118/shared/schemas")),
    ):
        if (path / "V2G_CI_AppProtocol.xsd").is_file():
            return path
    raise FileNotFoundError(
        f"{folder}: no V2G_CI_AppProtocol.xsd in it or in iso15118/shared/schemas"
    )


def load(folder, check=True):
    """All sets of `SETS` from the XSD folder -> list of Schema; equal types are one object.

    `check`: whether they are XSDs at all, which takes most of the time.
    """
    with tempfile.TemporaryDirectory() as temp:
        prepare(find_xsds(folder), temp)
        pool = {}
        return [
            _Reader(name, [Path(temp) / f for f in files], pool, check).read()
            for name, files in SETS.items()
        ]


def split(name):
    """'{uri}local' -> (local, uri)"""
    uri, _, local = name.rpartition("}")
    return local, uri[1:]


class _Reader:
    def __init__(self, name, files, pool, check=True):
        self.name = name
        self.pool = pool
        sources = [str(f) for f in files]
        how = "strict" if check else "skip"
        source = sources if len(sources) > 1 else sources[0]
        self.maps = xmlschema.XMLSchema10(source, validation=how).maps
        self.done = {}
        self.elements = {}  # (local, uri) -> set of types

    def read(self):
        roots = []
        for name, element in self.maps.elements.items():
            if not name.startswith(_XS):
                roots.append((split(name), self.element(element)))
        for (
            name,
            xsd,
        ) in self.maps.types.items():  # names in unused types count among the fragments
            if not name.startswith(_XS):
                self.type(xsd)
        return Schema(self.name, sorted(roots, key=lambda r: r[0]), self.elements)

    def element(self, xsd):
        if xsd.nillable:
            raise NotImplementedError(f"{xsd.name}: nillable")
        kind = self.type(xsd.type)
        self.elements.setdefault(split(xsd.name), set()).add(kind)
        return kind

    def type(self, xsd):
        if id(xsd) not in self.done:
            made = self.simple(xsd) if xsd.is_simple() else self.complex(xsd)
            self.done[id(xsd)] = self.pool.setdefault(made, made)
        return self.done[id(xsd)]

    def simple(self, xsd):
        base = xsd.primitive_type.local_name
        if xsd.is_list() or xsd.is_union():
            raise NotImplementedError(f"{xsd}: list or union")
        if base == "boolean":
            return Simple("bool")
        if xsd.enumeration:
            if base != "string":
                raise NotImplementedError(f"{xsd}: enumeration of {base}")
            return Simple("enum", texts=tuple(xsd.enumeration))
        if base == "decimal" and xsd.is_derived(self.maps.types[_XS + "integer"]):
            return Simple("int", xsd.min_value, xsd.max_value)
        kind = {
            "string": "string",
            "anyURI": "string",
            "hexBinary": "hex",
            "base64Binary": "base64",
        }
        return Simple(kind[base], xsd.min_length, xsd.max_length)

    def complex(self, xsd):
        slots = []
        names = sorted((n for n in xsd.attributes if n is not None), key=split)
        for name in names:
            attribute = xsd.attributes[name]
            if attribute.use != "prohibited":
                low = int(attribute.use == "required")
                slots.append(
                    Slot("attribute", split(name)[0], self.type(attribute.type), low, 1, None)
                )
        if xsd.has_simple_content():
            slots.append(Slot("text", "value", self.type(xsd.content), 1, 1, None))
        elif isinstance(xsd.content, XsdGroup):
            try:
                self.particles(xsd.content, slots)
            except _NotFlat:
                for item in xsd.content.iter_elements():  # these names count among the fragments
                    if not isinstance(item, XsdAnyElement):
                        self.element(item)
                return REFUSED
        return Complex(tuple(slots), bool(xsd.mixed)) if slots else EMPTY

    def particles(self, group, slots):
        if group.model == "choice" or group.max_occurs != 1:
            self.choice(group, slots)
            return
        if group.model == "all" or (group.min_occurs != 1 and len(group)):
            raise _NotFlat
        for item in group:
            if isinstance(item, XsdGroup):
                self.particles(item, slots)
            else:
                heads = self.substitutes(item)
                slots.extend(self.alternatives(heads, item.min_occurs, item.max_occurs))

    def choice(self, group, slots):
        """A choice, or a repeated sequence that holds one choice or one wildcard."""
        low, high = group.min_occurs, group.max_occurs
        while len(group) == 1 and isinstance(group[0], XsdGroup):
            group = group[0]
            if (group.min_occurs, group.max_occurs) != (1, 1):
                raise NotImplementedError(f"{group}: repeat in repeat")
        if group.model != "choice" and len(group) != 1:
            raise _NotFlat
        items = []
        for item in group:
            if isinstance(item, XsdGroup) or (item.min_occurs, item.max_occurs) != (1, 1):
                raise _NotFlat
            items.extend(self.substitutes(item))
        # EXI 1.0 clause 8.5.4.3: a wildcard's code comes behind the elements' (Transform's XPath)
        items.sort(key=lambda item: isinstance(item, XsdAnyElement))
        slots.extend(self.alternatives(items, low, high))

    def alternatives(self, items, low, high):
        if high is not None and high > 1 and len(items) > 1:
            raise NotImplementedError("a bounded repeated choice")
        choice = object() if len(items) > 1 else None
        out = []
        for item in items:
            if isinstance(item, XsdAnyElement):
                out.append(Slot("any", "", REFUSED, low, high, None))
            else:
                out.append(
                    Slot("element", split(item.name)[0], self.element(item), low, high, None)
                )
        # the id of a choice is its size, so that equal types stay equal
        return [s._replace(choice=len(out) - i if choice else None) for i, s in enumerate(out)]

    def substitutes(self, item):
        """The element, or its whole substitution group, head included, by local name and URI."""
        if isinstance(item, XsdAnyElement):
            return [item]
        members = {item.name: item}
        for member in self.maps.substitution_groups.get(item.name, ()):
            for deeper in self.substitutes(member):
                members[deeper.name] = deeper
        return [members[name] for name in sorted(members, key=split)]


class _NotFlat(Exception):
    pass
