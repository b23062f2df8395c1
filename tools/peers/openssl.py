# SPDX-License-Identifier: MIT
"""`openssl` 3 of the system: makes the SECC's certificates, checks TLS independently."""

from .base import System

PEER = System("openssl", "3", "certificates and TLS", "openssl", "openssl")
