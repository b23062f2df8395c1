# SPDX-License-Identifier: MIT
"""Walks a state chart of tools/chart on the real object: every state, and every event in it.

`walk(edges, make, do, look, skip)`: `make()` gives a machine in the start state, `do(machine,
event)` lets an event happen, `look(machine)` its state. Each state is reached by a way of the
table; then each event must lead where the table says, and change nothing where it says nothing.
"""

from tools.chart.tables import reach


def walk(edges, make, do, look, skip=()):
    """Returns the set of edges taken. `skip`: (state, event) that make no sense to try."""
    edges = list(edges)
    start = edges[0][0]
    ways = reach(edges, start)
    events = sorted({event for _, event, _ in edges})
    table = {(a, event): b for a, event, b in edges}
    assert len(table) == len(edges), "two edges for one event"
    taken = set()
    for state in sorted(ways):
        for event in events:
            if (state, event) in skip:
                assert (state, event) not in table
                continue
            machine = make()
            for step in ways[state]:
                do(machine, step)
            assert look(machine) == state, (state, ways[state], look(machine))
            do(machine, event)
            after = table.get((state, event), state)
            assert look(machine) == after, f"{state} --{event}--> {look(machine)}, not {after}"
            if (state, event) in table:
                taken.add((state, event, after))
    assert taken == set(edges)
    return taken
