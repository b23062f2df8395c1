# SPDX-License-Identifier: MIT
"""Choice of a ScheduleTuple and the EVPowerProfile in it (ISO 15118-20 8.3.4.3.3, 8.3.5.3.41 ff.).

Each tuple is planned (ems.planner) with what the car needs by its departure. The one that misses
least of the target is taken, of those the cheapest: by money where all are in one currency, by
levels where all have levels. How prices count is the vehicle's wish, Demand.strategy: "now" takes
what it gets and looks at prices only between tuples, "cheap" waits for cheap hours, "trade" also
gives back, where the settings allow it in Scheduled mode. Imported around ScheduleExchange only.
"""

from evcc import params_ems
from evcc.compat import const, get_logger
from evcc.ems import planner
from evcc.iso20 import prices
from evcc.iso20.units import number, rational

_POINTS = const(24)  # steps of a plan: breakpoints of up to four schedules
_PHASES = const(("Power", "Power_L2", "Power_L3"))

log = get_logger("evcc.iso20")


class Tuple:
    """A ScheduleTuple in numbers: `id`, `steps`, `kind` of its prices, and what planning gave."""

    def __init__(self, s, offer, most, phases, start):
        """`start`: Unix time from which on we plan, on the station's clock."""
        self.id = offer["ScheduleTupleID"]
        charging = offer["ChargingSchedule"]
        power = charging["PowerSchedule"]
        self.anchor = power["TimeAnchor"]
        self.tolerance = power.get("PowerTolerance")
        margin = number(self.tolerance) if self.tolerance else 0.0
        d, lim = s.vehicle.demand(), s.vehicle.limits()
        give_W = lim.discharge_power if d.plan_discharge_W is None else d.plan_discharge_W
        down = fees_down = None
        if d.plan_charge_W is not None:
            most = min(d.plan_charge_W, s.evse["max_power"])
        up = Series(self.anchor, _entries(power, most, phases, margin))
        if d.strategy == "trade" and s.selected.bpt and s.params.scheduled_discharge:
            back = offer.get("DischargingSchedule")
            if back:
                least = min(give_W, s.evse["max_discharge_power"])
                entries = _entries(back["PowerSchedule"], least, phases, 0.0)
                down = Series(back["PowerSchedule"]["TimeAnchor"], entries)
                fees_down = prices.read(back)
        fees = prices.read(charging)
        self.kind = fees[0] if fees else None
        if fees_down and self.kind != fees_down[0]:
            fees_down = None
        up_price = Series(fees[1], fees[2]) if fees else None
        down_price = Series(fees_down[1], fees_down[2]) if fees_down else None
        if d.strategy == "now":
            up_price = None  # of several tuples the planner still tells which costs less
        self.start = max(start, self.anchor)
        end = min(self.start + d.departure_s, up.end)
        self.steps, at = [], self.start
        while at < end and len(self.steps) < _POINTS:
            till = end
            for series in (up, down, up_price, down_price):
                if series:
                    till = min(till, series.change(at))
            charge, give = [], []
            caps = up.at(at)
            if caps:
                free = [(0.0, 0.0)]
                charge = prices.bands((up_price and up_price.at(at)) or free, caps[0])
            if down and down_price and down.at(at) and down_price.at(at):
                give = prices.bands(down_price.at(at), down.at(at)[0], True)
            self.steps.append((till - at, charge, give))
            at = till
        self._caps = up
        low = d.min_energy
        high = max(d.max_energy, 0.0)
        available = power.get("AvailableEnergy")
        if available and not down:
            high = min(high, number(available))
        target = min(max(d.target_energy, low), high)
        efficiency, wear = s.params.ems_efficiency, s.params.ems_wear_per_kWh / 1000
        if down and d.min_v2x_energy is not None:
            low = self._window(max(low, d.min_v2x_energy), low, target, high, efficiency)
        self.watts, self.cost, self.missing = planner.plan(
            self.steps, target, low, high, efficiency, wear
        )
        if d.strategy == "now" and fees:
            series, at, self.cost = Series(fees[1], fees[2]), self.start, 0.0
            for (seconds, _, _), watts in zip(self.steps, self.watts):
                price = series.at(at)  # at the start of each: good enough to compare
                step = (seconds, prices.bands(price, watts) if price else (), ())
                self.cost += planner.cost(step, watts)
                at += seconds

    def _window(self, floor, low, target, high, efficiency):
        """Floor of each step: `floor` is held once it is reached, and nothing given back before.

        Where the battery is below it now, it is reached as a plan that only charges does."""
        if floor <= 0:
            return floor
        charging = [(seconds, up, ()) for seconds, up, _ in self.steps]
        watts = planner.plan(charging, max(target, floor), low, high, efficiency)[0]
        floors, level = [], 0.0
        for k, w in enumerate(watts):
            level += w * efficiency * charging[k][0] / 3600
            floors.append(floor if level >= floor - 1 else low)
            if level < floor - 1:
                self.steps[k] = charging[k]
        return floors

    def holds(self, limits):
        """May the station count on the profile within its PowerTolerance? A 20th of the power is
        what our regulation keeps easily; a battery that tapers now will not."""
        most = max([abs(watts) for watts in self.watts] + [0.0])
        return (
            self.tolerance is not None
            and number(self.tolerance) >= most / 20
            and limits.charge_power >= most
        )

    def entries(self, least, least_back):
        """EVPowerProfileEntry list and [(s, W)] from the anchor on. Below `least` W (`least_back`
        when giving back) a charger does not run: then it runs shorter."""
        parts = []
        if self.start > self.anchor:
            parts.append((self.start - self.anchor, 0.0, None))
        at = self.start
        for (seconds, _, _), watts in zip(self.steps, self.watts):
            watts = round(watts, 1)
            caps = self._caps.at(at)
            low = least if watts > 0 else least_back
            if 0 < abs(watts) < low and (watts < 0 or low <= caps[0]):
                run = int(seconds * abs(watts) / low)
                parts.append((run, low if watts > 0 else -low, caps))
                parts.append((seconds - run, 0.0, None))
            else:
                parts.append((seconds, watts, caps))
            at += seconds
        entries, numbers = [], []
        for seconds, watts, caps in parts:
            if not seconds:
                continue
            if numbers and numbers[-1][1] == watts:
                numbers[-1] = numbers[-1][0] + seconds, watts
                entries[-1]["Duration"] += seconds
                continue
            numbers.append((seconds, watts))
            entry = {"Duration": seconds, "Power": rational(watts)}
            if caps and len(caps) > 2 and watts > 0:
                for name, share in zip(_PHASES, caps[1:]):
                    entry[name] = rational(watts * share / caps[0])
            entries.append(entry)
        return entries, numbers


class Series:
    """Values over time. `entries`: (seconds, value) from `anchor` on; `end`: after the last."""

    def __init__(self, anchor, entries):
        self._anchor = anchor
        self._entries = entries
        self.end = anchor + sum([entry[0] for entry in entries])

    def at(self, time):
        """The value at `time`, None outside."""
        time -= self._anchor
        if time < 0:
            return None
        for seconds, value in self._entries:
            if time < seconds:
                return value
            time -= seconds
        return None

    def change(self, time):
        """When the value after `time` begins, or for ever."""
        at = self._anchor
        for entry in self._entries:
            if at > time:
                return at
            at += entry[0]
        return at if at > time else 1 << 40


def _entries(power, most, phases, margin):
    """(seconds, (W, and of each phase)) of a PowerSchedule, magnitudes within `most`."""
    found = []
    for entry in power["PowerScheduleEntries"]["PowerScheduleEntry"][:_POINTS]:
        names = _PHASES[:1]
        if phases > 1 and "Power_L2" in entry:
            names = [name for name in _PHASES if name in entry]
        shares = []
        for name in names:
            watts = max(0.0, abs(number(entry[name])) - margin / len(names))
            shares.append(min(watts, most / len(names)))
        found.append((entry["Duration"], [sum(shares)] + shares))
    return found


def choose(s, offers, most, phases, start):
    """The best `Tuple` of the station's list. `most`: W that car and station stand."""
    params_ems.defaults(s.params)
    tuples = [Tuple(s, offer, most, phases, start) for offer in offers]
    kinds = [t.kind for t in tuples]
    comparable = kinds.count(kinds[0]) == len(kinds) and kinds[0] is not None
    best = tuples[0]
    for t in tuples[1:]:
        less = best.missing - t.missing
        if less > 1 or (less > -1 and comparable and t.cost < best.cost - 1e-6):
            best = t
    if len(tuples) > 1:
        log.info("schedule tuple %d of %d", best.id, len(tuples))
    return best
