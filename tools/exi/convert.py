# SPDX-License-Identifier: MIT
"""One message between bytes and its JSON form, and the `batch` of many of them.

Batch: JSON lines in with `schema` and `exi` (hex), optionally `"fragment": true` and `grammar`
(the set, or xmldsig); JSON lines out with `msg`, `json`, `exi` (what we write for it) or `error`.
A line with `json` instead of `exi` is encoded. One line in gives one line out, in order; nothing
in a line stops the batch.
"""

import json

from evcc import exi
from evcc.exi import fragments

from . import json_form
from .detect import SETS, DetectError

GRAMMARS = SETS + ("xmldsig",)


def message_name(schema, root, message):
    """-> name of the message: the root, or the element in the body of DIN and ISO 15118-2."""
    if root == "V2G_Message" and isinstance(message, dict):
        for name in message.get("Body") or ():
            return name
    return root


def decode(schema, data, fragment=False):
    """bytes -> (message name, JSON form {root: ...}, bytes we would write). Raises EXIError.

    The last is None when what was read cannot be written again (its text is then the 4th value).
    """
    if fragment:
        root, message = fragments.decode(schema, data)
    else:
        root, message = exi.decode(schema, data)
    form = {root: json_form.to_json(schema, message, root)}
    try:
        again, why = (fragments.encode if fragment else exi.encode)(schema, root, message), ""
    except exi.EXIError as error:
        again, why = None, str(error)
    return message_name(schema, root, message), form, again, why


def encode(schema, form, fragment=False):
    """JSON form {root: ...} -> bytes. Raises EXIError or json_form.FormError."""
    if not isinstance(form, dict) or len(form) != 1:
        raise json_form.FormError(
            'expected one JSON object with one key, the root: {"SessionSetupReq": {...}}'
        )
    ((root, content),) = form.items()
    message = json_form.from_json(schema, content, root, root)
    return (fragments.encode if fragment else exi.encode)(schema, root, message)


def from_hex(text):
    """Hex as people paste it (blanks, colons, dashes, commas, 0x) -> bytes. Raises ValueError."""
    text = text.lower().replace("0x", " ").replace("\\x", " ")
    digits = text.translate({ord(c): None for c in " \t\r\n:-,;"})
    try:
        return bytes.fromhex(digits)
    except ValueError:
        for at, c in enumerate(digits):
            if c not in "0123456789abcdef":
                raise ValueError("not hex: %r at digit %d" % (c, at + 1)) from None
        raise ValueError("not hex: an odd number of digits (%d)" % len(digits)) from None


def _field(entry, key, kind, default=None):
    value = entry.get(key, default)
    if value is not None and not isinstance(value, kind):
        raise json_form.FormError(
            '"%s" must be %s' % (key, "text" if kind is str else "a boolean")
        )
    return value


def batch_entry(entry):
    """One line of the batch, parsed -> the dict to answer with. Raises nothing."""
    try:
        if not isinstance(entry, dict):
            raise json_form.FormError("a line must be a JSON object")
        fragment = bool(_field(entry, "fragment", bool, False))
        schema = _field(entry, "grammar", str) if fragment else None
        schema = schema or _field(entry, "schema", str)
        known = GRAMMARS if fragment else SETS
        if schema not in known:
            raise json_form.FormError(
                '"%s" must be one of %s' % ("grammar" if fragment else "schema", ", ".join(known))
            )
        if entry.get("exi") is None and "json" in entry:
            data = encode(schema, entry["json"], fragment)
        else:
            text = _field(entry, "exi", str)
            if text is None:
                raise json_form.FormError('"exi" (hex) is missing')
            data = from_hex(text)
        name, form, again, why = decode(schema, data, fragment)
    except (exi.EXIError, json_form.FormError, DetectError, ValueError) as error:
        return {"error": str(error)}
    if again is None:
        return {"msg": name, "json": form, "error": "decodes, but cannot be written: " + why}
    return {"msg": name, "json": form, "exi": again.hex()}


def batch(lines, write):
    """Answer every line of `lines` (text) through write(text). -> (lines, errors)."""
    count = errors = 0
    for line in lines:
        if not line.strip():
            continue
        count += 1
        try:
            answer = batch_entry(json.loads(line))
        except (json.JSONDecodeError, RecursionError) as error:
            answer = {"error": "not JSON: %s" % error}
        errors += "error" in answer
        write(json.dumps(answer, ensure_ascii=False) + "\n")
    return count, errors
