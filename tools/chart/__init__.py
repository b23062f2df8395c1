# SPDX-License-Identifier: MIT
"""The state charts of the project: tables, and diagrams drawn from them.

`python -m tools.pages` writes lib/evcc/STATES.md (Mermaid, which GitHub draws);
`python -m tools.chart DIR` draws pictures with matplotlib.
"""
