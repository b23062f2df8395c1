# SPDX-License-Identifier: MIT
"""lib/evcc/STATES.md: the state charts as Mermaid diagrams."""

HEAD = """# State charts

Drawn from the tables that the tests walk: every edge is taken, and every event that a state has
no edge for is tried and changes nothing. Pictures: `python -m tools.chart DIR`.

Made by `python -m tools.pages` from `iso20/flow.py`, `iso20/ac.py` and `tools/chart/tables.py`."""


def merged(edges):
    """[(state, [events], next)]: edges between the same two states as one."""
    joined = {}
    for a, event, b in edges:
        joined.setdefault((a, b), []).append(event)
    return [(a, [e for e in events if e], b) for (a, b), events in joined.items()]


def mermaid(edges):
    lines = ["stateDiagram-v2"]
    edges = list(edges)
    lines.append(f"    [*] --> {edges[0][0]}")
    for a, events, b in merged(edges):
        label = " : " + "; ".join(events).replace(":", "&#58;") if events else ""
        lines.append(f"    {a} --> {b}{label}")
    return "\n".join(lines)


def text():
    from tools.chart.tables import CHARTS

    parts = [HEAD]
    for title, words, edges in CHARTS:
        parts.append(f"## {title}\n\n{words}\n\n```mermaid\n{mermaid(edges())}\n```\n")
    return "\n".join(parts)
