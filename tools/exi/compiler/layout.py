# SPDX-License-Identifier: MIT
"""The model of `schema` laid out as the tables that `evcc.exi` walks.

A table is a row of 4-byte records, all numbered in one space of 2,048 (11 bits), in pages of 64 so
that a chunk (the types of one set, or `base`, what sets share) may be loaded or left out.

    slot    b0  1 last of its type   2 optional   4 next slot is an alternative to this one
                8 value follows at once (attribute, characters)   16 simple type
                32 content of a mixed type
                bits 6-7 name, high part
            b1  name, low part       b2 type's record, low part
            b3  bits 0-2 type's record, high part; bits 3-7 occurrence: index into BOUNDS
    simple  b0  kind, index into KINDS
            b1-b3  enum: first text (u16), how many; nbit: min (s8), max - min (u16); uint: max;
                   uint_wide: bits, min; int: bits without sign (255 unbounded);
                   string hex base64: min length, max length (u16, 65535 unbounded)

Record 0 is -20's RationalNumber. Per set: ROOTS, per global element in EXI's order the number
(u16, little endian) of a slot that has its name and type; FRAGMENTS, u16 count of all fragment
names, then (u16 code, u16 slot) per element that a signature may reference (bit 15 of code:
several types declared, relaxed grammar).
names.bin: see names.py.
"""

from collections import namedtuple

from tools.exi.compiler.schema import EMPTY, REFUSED, Complex, Simple, Slot

# (min, max), None is unbounded. The codec has the same list.
BOUNDS = ((1, 1), (2, 255), (1, None)) + tuple(
    (1, n) for n in (2, 3, 4, 5, 6, 8, 10, 16, 20, 24, 32, 128, 255, 1024, 2048)
)
LAST, OPTIONAL, CHOICE, PLAIN, SIMPLE, MIXED = 1, 2, 4, 8, 16, 32
PAGE = 64
RECORDS = 2048

KINDS = "empty bool enum nbit uint uint_wide int string hex base64 refused".split()
# chunk -> the sets whose roots and fragments it carries, in the order of numbering
CHUNKS = (
    ("base", ("sap", "xmldsig")),
    ("iso20_common", ("iso20_common",)),
    ("iso20_dc", ("iso20_dc",)),
    ("iso20_ac", ("iso20_ac",)),
    ("din", ("din",)),
    ("iso2", ("iso2",)),
    ("iso20_wpt", ("iso20_wpt",)),
    ("iso20_acdp", ("iso20_acdp",)),
)

Chunk = namedtuple("Chunk", "name page table sets names")  # sets: name -> (roots, fragments)
RATIONAL = Complex(
    (
        Slot("element", "Exponent", Simple("int", -128, 127), 1, 1, None),
        Slot("element", "Value", Simple("int", -32768, 32767), 1, 1, None),
    ),
    False,
)


class Layout:
    """`chunks` (list of Chunk), `names` (list of str) from a list of Schema."""

    def __init__(self, schemas):
        self.schemas = {s.name: s for s in schemas}
        self.users = {}  # type -> set of chunk names
        for chunk, sets in CHUNKS:
            for name in sets:
                for _, kind in self.schemas[name].roots:
                    self._use(kind, chunk)
        self.names = []
        self.name_ids = {}
        self.text_ids = {}
        self.records = {}  # type -> record number
        self.slots = {}  # (name id, record, simple) -> slot numbers
        self.chunks = []
        page = 0
        for chunk, sets in CHUNKS:
            self.chunks.append(self._chunk(chunk, sets, page))
            page += -(-len(self.chunks[-1].table) // (4 * PAGE))
        if page * PAGE > RECORDS:
            raise OverflowError(f"{page * PAGE} records: more than a slot's 11 bits")

    def _use(self, kind, chunk):
        users = self.users.setdefault(kind, set())
        if chunk not in users:
            users.add(chunk)
            if isinstance(kind, Complex):
                for slot in kind.slots:
                    self._use(slot.type, chunk)

    def _home(self, kind):
        users = self.users[kind]
        return min(users) if len(users) == 1 else "base"

    def _chunk(self, name, sets, page):
        mine = [t for t in self.users if self._home(t) == name]
        if name == "base":
            mine += [t for t in (EMPTY, REFUSED) if t not in mine]
        # RationalNumber is record 0; simple types last: before a type stands the end of another
        mine.sort(key=lambda t: (t != RATIONAL, isinstance(t, Simple)))
        start = number = page * PAGE
        for kind in mine:  # numbers first: slots refer forward
            self.records[kind] = number
            number += len(kind.slots) if isinstance(kind, Complex) else 1
        for kind in mine:
            if isinstance(kind, Complex):
                for slot in kind.slots:
                    self._name(slot.name)
        for set_name in sets:
            for (local, _), _ in self.schemas[set_name].roots:
                self._name(local)
        self.table = bytearray()
        for kind in mine:
            if isinstance(kind, Simple):
                self.table += self.simple_record(kind)
                continue
            self._check(kind)
            for i, slot in enumerate(kind.slots):
                last = LAST if i == len(kind.slots) - 1 else 0
                mixed = MIXED if kind.mixed and slot.what != "attribute" else 0
                self._slot(start, slot, last | mixed)
        made = {}
        for set_name in sets:
            made[set_name] = self._roots(start, set_name), self._fragments(start, set_name)
        return Chunk(name, page, bytes(self.table), made, len(self.names))

    @staticmethod
    def _check(kind):
        """What both codecs rely on."""
        for slot in kind.slots:
            if slot.what in ("attribute", "text") and slot.type.kind in (
                "empty",
                "int",
                "refused",
            ):
                raise NotImplementedError(f"attribute {slot.name}: {slot.type.kind}")
            if slot.choice and slot.max not in (1, None):
                raise NotImplementedError(f"a repeat within a choice: {slot.name}")

    def _name(self, text):
        if text not in self.name_ids:
            self.name_ids[text] = len(self.names)
            self.names.append(text)
            if len(self.names) > 1024:
                raise OverflowError("more than the 1,024 names of a slot's 10 bits")
        return self.name_ids[text]

    def _slot(self, start, slot, flags):
        number = start + len(self.table) // 4
        name, record = self._name(slot.name), self.records[slot.type]
        simple = isinstance(slot.type, Simple)
        flags |= SIMPLE if simple else 0
        flags |= OPTIONAL if slot.min == 0 else 0
        flags |= PLAIN if slot.what in ("attribute", "text") else 0
        flags |= CHOICE if slot.choice and slot.choice > 1 else 0
        bound = BOUNDS.index((max(slot.min, 1), slot.max))
        self.table += bytes(
            (flags | name >> 8 << 6, name & 255, record & 255, record >> 8 | bound << 3)
        )
        if slot.what == "element":
            self.slots.setdefault((slot.name, slot.type), []).append(number)
        return number

    def simple_record(self, kind):
        """4 bytes: kind and its bounds."""
        low, high = kind.a, kind.b
        if kind.kind == "enum":
            if kind.texts not in self.text_ids:
                self.text_ids[kind.texts] = len(self.names)
                self.names += kind.texts
            first = self.text_ids[kind.texts]
            return bytes((2, first & 255, first >> 8, len(kind.texts)))
        if kind.kind == "int":
            if low is not None and high is not None and high - low < 4096:  # min s8, range u16
                return bytes((3, low & 255)) + (high - low).to_bytes(2, "little")
            if low is None and high is None:
                return bytes((6, 255, 0, 0))
            bits = high.bit_length()
            if low < 0 and (low, high) == (-(1 << bits), (1 << bits) - 1):
                return bytes((6, bits, 0, 0))
            if low in (0, 1) and high == (1 << bits) - 1 and bits > 24:
                return bytes((5, bits, low, 0))
            if low == 0 and high < 1 << 24:
                return bytes((4,)) + high.to_bytes(3, "little")
            raise NotImplementedError(f"integer {low}..{high}")
        if kind.kind in ("string", "hex", "base64"):
            low, high = low or 0, 0xFFFF if high is None else high
            return bytes((KINDS.index(kind.kind), low)) + high.to_bytes(2, "little")
        return bytes((KINDS.index(kind.kind), 0, 0, 0))

    def _element(self, start, name, kind):
        """A slot of this chunk or of base that names this element; made if there is none."""
        base = len(self.chunks[0].table) // 4 if self.chunks else 0
        for number in self.slots.get((name, kind), ()):
            if number >= start or number < base:
                return number
        return self._slot(start, Slot("element", name, kind, 1, 1, None), LAST)

    def _roots(self, start, name):
        out = bytearray()
        for (local, _), kind in self.schemas[name].roots:
            out += self._element(start, local, kind).to_bytes(2, "little")
        return bytes(out)

    def _fragments(self, start, name):
        elements = self.schemas[name].elements
        out = bytearray(len(elements).to_bytes(2, "little"))
        for code, key in enumerate(sorted(elements)):
            for kind in elements[key]:
                if kind not in self.users or not isinstance(kind, Complex):
                    continue  # a type that no document can hold
                if any(s.what == "attribute" and s.name == "Id" for s in kind.slots):
                    many = 0x8000 if len(elements[key]) > 1 else 0
                    number = self._element(start, key[0], kind)
                    out += (code | many).to_bytes(2, "little") + number.to_bytes(2, "little")
        return bytes(out)
