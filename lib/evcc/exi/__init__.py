# SPDX-License-Identifier: MIT
"""EXI codec of the V2G messages: documents of all schema sets as plain dicts (fragments:
fragments.py).

EXI 1.0, schema-informed, bit-packed, not strict, nothing preserved (ISO 15118-2 clause 7.9.1,
ISO 15118-20 clause 7.9.1, DIN SPEC 70121 clause 8.7). Dicts are keyed by the XSDs' local names;
lists where the schema allows more than one, enumerations as their XSD text, hexBinary and
base64Binary as bytes, an absent optional element absent (None counts as absent).

Not done: xmldsig's DSAKeyValue, PGPData and SPKIData and any content by wildcard (refused).
"""

from evcc.exi.tables import EXIError, _sets, drop, find, kernel, load, root

_fast = kernel()  # the viper kernels with their state, or None
_plain = None


def _slow():
    """The plain codec, loaded when first needed: without kernels, and for what they leave out."""
    global _plain
    if _plain is None:
        from evcc.exi import plain as _plain
    return _plain


def forget():
    """Drop what was kept of the messages so far, because other ones follow: frees up to 10 kB."""
    drop()
    if _plain:
        _plain.forget()


def decode(schema, data):
    """Decode a document (bytes or memoryview) -> (name, message); spare bytes are ignored.

    Raises EXIError for anything the schema does not allow, and for streams cut short.
    """
    if _fast:
        s = _sets.get(schema) or load(schema)
        if len(data) > 1 and data[0] == 0x80:
            code = data[1] >> 8 - s[2]
            found = s[3].get(code) or root(s, code)
            if found and not found[2]:
                message = _fast[0](0, 8 + s[2], 0, data, len(data), found[1], _fast[2])
                if message is not None:
                    return found[0], message
    return _slow().decode(schema, data)


def encode_into(schema, name, message, buf, offset=0):
    """Encode a document into `buf` from `offset`; returns the end. EXIError if it does not fit."""
    if _fast:
        found = _sets.get(schema) or load(schema)
        made = found[3].get(name) or find(schema, name)
        if not made[2] and len(buf) - offset > 1:
            try:
                end = _fast[1](
                    made[3], offset + 1, 0, buf, len(buf), found[2], made[1], message, _fast[2]
                )
            except Exception:  # a wrong type: named below
                end = -1
            if end >= 0:
                buf[offset] = 0x80
                return end + 7 >> 3
    return _slow().encode_into(schema, name, message, buf, offset)


def encode(schema, name, message):
    """Encode a document, header byte 0x80 included -> bytes."""
    return grow(encode_into, schema, name, message)


def grow(write, schema, name, value):
    """What `write(schema, name, value, buf)` writes, in a buffer as large as it needs -> bytes."""
    size = 256
    while True:
        buf = bytearray(size)
        try:
            return bytes(memoryview(buf)[: write(schema, name, value, buf)])
        except EXIError as e:
            if not e.why.startswith("does not fit") or size > 65536:
                raise
            size *= 4
