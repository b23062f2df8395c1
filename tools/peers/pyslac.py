# SPDX-License-Identifier: MIT
"""`pyslac` 0.8.3 (PyPI, Apache-2.0): an independent SLAC EVSE side in Python."""

from .base import Venv

PEER = Venv(
    "pyslac",
    "0.8.3",
    "pyslac",
    "complete",
    "SLAC, EVSE side",
    ["pyslac==0.8.3", "marshmallow<4"],
)
