# SPDX-License-Identifier: MIT
"""tshark 4.0 of Debian 12 (GPL-2): dissects HomePlug AV frames independently, decrypts TLS.

The system's program is taken when it has one.
"""

import shutil

from .base import Debian


class _Tshark(Debian):
    def missing(self):
        return None if shutil.which("tshark") else Debian.missing(self)

    def command(self, program="usr/bin/tshark"):
        own = shutil.which("tshark")
        return [own] if own else Debian.command(self, program)


PEER = _Tshark(
    "tshark",
    "4.0 (Debian 12)",
    "tshark",
    "root/usr/bin/tshark",
    "frame decoder",
    "bookworm",
    "amd64",
    ["tshark"],
)
