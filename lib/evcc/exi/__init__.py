# SPDX-License-Identifier: MIT
"""EXI codec of the V2G messages: documents and fragments of all schema sets as plain dicts.

EXI 1.0, schema-informed, bit-packed, not strict, nothing preserved (ISO 15118-2 clause 7.9.1,
ISO 15118-20 clause 7.9.1, DIN SPEC 70121 clause 8.7). Dicts are keyed by the XSDs' local names;
lists where the schema allows more than one, enumerations as their XSD text, hexBinary and
base64Binary as bytes, an absent optional element absent (None counts as absent).

Not done: xmldsig's DSAKeyValue, PGPData and SPKIData and any content by wildcard (refused).
"""

from evcc.exi.plain import Reader, Writer
from evcc.exi.tables import EXIError, base, find_root, load, name, tabs
from evcc.exi.tables import width as _width

_roots = {}  # (schema, name) -> (code, slot, width)


def encode_into(schema, name, message, buf, offset=0):
    """Encode a document into `buf` from `offset`; returns the end. EXIError if it does not fit."""
    key = (schema, name)
    found = _roots.get(key)
    if found is None:
        found = _roots[key] = find_root(schema, name)
    code, slot, width = found
    tab = tabs[slot >> 6]
    i = (slot - base[slot >> 6]) * 4
    writer = Writer(buf, offset)
    try:
        writer.bits(0x80, 8)
        writer.bits(code, width)
        writer.element(tab[i] & 16, tab[i + 2] | (tab[i + 3] & 7) << 8, message)
        return writer.flush()
    except EXIError as e:
        e.inside(name)
        raise
    except OverflowError:
        raise EXIError("does not fit %d bytes" % (len(buf) - offset), name) from None


def encode(schema, name, message):
    """Encode a document, header byte 0x80 included -> bytes."""
    size = 256
    while True:
        buf = bytearray(size)
        try:
            return bytes(memoryview(buf)[: encode_into(schema, name, message, buf)])
        except EXIError as e:
            if not e.why.startswith("does not fit") or size > 65536:
                raise
            size *= 4


def decode(schema, data):
    """Decode a document (bytes or memoryview) -> (name, message); spare bytes are ignored."""
    for wide in (0xFFFF, 255, 16, 1):
        reader = Reader(data, wide)
        try:
            return _document(schema, reader, data)
        except EXIError:
            if not reader.full or wide == 1:
                raise


def _document(schema, reader, data):
    roots = load(schema)[0]
    if not len(data) or data[0] != 0x80:
        raise EXIError("no EXI header 0x80")
    n = len(roots) // 2
    code = reader.bits(_width(n))
    if code >= n:
        raise EXIError("root %d of %d" % (code, n))
    slot = roots[2 * code] | roots[2 * code + 1] << 8
    tab = tabs[slot >> 6]
    i = (slot - base[slot >> 6]) * 4
    key = name(tab[i + 1] | (tab[i] & 0xC0) << 2)
    try:
        return key, reader.element(tab[i] & 16, tab[i + 2] | (tab[i + 3] & 7) << 8)
    except EXIError as e:
        e.inside(key)
        raise


def _entry(schema, wanted, code):
    """(n, code, slot offset's table, offset, relaxed) of a fragment by name or by code."""
    entries = load(schema)[1]
    n = entries[0] | entries[1] << 8
    for at in range(2, len(entries), 4):
        found = entries[at] | (entries[at + 1] & 0x7F) << 8
        slot = entries[at + 2] | entries[at + 3] << 8
        tab = tabs[slot >> 6]
        i = (slot - base[slot >> 6]) * 4
        if code == found or wanted and wanted == name(tab[i + 1] | (tab[i] & 0xC0) << 2):
            return found, tab, i, entries[at + 1] > 0x7F
    raise EXIError("no signed element of " + schema, wanted or "fragment %d" % code)


def encode_fragment(schema, name, value):
    """Encode one element as an EXI fragment (what a signature digests) -> bytes.

    ISO 15118-2 and -20 sign SignedInfo in the fragment grammar of "xmldsig" alone.
    """
    code, tab, i, relaxed = _entry(schema, name, -1)
    entries = load(schema)[1]
    n = entries[0] | entries[1] << 8
    width = _width(n + 1)
    size = 256
    while True:
        buf = bytearray(size)
        writer = Writer(buf, 0)
        try:
            writer.bits(0x80, 8)
            writer.bits(code, width)
            writer.element(tab[i] & 16, tab[i + 2] | (tab[i + 3] & 7) << 8, value, relaxed and n)
            writer.bits(n + 1, width)
            return bytes(memoryview(buf)[: writer.flush()])
        except EXIError as e:
            e.inside(name)
            raise
        except OverflowError:
            size *= 4


def decode_fragment(schema, data):
    """Decode an EXI fragment -> (name, value)."""
    entries = load(schema)[1]
    if not len(data) or data[0] != 0x80:
        raise EXIError("no EXI header 0x80")
    reader = Reader(data)
    n = entries[0] | entries[1] << 8
    width = _width(n + 1)
    _, tab, i, relaxed = _entry(schema, None, reader.bits(width))
    key = name(tab[i + 1] | (tab[i] & 0xC0) << 2)
    try:
        value = reader.element(tab[i] & 16, tab[i + 2] | (tab[i + 3] & 7) << 8, relaxed and n)
        if reader.bits(width) != n + 1:
            raise EXIError("no end of the fragment")
    except EXIError as e:
        e.inside(key)
        raise
    return key, value
