# SPDX-License-Identifier: MIT
"""IPv6 on one Ethernet-like link: link-local host, UDP, one TCP client connection; sans-IO."""

from evcc.net.host import Host as Host
