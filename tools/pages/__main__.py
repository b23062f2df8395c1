# SPDX-License-Identifier: MIT
"""`python -m tools.pages`: write the reference pages anew."""

from tools import ROOT
from tools.pages import pages

for path, text in pages().items():
    path.write_text(text, encoding="utf-8")
    print(f"written: {path.relative_to(ROOT)}")
