# SPDX-License-Identifier: MIT
"""`fsck.fat` and `mkfs.fat` of dosfstools (Debian package, GPL-3): makes and judges FAT images.

`command("sbin/fsck.fat")` is the start of the command line.
"""

from .base import Debian

PEER = Debian(
    "dosfstools",
    "4.2 (Debian 12)",
    "dosfstools",
    "root/sbin/fsck.fat",
    "makes and checks FAT",
    "bookworm",
    "amd64",
    ["dosfstools"],
)
