# SPDX-License-Identifier: MIT
"""`evse` and `pev` of plc-utils (Debian package `plc-utils-extra`, BSD-3-Clause): both sides of
SLAC.

`command("usr/bin/evse")` is the start of the command line.
"""

from .base import Debian

PEER = Debian(
    "plc-utils",
    "0.0.6 (Debian 12)",
    "plc-utils",
    "root/usr/bin/evse",
    "SLAC, both sides",
    "bookworm",
    "amd64",
    ["plc-utils-extra"],
)
