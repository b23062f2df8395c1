# SPDX-License-Identifier: MIT
"""`ip` (Debian package `iproute2`): makes the virtual cable of a network namespace."""

from .base import System

PEER = System("iproute2", "any", "makes virtual network cables", "ip", "iproute2")
