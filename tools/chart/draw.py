# SPDX-License-Identifier: MIT
"""A state chart as a picture: states in a column by their distance from the start, edges as arcs.

Down the column on the right, back up on the left; an edge to the state itself is a loop.
"""

from tools.chart.page import merged

_STEP, _WIDTH = 1.0, 3.0


def order(edges):
    """The states in the order in which they come up."""
    states = []
    for a, _, b in edges:
        for state in (a, b):
            if state not in states:
                states.append(state)
    rank = {}
    for a, _, _ in edges:  # rows of the table are in the order of a good session
        rank.setdefault(a, len(rank))
    return sorted(states, key=lambda state: rank.get(state, len(rank)))


def draw(title, edges, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    states = order(edges)
    at = {state: -i * _STEP for i, state in enumerate(states)}
    joined = merged(edges)
    reach = max((abs(at[a] - at[b]) for a, _, b in joined), default=1)
    height = 1.2 + 0.9 * len(states)
    figure, axes = pyplot.subplots(figsize=(14, height))
    for state in states:
        axes.add_patch(
            FancyBboxPatch(
                (0.1 - _WIDTH / 2, at[state] - 0.15), _WIDTH - 0.2, 0.3, zorder=3,
                boxstyle="round,pad=0.08", facecolor="#e8f0fe", edgecolor="#345",
            )
        )  # fmt: skip
        axes.text(0, at[state], state, ha="center", va="center", fontsize=10, zorder=4)
    used = {}
    for a, events, b in joined:
        words = "\n".join(events)
        near = at[b] - at[a] == -_STEP
        if a == b:
            axes.annotate("↻", (_WIDTH / 2 + 0.1, at[a]), fontsize=13, va="center", color="#345")
            continue
        down = at[b] < at[a]
        side = 0 if near else (1 if down else -1)
        start = (side * _WIDTH / 2, at[a] - (0.22 if near else 0.08 * (1 if down else -1)))
        end = (side * _WIDTH / 2, at[b] + (0.22 if near else 0.08 * (1 if down else -1)))
        length = abs(at[a] - at[b])
        bend = 0 if near else (0.9 if length > 1 else 0.5) * min(1, 4 / length + 0.25)
        axes.add_patch(
            FancyArrowPatch(
                start, end, connectionstyle=f"arc3,rad={-bend}", arrowstyle="-|>",
                mutation_scale=13, color="#345" if near else "#79a", lw=1.2, zorder=2,
            )
        )  # fmt: skip
        if words:
            middle = (at[a] + at[b]) / 2
            x = 0.08 if near else side * (_WIDTH / 2 + bend * length / 2 + 0.1)
            row = round(middle * 4), side
            used[row] = used.get(row, 0) + 1
            axes.text(
                x, middle - 0.16 * (used[row] - 1), words.replace("\n", "; "),
                fontsize=8, va="center", color="#234", zorder=4,
                ha="left" if side >= 0 else "right",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
            )  # fmt: skip
    edge = _WIDTH / 2 + reach * 0.45 + 2.5
    axes.set_xlim(-edge, edge)
    axes.set_ylim(min(at.values()) - 0.7, 0.9)
    axes.set_title(title)
    axes.axis("off")
    figure.savefig(path, dpi=80, bbox_inches="tight")
    pyplot.close(figure)
