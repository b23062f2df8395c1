# SPDX-License-Identifier: MIT
"""The XSDs and the EXIficient jar, from the PyPI wheel `iso15118` (EcoG, Apache-2.0), unpacked.

Only the schema compiler and the codec's oracle tests need them; none of it is part of this
project.
"""

from .base import Wheel

PEER = Wheel(
    "schemas",
    "0.31.2",
    "iso15118",
    "iso15118/__init__.py",
    "XSDs and EXIficient's jar",
    "iso15118==0.31.2",
)
