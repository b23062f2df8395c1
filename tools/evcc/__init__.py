# SPDX-License-Identifier: MIT
"""Our EVCC on a PC, over raw Ethernet frames: `python -m tools.evcc --interface IF`."""
