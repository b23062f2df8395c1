# SPDX-License-Identifier: MIT
"""Hypothesis strategies: messages drawn from xmlschema's reading of the XSDs.

`documents(set)` and `fragments(set, grammar)` draw `(name, message, xml)`: the same message as
the codec's plain dict and as XML text for an independent codec. Both are built side by side from
the schema's particles, so neither is derived from the project's tables.

What is not drawn: wildcards (xs:any) and with them xmldsig's Object; empty strings and binaries
(EXIficient writes those with the second-level escape: they have tests of their own); the order
among alternatives of a *repeated* choice (only in xmldsig's KeyInfo), which a dict cannot keep:
there the alternatives stand in schema order.
"""

import functools
import sys
from base64 import b64encode
from xml.etree import ElementTree

from hypothesis import strategies as st

from . import xsd

# Letters, marks and digits a charger may send, and code points of every UTF-8 length.
_ALPHABET = "abcXYZ0189:/.-_#&<>\"'+äß€漢😀"
_UNBOUNDED = 2**70
_NOT_FLAT = ("Object", "PGPData", "SPKIData", "DSAKeyValue")
_NOT_FLAT += ("SignatureProperties", "SignatureProperty")  # nothing but a wildcard inside


def _strings(low, high):
    inner = st.text(_ALPHABET + " ", min_size=low, max_size=high)
    # EXIficient trims blanks at both ends of what it reads from XML.
    return inner.map(lambda s: "".join("-" if c == " " else c for c in s[:1]) + s[1:]).map(
        lambda s: s[:-1] + "-" if s.endswith(" ") else s
    )


@functools.cache
def _integers(low, high):
    low = -_UNBOUNDED if low is None else int(low)
    high = _UNBOUNDED if high is None else int(high)
    return st.one_of(st.sampled_from(sorted({low, high})), st.integers(low, high))


@functools.cache
def _binaries(low, high):
    # The bound of a certificate is worth trying, but rarely; the low length shrinks best.
    usual = st.binary(min_size=low, max_size=min(high, low + 40))
    return usual if high > 300 else st.one_of(usual, st.binary(min_size=high, max_size=high))


def simple_value(draw, type_, spare=8):
    """-> (value of the dict, text of the XML) of a simple type."""
    kind = type_.root_type.local_name
    if type_.enumeration:
        value = draw(st.sampled_from(type_.enumeration))
        return value, value
    low = max(1, type_.min_length or 0)
    if kind == "boolean":
        value = draw(st.booleans())
        return value, "true" if value else "false"
    if kind == "decimal":
        value = draw(_integers(type_.min_value, type_.max_value))
        return value, str(value)
    if kind in ("hexBinary", "base64Binary"):
        value = draw(_binaries(low, type_.max_length or low + 40))
        return value, value.hex().upper() if kind == "hexBinary" else b64encode(value).decode()
    name = type_.local_name or ""
    if name in ("ID", "IDREF", "NCName") or type_.is_derived(_builtin(type_, "NCName")):
        value = draw(st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,12}", fullmatch=True))
        return value, value
    high = min(type_.max_length or low + spare, low + spare)
    if draw(st.integers(0, 30)) == 30 and type_.max_length:
        high = low = type_.max_length
    value = draw(_strings(low, high))
    if type_.white_space == "collapse":  # anyURI: a reader of XML joins blanks
        value = value.replace(" ", "_")
    return value, value


def _builtin(type_, name):
    return type_.maps.types["{http://www.w3.org/2001/XMLSchema}" + name]


def _store(target, name, value, many):
    if many:
        target.setdefault(name, []).append(value)
    else:
        assert name not in target, "%s comes twice but is no list" % name
        target[name] = value


def _instances(element, heads):
    """-> the elements a particle admits: itself or its substitution group's members.

    heads: abstract ones too. No valid message has them, but a charger in the field sends one.
    """
    found = [element] if heads or _concrete(element) else []
    for member in element.iter_substitutes():
        if member.name != element.name and (heads or _concrete(member)):
            found.append(member)
    return found


def _concrete(element):
    abstract_type = element.type.is_complex() and element.type.abstract
    return not element.abstract and not abstract_type


def _occurs(particle):
    high = sys.maxsize if particle.max_occurs is None else particle.max_occurs
    return particle.min_occurs, high


class _Drawer:
    def __init__(self, draw, exact_maximum, heads=False):
        self.draw = draw
        self.heads = heads
        self.exact_maximum = exact_maximum
        self.budget = 60  # elements; keeps the trees of -20 small

    def count(self, particle):
        low, high = _occurs(particle)
        if low == high:
            return low
        if high == 1:
            return self.draw(st.sampled_from((0, 1, 1))) if self.budget > 0 else 0
        top = min(high, low + 3) if self.budget > 0 else max(low, 1)
        # A full list is a state of its own (its code gets narrower): draw it on purpose.
        if high <= self.exact_maximum and self.draw(st.integers(0, 9)) == 9:
            return high
        if top == high and high > self.exact_maximum:
            top -= 1
        return self.draw(st.integers(low, max(low, top)))

    def element(self, element, parent_xml):
        """-> dict value of one occurrence; adds its XML below parent_xml (None: a root)."""
        self.budget -= 1
        bare = element.parent is not None and element.ref is None and not element.qualified
        tag = element.local_name if bare else element.name
        node = ElementTree.Element(tag)
        if parent_xml is not None:
            parent_xml.append(node)
        type_ = element.type
        if type_.is_simple():
            value, node.text = simple_value(self.draw, type_)
            return value, node
        message = {}
        for attribute in type_.attributes.values():
            if attribute.name is None:
                continue
            if attribute.use == "required" or self.draw(st.booleans()):
                value, text = simple_value(self.draw, attribute.type)
                message[attribute.local_name] = value
                node.set(attribute.name if attribute.qualified else attribute.local_name, text)
        if type_.has_simple_content():
            message["value"], node.text = simple_value(self.draw, type_.content)
        else:
            self.group(type_.content, message, node, False)
        return message, node

    def group(self, group, message, node, repeated):
        low, high = _occurs(group)
        times = 1 if low else self.draw(st.integers(0, 1))
        many = repeated or high > 1
        if not times:
            return
        particles = [p for p in group if not self.skipped(p)]
        if group.model == "choice" and particles:
            index = self.draw(st.integers(0, len(particles) - 1))
            particles = particles[index : index + 1]
        for particle in particles:
            if hasattr(particle, "model"):
                self.group(particle, message, node, many)
                continue
            instances = _instances(particle, self.heads)
            if not instances:
                assert not particle.min_occurs, particle
                continue
            count = self.count(particle)
            if many:
                # One occurrence for each time the group comes: keep it to one.
                count = min(count, 1)
            for _ in range(count):
                chosen = instances[0]
                if len(instances) > 1:
                    chosen = self.draw(st.sampled_from(instances))
                listed = many or _occurs(particle)[1] > 1
                value, _node = self.element(chosen, node)
                _store(message, chosen.local_name, value, listed)

    @staticmethod
    def skipped(particle):
        if hasattr(particle, "model"):
            return False
        return particle.name is None or particle.local_name in _NOT_FLAT


def _xml(node):
    return ElementTree.tostring(node, encoding="unicode")


@functools.cache
def roots(name):
    """-> local names of a set's global elements that a message can consist of."""
    found = []
    for local, element in sorted(xsd.global_elements(name).items()):
        if _concrete(element) and local not in _NOT_FLAT:
            found.append(local)
    return tuple(found)


@functools.cache
def messages(name):
    """-> those roots that are messages: the others are parts of messages declared globally."""
    if name in ("din", "iso2"):
        return ("V2G_Message",)
    space = xsd.schema(name).target_namespace
    own = [n for n in roots(name) if xsd.global_elements(name)[n].target_namespace == space]
    return tuple(n for n in own if n.endswith(("Req", "Res")))


@st.composite
def documents(draw, name, choices=None, exact_maximum=12, heads=False):
    """Draw (root's local name, message, XML text).

    exact_maximum: longest list drawn full; heads: abstract elements too.
    """
    local = draw(st.sampled_from(choices or messages(name)))
    drawer = _Drawer(draw, exact_maximum, heads)
    value, node = drawer.element(xsd.global_elements(name)[local], None)
    return local, value, _xml(node)


@st.composite
def fragments(draw, name, choices=None, exact_maximum=12):
    """Draw (element's local name, value, XML text) of an element signatures refer to."""
    local = draw(st.sampled_from(choices or xsd.signed_elements(name)))
    declarations = xsd.declared_elements(name)[local]
    element = next(e for e in declarations if e.type.is_complex())
    value, node = _Drawer(draw, exact_maximum).element(element, None)
    return local, value, _xml(node)
