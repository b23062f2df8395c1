# SPDX-License-Identifier: MIT
"""What runs on a PC beside the device code. Importing it puts `lib/` on the path."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT / "lib") not in sys.path:
    sys.path.insert(0, str(ROOT / "lib"))
