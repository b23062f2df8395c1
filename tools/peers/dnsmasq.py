# SPDX-License-Identifier: MIT
"""`dnsmasq` (Debian package `dnsmasq-base`, GPL-2): router advertisements and a DHCPv6 server.

`command("usr/sbin/dnsmasq")` is the start of the command line.
"""

from .base import Debian

PEER = Debian(
    "dnsmasq",
    "2.90 (Debian 12)",
    "dnsmasq",
    "root/usr/sbin/dnsmasq",
    "router advertisements, DHCPv6 server",
    "bookworm",
    "amd64",
    ["dnsmasq-base"],
)
