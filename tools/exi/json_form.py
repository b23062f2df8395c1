# SPDX-License-Identifier: MIT
"""The JSON form of a message, and the way back.

A message is a plain dict in the codec: binaries are bytes there, whether the XSD says hexBinary or
base64Binary. In JSON hexBinary is upper-case hex and base64Binary is base64, as in XML; everything
else (local names as keys, lists, integers, booleans, enumerations as text, `value` beside `Id` for
simple content with attributes, `{}` for an element without content) is the same in both.

Which is which depends on the element's name and the schema set alone: only three names are
hexBinary, and no name is a binary in one place and a string in another. A test derives the two
tables below from the XSDs.
"""

from base64 import b64decode, b64encode

_HEX_V1 = frozenset(("SessionID", "EVCCID"))
_HEX = {
    "din": frozenset(("SessionID", "EVCCID", "EVSEID")),
    "iso2": _HEX_V1,
    "iso20_common": frozenset(("SessionID",)),
}
for _name in ("iso20_ac", "iso20_dc", "iso20_wpt", "iso20_acdp"):
    _HEX[_name] = _HEX["iso20_common"]

# base64Binary: messages, then xmldsig. "Exponent" is also the integer of a RationalNumber.
BASE64 = frozenset(
    """
    Certificate ContractSignatureEncryptedPrivateKey DHParams DHPublicKey DHpublickey GenChallenge
    ManufacturerSpecificDataContainer MeterSignature OEMProvisioningCert
    SDManufacturerSpecificDataContainer SECP521_EncryptedPrivateKey SigMeterReading
    TPM_EncryptedPrivateKey VendorSpecificDataContainer X448_EncryptedPrivateKey
    DigestValue Exponent G J Modulus P PGPKeyID PGPKeyPacket PgenCounter Q SPKISexp Seed
    SignatureValue X509CRL X509Certificate X509SKI Y
    """.split()
)
_GEN_CHALLENGE_TEXT = ("din",)  # there GenChallenge is a string


class FormError(ValueError):
    """A value cannot be what the schema says; the text names the path."""


def hex_names(schema):
    """-> frozenset of the names that are hexBinary in a set."""
    return _HEX.get(schema, frozenset())


def base64_names(schema):
    """-> frozenset of the names that are base64Binary in a set (if they occur there)."""
    return BASE64 - {"GenChallenge"} if schema in _GEN_CHALLENGE_TEXT else BASE64


def to_json(schema, message, name=""):
    """Derive the JSON form of `message`, the codec's dict (or any value inside one).

    name: the element that `message` is the content of; needed when it is a binary itself.
    """
    if isinstance(message, dict):
        return {
            key: to_json(schema, value, name if key == "value" else key)
            for key, value in message.items()
        }
    if isinstance(message, (list, tuple)):
        return [to_json(schema, value, name) for value in message]
    if isinstance(message, (bytes, bytearray, memoryview)):
        raw = bytes(message)
        return raw.hex().upper() if name in hex_names(schema) else b64encode(raw).decode()
    return message


def from_json(schema, form, name="", path=""):
    """The inverse of to_json. Raises FormError where text is not hex or base64 as it should be.

    Names and types are not checked here: the codec does that when it encodes.
    """
    if isinstance(form, dict):
        out = {}
        for key, value in form.items():
            below = path + "." + key if path else key
            out[key] = from_json(schema, value, name if key == "value" else key, below)
        return out
    if isinstance(form, list):
        return [
            from_json(schema, value, name, "%s[%d]" % (path, index))
            for index, value in enumerate(form)
        ]
    if isinstance(form, str):
        try:
            if name in hex_names(schema):
                return bytes.fromhex(form)
            if name in base64_names(schema):
                return b64decode("".join(form.split()), validate=True)
        except ValueError:
            kind = "hex" if name in hex_names(schema) else "base64"
            raise FormError("%s: %r is not %s" % (path or name, _short(form), kind)) from None
    return form


def _short(text):
    return text if len(text) <= 40 else text[:37] + "..."
