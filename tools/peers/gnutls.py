# SPDX-License-Identifier: MIT
"""`gnutls-serv` (Debian package `gnutls-bin`, GPL-3): a TLS server that staples OCSP, with Ed448.

`command("usr/bin/gnutls-serv")` is the start of the command line.
"""

from .base import Debian

PEER = Debian(
    "gnutls",
    "3.7 (Debian 12)",
    "gnutls",
    "root/usr/bin/gnutls-serv",
    "TLS server that staples OCSP",
    "bookworm",
    "amd64",
    ["gnutls-bin"],
)
