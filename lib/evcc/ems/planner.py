# SPDX-License-Identifier: MIT
"""The cheapest way to a target: when to charge, when to give back, under prices and limits.

A storage problem with linear costs, solved exactly in one pass. While the steps go by in time,
what could still be changed is kept in one list, cheapest first: energy that could have been
charged, and energy that could have been kept instead of given back. Giving back is assumed first.
Whenever the level would fall below `low` the cheapest of the list is taken; what would lift it
above `high` is dropped from the dear end. Nothing taken or dropped needs to be looked at again,
because the list is the sorted slopes of a convex cost. Two or so entries a step: no matrix.

Energies in Wh at the battery relative to now, powers in W at the wire, prices per Wh at the wire.
Not here: prices that fall with power, minimum powers, anything about the wire (iso20/plan.py).
"""

from evcc.compat import const

_SECONDS = const(3600.0)
_TINY = const(1e-9)  # a price so small that it only breaks ties: do not give back for nothing


def plan(steps, target, low, high, efficiency=1.0, wear=0.0):
    """([W of each step], cost, Wh missing of the target); W: + charges, - gives back.

    `steps`: tuples (seconds, charge, discharge): bands `(W, price)` above each other; prices rise
    from band to band of `charge` and fall in `discharge`, where they are what is paid to us.
    `low`: floor of the level at the end of each step, above 0: charge first; a list has one for
    each step. `high`: ceiling.
    `efficiency`: of one way. `wear`: price of a Wh given back, for the battery.
    A price paid to us above the one that we pay in the same step counts as equal: one cable
    carries one direction.
    """
    taken = [0.0] * len(steps)  # Wh at the battery
    open_ = []  # [price a Wh, Wh, step], cheapest first
    level = 0.0
    for k in range(len(steps)):
        seconds, charge, discharge = steps[k]
        for watts, price in charge:
            energy = watts * seconds / _SECONDS * efficiency
            _insert(open_, price / efficiency, energy, k)
        most = charge[0][1] / efficiency if charge else None
        for watts, price in discharge:
            energy = watts * seconds / _SECONDS / efficiency
            price = (price - wear) * efficiency - _TINY
            if most is not None and price > most:
                price = most
            taken[k] -= energy
            level -= energy
            _insert(open_, price, energy, k)
        level = _take(open_, taken, level, low[k] if type(low) is list else low)
        over = level - high
        for entry in open_:
            over += entry[1]
        while over > 0 and open_:
            last = open_[-1]
            if last[1] <= over:
                over -= last[1]
                open_.pop()
            else:
                last[1] -= over
                over = 0
    level = _take(open_, taken, level, target)
    while open_ and open_[0][0] < 0:  # paid for taking it
        _, energy, k = open_.pop(0)
        taken[k] += energy
        level += energy
    watts, total = [], 0.0
    for k in range(len(steps)):
        energy = taken[k]
        energy = energy / efficiency if energy > 0 else energy * efficiency
        watts.append(energy * _SECONDS / steps[k][0])
        total += cost(steps[k], watts[k], wear)
    return watts, total, max(0.0, target - level)


def cost(step, watts, wear=0.0):
    """What `watts` in this step cost; negative: paid to us, less the wear."""
    seconds, charge, discharge = step
    sign = 1.0 if watts > 0 else -1.0
    total, left = 0.0, abs(watts)
    for most, price in charge if watts > 0 else discharge:
        part = min(left, most)
        left -= part
        total += part * (price if watts > 0 else price - wear)
    return sign * total * seconds / _SECONDS


def _insert(open_, price, energy, k):
    """Into its place; after those of the same price: what came first is used first."""
    if energy <= 0:
        return
    at = len(open_)
    while at and open_[at - 1][0] > price:
        at -= 1
    open_.insert(at, [price, energy, k])


def _take(open_, taken, level, wanted):
    """Use the cheapest until the level is as wanted, or nothing is left; returns the level."""
    while level < wanted and open_:
        first = open_[0]
        energy = wanted - level
        if first[1] > energy:
            first[1] -= energy
            taken[first[2]] += energy
            return wanted
        open_.pop(0)
        taken[first[2]] += first[1]
        level += first[1]
    return level
