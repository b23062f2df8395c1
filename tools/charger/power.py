# SPDX-License-Identifier: MIT
"""Power over time: what the house or grid behind the station wants, and what is left of it.

A plan is a list of (seconds since the charge loop began, watts): positive charges the car,
negative asks energy back. Between the entries the value holds; a ramp limit smooths the steps.
`setpoint` turns the wish into amperes inside the limits of both sides. Which limits those are
stands in secc/dc.py; no clause of a standard is implemented here.
"""


class PowerPlan:
    """steps: [(t_s, W), ...] with rising times, the first at 0; ramp_W_s: slope, 0 = none;
    stop_s: when the station ends the session, None = never; stop: the EVSENotification for it."""

    def __init__(self, steps=((0, 11000),), ramp_W_s=0, stop_s=None, stop="Terminate"):
        steps = [(float(t), float(w)) for t, w in steps]
        if not steps:
            raise ValueError("a power plan needs at least one step [seconds, watts]")
        for (a, _), (b, _) in zip(steps, steps[1:], strict=False):
            if b <= a:
                raise ValueError(f"times must rise: {b:g} s comes after {a:g} s")
        if steps[0][0] != 0:
            raise ValueError(f"the first step must be at 0 s, not at {steps[0][0]:g} s")
        self.steps = steps
        self.ramp_W_s = float(ramp_W_s)
        self.stop_s = stop_s
        self.stop = stop

    def at(self, t):
        """Watts wanted t seconds after the loop began (the ramp starts at each step's time)."""
        value = 0.0 if self.ramp_W_s else self.steps[0][1]
        for i, (start, goal) in enumerate(self.steps):
            if t < start:
                break
            if not self.ramp_W_s:
                value = goal
                continue
            end = self.steps[i + 1][0] if i + 1 < len(self.steps) else t
            most = self.ramp_W_s * (min(t, end) - start)
            value = min(goal, value + most) if goal > value else max(goal, value - most)
        return value

    def stopped(self, t):
        return self.stop_s is not None and t >= self.stop_s

    def schedule(self, horizon_s=86400):
        """[(duration s, W), ...] that covers horizon_s: the plan as a schedule, ramps left out."""
        end = self.stop_s if self.stop_s else horizon_s
        times = [t for t, _ in self.steps if t < end] + [end]
        return [
            (max(1, round(b - a)), w)
            for (a, b), (_, w) in zip(
                zip(times, times[1:], strict=False), self.steps, strict=False
            )
        ]

    @classmethod
    def parse(cls, text, **options):
        """From a command line: "11000", "0:11000,60:-7000", "0:11k,60:-7k"."""
        steps = []
        for part in text.split(","):
            t, _, w = part.rpartition(":")
            scale = 1000 if w.strip().lower().endswith("k") else 1
            try:
                steps.append((float(t or 0), float(w.strip().lower().rstrip("kw")) * scale))
            except ValueError:
                raise ValueError(
                    f"power {part!r}: expected WATTS or SECONDS:WATTS, e.g. 0:11k,60:-7k"
                ) from None
        return cls(steps, **options)


def setpoint(watts, voltage, charge, discharge):
    """Amperes for a wish of `watts` at `voltage`; returns (amperes, cause).

    charge, discharge: (most amperes, most watts) in each direction, as magnitudes.
    cause: None, "power" or "current": which limit of those cut the wish.
    """
    amperes, power = charge if watts >= 0 else discharge
    if voltage < 1:
        return 0.0, None
    wish = abs(watts)
    size, cause = wish / voltage, None
    if wish > power:
        size, cause = power / voltage, "power"
    if size > amperes:
        size, cause = amperes, "current"
    return (size if watts >= 0 else -size), cause
