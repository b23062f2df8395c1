# SPDX-License-Identifier: MIT
"""Certificates: DER, X.509, paths to the installed roots, stapled OCSP. See README.md."""


class CertificateError(ValueError):
    """`alert`: name of the TLS alert that tells the peer; str() says which certificate and why."""

    def __init__(self, alert, text):
        super().__init__(text)
        self.alert = alert
