# SPDX-License-Identifier: MIT
"""Simulated time and the order in which things happen: deterministic by its seed.

A part is anything with `step(now) -> deadline`: do what is due at `now` (ms, whole number, never
wraps) and say at which absolute time to be called again (None: only when woken). Parts due at the
same millisecond run in the order in which they were added. It does not know what the parts are;
frames, wires and volts are theirs.
"""

import heapq
import random
import time


class Stuck(RuntimeError):
    """Parts keep waking one another without time going on: a loop in the emulation."""


class World:
    """The clock and the scheduler. `now` is ms since the start; 0 is power-on.

    `seed` feeds `rng`, the one source of chance (take `rng_for(name)` to stay independent of the
    other parts' use of it). With `realtime` each millisecond lasts one on the wall clock; a world
    that has fallen behind runs as fast as it can until it has caught up, and `late_ms` keeps the
    worst lag.
    """

    MOST_STEPS_PER_MS = 20_000

    def __init__(self, seed=1, realtime=False):
        self.seed = seed
        self.now = 0
        self.rng = random.Random(seed)
        self.realtime = realtime
        self.late_ms = 0
        self.steps = 0
        self._parts = {}  # id of a part -> its entry [the one valid deadline, place, part]
        self._heap = []  # (deadline, place, entry); what the entry contradicts is stale
        self._places = 0  # places in the line of parts due at the same time
        self._wall = None
        self._wall_now = 0

    def rng_for(self, name):
        """A generator of its own for `name`: same seed and name, same numbers."""
        return random.Random(f"{self.seed}/{name}")

    def urandom_for(self, name):
        """`urandom(n) -> bytes` for device code, repeatable. Never for keys that matter."""
        return self.rng_for(name).randbytes

    def clock(self):
        """`now` as a call, for ports that want a clock."""
        return self.now

    # ---- parts -----------------------------------------------------------------------------

    def add(self, part, at=None):
        """Take `part` in; it is stepped first at `at` (default: now). Returns the part."""
        if id(part) in self._parts:
            raise ValueError(f"{part!r} is in this world already")
        self._places += 1
        entry = self._parts[id(part)] = [None, self._places, part]
        self._set(entry, self.now if at is None else at)
        return part

    def remove(self, part):
        """No further steps for `part`; nothing happens if it is not there."""
        entry = self._parts.pop(id(part), None)
        if entry:
            entry[0] = None

    def wake(self, part):
        """Something happened to `part` from outside: step it within this millisecond.

        Only ever earlier, never later than what the part asked for; a part that is not (or no
        longer) in the world is left alone.
        """
        self.wake_at(part, self.now)

    def wake_at(self, part, when):
        """Like `wake`, for a time to come."""
        entry = self._parts.get(id(part))
        if entry and (entry[0] is None or when < entry[0]):
            self._set(entry, max(when, self.now))

    def at(self, when, call, *args):
        """`call(*args)` once at `when` (ms, absolute; the past means now)."""
        return self.add(_Once(self, call, args), max(when, self.now))

    def after(self, delay, call, *args):
        """`call(*args)` once, `delay` ms from now."""
        return self.at(self.now + delay, call, *args)

    # ---- time ------------------------------------------------------------------------------

    def run(self, until):
        """Run everything due up to and including `until` (ms, absolute); then now == until."""
        self.run_until(None, until)

    def run_until(self, predicate, limit):
        """Run until `predicate()` is true, asked after each step, or `limit` (ms, absolute).

        Returns whether it became true. With a predicate the clock stops where it came true.
        """
        if predicate is not None and predicate():
            return True
        heap, parts = self._heap, self._parts
        count, ms = 0, self.now
        while heap:
            due, place, entry = heap[0]
            if due != entry[0]:
                heapq.heappop(heap)
                continue
            if due > limit:
                break
            heapq.heappop(heap)
            if due > self.now:
                self._pass(due)
            now = self.now
            if now != ms:
                count, ms = 0, now
            count += 1
            part = entry[2]
            if count > self.MOST_STEPS_PER_MS:
                raise Stuck(f"{count} steps at {now} ms, the last by {part!r}")
            entry[0] = None
            self.steps += 1
            deadline = part.step(now)
            if deadline is not None and parts.get(id(part)) is entry:
                if deadline <= self.now:
                    deadline = self.now + 1
                if entry[0] is None or deadline < entry[0]:
                    entry[0] = deadline
                    heapq.heappush(heap, (deadline, place, entry))
            if predicate is not None and predicate():
                return True
        if limit > self.now:
            self._pass(limit)
        return False

    def pass_for(self, part, ms):
        """Called by `part` in its step: it works for `ms`, and the others go on meanwhile.

        What wakes it in that time finds it busy and wakes it afterwards.
        """
        entry = self._parts.pop(id(part))
        due, entry[0] = entry[0], None
        end = self.now + ms
        self.run(end)
        self._parts[id(part)] = entry
        self._set(entry, end if due is None else max(due, end))

    # ---- inside ----------------------------------------------------------------------------

    def _set(self, entry, when):
        entry[0] = when
        heapq.heappush(self._heap, (when, entry[1], entry))

    def _pass(self, when):
        if self.realtime:
            wall = time.monotonic()
            if self._wall is None:
                self._wall, self._wall_now = wall, self.now
            ahead = self._wall + (when - self._wall_now) / 1000 - wall
            if ahead > 0:
                time.sleep(ahead)
            else:
                self.late_ms = max(self.late_ms, int(-ahead * 1000))
        self.now = when


class _Once:
    def __init__(self, world, call, args):
        self.world, self.call, self.args = world, call, args

    def step(self, now):
        self.world.remove(self)
        self.call(*self.args)
