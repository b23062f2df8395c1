# SPDX-License-Identifier: MIT
"""`python -m tools.chart DIR`: one picture a chart, drawn with matplotlib."""

import sys
from pathlib import Path

from tools.chart.draw import draw
from tools.chart.tables import CHARTS

if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
    sys.exit(__doc__)
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for title, _, edges in CHARTS:
    path = folder / (title.lower().replace(",", "").replace(" ", "_") + ".png")
    draw(title, list(edges()), path)
    print(path)
