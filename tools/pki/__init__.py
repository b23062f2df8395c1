# SPDX-License-Identifier: MIT
"""Throw-away certificates for the bench: made with the package `cryptography`, never with ours.

`make(folder, kind)` writes a whole PKI for the car and for the emulated station; every subject
says TEST. The names of the files are those of the standard's terms, see README.md.
"""

from tools.pki.maker import KINDS, Authority, Maker, make, responses

__all__ = ["KINDS", "Authority", "Maker", "make", "responses"]
