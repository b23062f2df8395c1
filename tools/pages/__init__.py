# SPDX-License-Identifier: MIT
"""Reference pages that are made from the tables of the code: `python -m tools.pages`.

Stop reasons, settings, times and state charts; a core test fails when a committed page is stale.
"""

from tools import ROOT


def pages():
    """{path: text} of every page."""
    from tools.chart.page import text as charts
    from tools.pages import reasons, settings, times

    folder = ROOT / "lib" / "evcc"
    return {
        folder / "STOP_REASONS.md": reasons.text(),
        folder / "SETTINGS.md": settings.text(),
        folder / "TIMES.md": times.text(),
        folder / "STATES.md": charts(),
    }


def write():
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"written: {path.relative_to(ROOT)}")
