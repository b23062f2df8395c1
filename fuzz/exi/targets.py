# SPDX-License-Identifier: MIT
"""What must hold for any bytes given to the EXI decoder. No fuzzer is needed to run it.

An input is one byte that chooses schema set and document or fragment, then the stream. `check`
raises AssertionError, or lets an exception that is not EXIError through, when the codec is wrong.
"""

from evcc import exi
from evcc.exi import fragments

SETS = (
    "sap",
    "din",
    "iso2",
    "iso20_common",
    "iso20_ac",
    "iso20_dc",
    "iso20_wpt",
    "iso20_acdp",
)
_FRAGMENTS = ("din", "iso2", "iso20_common", "xmldsig")
CHOICES = tuple((name, False) for name in SETS) + tuple((name, True) for name in _FRAGMENTS)


def pack(name, fragment, data):
    """An input for check()."""
    return bytes([CHOICES.index((name, fragment))]) + bytes(data)


def check(data):
    """-> "refused", or "decoded" when the bytes are a message."""
    if not data:
        return "refused"
    name, fragment = CHOICES[data[0] % len(CHOICES)]
    decode = fragments.decode if fragment else exi.decode
    encode = fragments.encode if fragment else exi.encode
    stream = memoryview(data)[1:]
    try:
        root, message = decode(name, stream)
    except exi.EXIError as error:
        assert str(error)
        return "refused"
    # Every element and every value costs bits: what comes out cannot outgrow what went in.
    assert _size(message) <= 8 * len(stream) + 64, "%d from %d" % (_size(message), len(stream))
    ours = encode(name, root, message)
    assert decode(name, ours) == (root, message), "reading what we wrote gives something else"
    assert encode(name, root, message) == ours
    # An empty value by the escape is 4 bits, the zero length that we write 10.
    assert len(ours) <= 3 * len(stream) + 8, "%d bytes from %d" % (len(ours), len(stream))
    # A stream that ends early is an error wherever it ends.
    for end in {len(ours) - 1, len(ours) // 2}:
        try:
            cut = decode(name, ours[:end])
        except exi.EXIError:
            continue
        raise AssertionError("cut to %d of %d bytes it still decodes: %r" % (end, len(ours), cut))
    return "decoded"


def _size(value):
    """Values, list items and octets in a message."""
    if isinstance(value, dict):
        return 1 + sum(_size(v) for v in value.values())
    if isinstance(value, list):
        return 1 + sum(_size(v) for v in value)
    if isinstance(value, (str, bytes)):
        return 1 + (len(value) if isinstance(value, bytes) else 0)
    return 1


TARGETS = {"decode": check}
LATE = ("evcc.exi.plain",)
