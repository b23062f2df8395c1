# SPDX-License-Identifier: MIT
"""TLS 1.3 client (RFC 8446), profile of ISO 15118-20: bytes in, bytes out. See README.md."""

_ALERTS = {
    "close_notify": 0,
    "unexpected_message": 10,
    "bad_record_mac": 20,
    "record_overflow": 22,
    "handshake_failure": 40,
    "bad_certificate": 42,
    "unsupported_certificate": 43,
    "certificate_revoked": 44,
    "certificate_expired": 45,
    "certificate_unknown": 46,
    "illegal_parameter": 47,
    "unknown_ca": 48,
    "access_denied": 49,
    "decode_error": 50,
    "decrypt_error": 51,
    "protocol_version": 70,
    "insufficient_security": 71,
    "internal_error": 80,
    "user_canceled": 90,
    "missing_extension": 109,
    "unsupported_extension": 110,
    "unrecognized_name": 112,
    "bad_certificate_status_response": 113,
    "certificate_required": 116,
    "no_application_protocol": 120,
}


def unload():
    """Drop the code that only a handshake needs (about 25 kB in RAM) until it is imported again.

    For boards whose code lies in RAM; call it in state "ready". Does nothing on CPython.
    """
    from evcc.compat import forget

    crypto = "ecdsa ec mont _fast_field ladder scalar comb_p521 comb_p256 x448 ed448 shake sha2"
    forget("evcc.tls.handshake", "evcc.pki", *["evcc.crypto." + name for name in crypto.split()])


def alert_name(number):
    for name, n in _ALERTS.items():
        if n == number:
            return name
    return "alert %d" % number


def alert_number(name):
    return _ALERTS.get(name, 80)


class TlsError(Exception):
    """`alert`: name of the alert to send; str(): what was wrong."""

    def __init__(self, alert, text):
        super().__init__(text)
        self.alert = alert
