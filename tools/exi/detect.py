# SPDX-License-Identifier: MIT
"""Which schema set a byte string belongs to.

An EXI document does not name its schema. What says it, best first: the caller, the payload type
of a V2GTP header in front (0x8001 covers SAP, DIN and ISO 15118-2: there the first bytes decide),
or trial: the sets that decode the bytes and write the same ones again.
"""

from evcc import exi, v2gtp

SETS = (
    "sap",
    "din",
    "iso2",
    "iso20_common",
    "iso20_ac",
    "iso20_dc",
    "iso20_acdp",
    "iso20_wpt",
)
_V2GTP = b"\x01\xfe"
_BY_TYPE = {
    v2gtp.SAP: ("sap", "din", "iso2"),
    v2gtp.MAIN: ("iso20_common",),
    v2gtp.AC: ("iso20_ac",),
    v2gtp.DC: ("iso20_dc",),
    0x8005: ("iso20_acdp",),
    0x8006: ("iso20_wpt",),
    v2gtp.SCHEDULE: ("iso20_common",),
    v2gtp.METERING: ("iso20_common",),
    0x8103: ("iso20_acdp",),
    0x8104: ("iso20_common",),
}


class DetectError(ValueError):
    """No set, or more than one, fits; the text says what to do."""


def payload_type(schema):
    """-> V2GTP payload type a document of that set is sent with."""
    return next(kind for kind, sets in _BY_TYPE.items() if schema in sets)


def add_header(schema, data):
    """-> data behind its 8-byte V2GTP header."""
    head = _V2GTP + payload_type(schema).to_bytes(2, "big") + len(data).to_bytes(4, "big")
    return head + data


def split_header(data):
    """(bytes, payload type or None): the V2GTP header cut off when there is one.

    Raises DetectError when the header and the length of what follows disagree.
    """
    if data[:2] != _V2GTP or len(data) < 8:
        return data, None
    length = int.from_bytes(data[4:8], "big")
    if len(data) < 8 + length:
        raise DetectError(
            "the V2GTP header announces %d bytes, only %d follow: the input is cut"
            % (length, len(data) - 8)
        )
    return data[8 : 8 + length], int.from_bytes(data[2:4], "big")


def sets_of(kind):
    """-> tuple of sets that a payload type admits. Raises DetectError."""
    try:
        return _BY_TYPE[kind]
    except KeyError:
        known = ", ".join("0x%04x" % k for k in sorted(_BY_TYPE))
        raise DetectError(
            "payload type 0x%04x carries no EXI (known: %s)" % (kind, known)
        ) from None


def schema_of(data, kind=None):
    """-> the schema set of an EXI document. kind: V2GTP payload type or None when unknown.

    Raises DetectError: nothing decodes it, or several do and neither type nor first bytes decide.
    """
    candidates = SETS if kind is None else sets_of(kind)
    if len(candidates) == 1:
        return candidates[0]
    # Root codes: 80 9a starts every DIN document, 80 98 every ISO 15118-2 document. With an
    # unknown payload type they are only a strong hint, so the set has to decode it as well.
    hint = {b"\x80\x9a": "din", b"\x80\x98": "iso2"}.get(bytes(data[:2]))
    if hint and (kind is not None or _fits(hint, data) is not None):
        return hint
    if kind is not None:
        return "sap"
    fitting = {name: _fits(name, data) for name in candidates}
    for wanted in (True, False):  # sets that write the same bytes again come first
        found = [name for name, same in fitting.items() if same is wanted]
        if len(found) == 1:
            return found[0]
        if found:
            raise DetectError(
                "%s all decode it: say which with --schema or --payload-type" % ", ".join(found)
            )
    raise DetectError("no schema set decodes it%s" % _why(data))


def _fits(name, data):
    """True: a message that is written with the same bytes again; False: with others; None: none.

    Every global element can be a document's root, but only messages are ever sent: a few bytes
    decode as an empty element of some set far too easily.
    """
    try:
        root, message = exi.decode(name, data)
    except exi.EXIError:
        return None
    if not root.endswith(("Req", "Res", "V2G_Message")):
        return None
    try:
        return exi.encode(name, root, message) == bytes(data)
    except exi.EXIError:
        return False


def _why(data):
    if not data:
        return ": it is empty"
    if data[0] != 0x80:
        return ": an EXI document starts with the byte 80, this one with %02x" % data[0]
    return ""
