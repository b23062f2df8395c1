# SPDX-License-Identifier: MIT
"""TLS client (RFC 8446), profile of ISO 15118-20: bytes in, bytes out. See README.md."""

from evcc.compat import const

# number, name
_ALERTS = const(
    "0 close_notify 10 unexpected_message 20 bad_record_mac 22 record_overflow 40 "
    "handshake_failure 42 bad_certificate 43 unsupported_certificate 44 certificate_revoked 45 "
    "certificate_expired 46 certificate_unknown 47 illegal_parameter 48 unknown_ca 49 "
    "access_denied 50 decode_error 51 decrypt_error 70 protocol_version 71 "
    "insufficient_security 80 internal_error 90 user_canceled 109 missing_extension 110 "
    "unsupported_extension 112 unrecognized_name 113 bad_certificate_status_response 116 "
    "certificate_required 120 no_application_protocol"
)


def unload():
    """Drop the code that only a handshake needs (about 25 kB in RAM) until it is imported again.

    For boards whose code lies in RAM; call it in state "ready". Does nothing on CPython.
    """
    from evcc.compat import forget

    forget("evcc.pki")
    for package, names in (
        ("tls", "hello tls13 own keys messages profile"),
        ("crypto", "ecdsa ec mont _fast_field jacobian ladder scalar comb_p521 comb_p256"),
        ("crypto", "x448 ed448 shake sha2"),
    ):
        forget(*["evcc.%s.%s" % (package, name) for name in names.split()])


def alert_name(number):
    words = _ALERTS.split()
    number = str(number)
    return words[words.index(number) + 1] if number in words else "alert " + number


def alert_number(name):
    words = _ALERTS.split()
    return int(words[words.index(name) - 1]) if name in words else 80


class TlsError(Exception):
    """`alert`: name of the alert to send; str(): what was wrong."""

    def __init__(self, alert, text):
        super().__init__(text)
        self.alert = alert
