# SPDX-License-Identifier: MIT
"""AES-128/256 encryption of whole blocks (FIPS 197): what GCM needs, no decryption.

Uses the VM's cryptolib where there is one, else aes_tables.py.
"""

try:
    from cryptolib import aes as _aes
except ImportError:
    _aes = None


class Aes:
    """`encrypt(buf)`: every 16-byte block of a bytearray in place (ECB: a building block only)."""

    def __init__(self, key, native=True):
        if len(key) not in (16, 32):
            raise ValueError("AES key of %d bytes" % len(key))
        self.native = _aes(key, 1) if _aes and native else None
        if not self.native:
            from evcc.crypto import aes_tables

            self.tables = aes_tables
            self.rounds, self.keys = aes_tables.expand(key)

    def encrypt(self, buf):
        if self.native:
            self.native.encrypt(buf, buf)
        else:
            self.tables.encrypt(buf, self.keys, self.rounds)
