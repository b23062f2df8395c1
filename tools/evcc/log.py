# SPDX-License-Identifier: MIT
"""Log lines of the device code to the terminal, with the time since the start."""

import logging
import sys


def to_terminal(debug=False):
    """info = what a driver would tell, debug = fields."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(relativeCreated)7.0f ms %(name)-15s %(message)s"))
    root = logging.getLogger("evcc")
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else logging.INFO)
