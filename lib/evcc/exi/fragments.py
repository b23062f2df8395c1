# SPDX-License-Identifier: MIT
"""EXI fragments: one element alone, as signatures digest it (EXI 1.0 8.5.2, 8.5.3).

A fragment's grammar knows the code of each global element of its set; where types of one name
differ the element's content is relaxed: Id, value, and a code for each. ISO 15118-2 and -20 sign
SignedInfo in the fragment grammar of "xmldsig" alone. Loaded by who signs or verifies.
"""

from evcc.exi import grow
from evcc.exi.plain import DONE, production, read, read_one, write
from evcc.exi.tables import EXIError, load, name, slot, width

_END = [0, 0, DONE]


def encode(schema, name, value):
    """Encode one element as an EXI fragment -> bytes. Raises EXIError."""
    return grow(_into, schema, name, value)


def decode(schema, data):
    """Decode an EXI fragment -> (name, value). Raises EXIError."""
    entries = load(schema)[1]
    n = entries[0] | entries[1] << 8
    bits = width(n + 1)
    if len(data) < 3 or data[0] != 0x80:
        raise EXIError("no EXI header 0x80")
    number, _, _, relaxed = _find(schema, None, (data[1] << 8 | data[2]) >> 16 - bits)
    at = 8 + bits
    if relaxed:
        _, key, record, _ = slot(number)
        key = name(key)
        now = {0: 9, n + 15: _element(record + 1, {0: 8, n + 3: DONE})}
        value, at = read(data, at, {0: 9, 6: _element(record, now)}, [0xFFFF])
    else:
        key, value, at = read_one(data, at, _alone(number))
    read(data, at, {0: bits, n + 3: DONE}, [0])
    return key, value


def _find(schema, wanted, code):
    """(slot number, code, n, relaxed) of a fragment by name or by code."""
    entries = load(schema)[1]
    for at in range(2, len(entries), 4):
        found = entries[at] | (entries[at + 1] & 0x7F) << 8
        number = entries[at + 2] | entries[at + 3] << 8
        if code == found or wanted and wanted == name(slot(number)[1]):
            return number, found, entries[0] | entries[1] << 8, entries[at + 1] > 0x7F
    raise EXIError("no signed element of " + schema, wanted)


def _element(number, after):
    """The production of slot `number`'s element, with the state `after` behind it."""
    return production([0, number << 1, None], 0)[:4] + (after, None)


def _alone(number):
    """A state with nothing in it but the element of slot `number`."""
    return [0, number << 1, _element(number, _END)]


def _into(schema, name, value, buf):
    """Encode a fragment into `buf`; returns the end."""
    number, code, n, relaxed = _find(schema, name, -1)
    bits = width(n + 1)
    if relaxed:
        record = slot(number)[2]
        if not isinstance(value, dict) or len(value) != 2 or "Id" not in value:
            raise EXIError("not Id and value", name)
        at = _write(buf, 8, code << 9 | 4, bits + 9, _alone(record), {"Id": value["Id"]})
        at = _write(buf, at, n + 13, 9, _alone(record + 1), {"value": value.get("value")})
        at = _write(buf, at, n + 1, 8, _END, {})
    else:
        at = _write(buf, 8, code, bits, _alone(number), {name: value})
    at = _write(buf, at, n + 1, bits, _END, {})
    buf[0] = 0x80
    return at + 7 >> 3


def _write(buf, at, code, bits, now, message):
    """Writes a code at bit `at`, then what follows; returns the bit behind."""
    o = at >> 3
    at &= 7
    try:
        return write(
            buf, o, (buf[o] >> 8 - at if at else 0) << bits | code, at + bits, now, message
        )
    except IndexError:
        raise EXIError("does not fit %d bytes" % len(buf)) from None
