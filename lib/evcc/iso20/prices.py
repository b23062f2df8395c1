# SPDX-License-Identifier: MIT
"""Price schedules of ISO 15118-20 (8.3.5.3.49 ff.) as plain bands: AbsolutePriceSchedule with its
rules by power and its taxes, and PriceLevelSchedule.

A rule holds from its PowerRangeStart upward (negative for feed-in: the magnitude counts). Fees
are per kWh; what a discharging schedule names is paid to the car. Minimum and maximum cost,
parking and overstay fees and additional services do not depend on when energy flows: skipped.
Level 0 is the cheapest; levels are compared with each other only.
"""

from evcc.compat import const
from evcc.iso20.units import number, optional

_POINTS = const(24)  # entries looked at; what we ask a station for is less


def read(schedule):
    """(kind, TimeAnchor, [(seconds, [(W from which on, price a Wh)])]) of a Charging- or
    DischargingSchedule, or None without prices. `kind`: the currency, or "level"."""
    prices = schedule.get("AbsolutePriceSchedule")
    if prices:
        factor = _taxes(prices.get("TaxRules"))
        stacked = prices["PriceAlgorithm"].endswith("StackedEnergy")
        entries = []
        for stack in prices["PriceRuleStacks"]["PriceRuleStack"][:_POINTS]:
            rules = []
            for rule in stack["PriceRule"]:
                fee = number(rule["EnergyFee"]) / 1000 * factor
                rules.append((abs(number(rule["PowerRangeStart"])), fee))
            rules.sort()
            entries.append((stack["Duration"], rules if stacked else _by_power(rules)))
        return prices["Currency"], prices["TimeAnchor"], entries
    levels = schedule.get("PriceLevelSchedule")
    if levels:
        entries = []
        for entry in levels["PriceLevelScheduleEntries"]["PriceLevelScheduleEntry"][:_POINTS]:
            entries.append((entry["Duration"], [(0.0, entry["PriceLevel"] / 1000)]))
        return "level", levels["TimeAnchor"], entries
    return None


def _taxes(rules):
    """Factor on an energy fee."""
    factor = 1.0
    for rule in rules["TaxRule"] if rules else ():
        if rule["AppliesToEnergyFee"] and not rule.get("TaxIncludedInPrice"):
            factor += optional(rule, "TaxRate", 0.0) / 100
    return factor


def _by_power(rules):
    """Fees of the whole power, as 1-Power and 2-PeakPower have them, as prices of each band.

    The band between two rules costs what passing all of it adds to the bill.
    """
    if len(rules) < 2:
        return rules
    bands = [rules[0]]
    for k in range(1, len(rules)):
        start, fee = rules[k]
        # up to the next rule; the last one as wide again as the distance to its start
        end = rules[k + 1][0] if k + 1 < len(rules) else 2 * start
        if end > start:
            before = rules[k - 1][1]
            bands.append((start, (fee * end - before * start) / (end - start)))
    return bands


def bands(entry, watts, falling=False):
    """[(W, price)] that fill `watts`, for the planner. `entry`: of `read`; rising prices, falling
    for what is paid to us: a band that breaks that counts as its neighbour, never better."""
    found, price = [], None
    for k in range(len(entry)):
        start, fee = entry[k]
        if k == 0:
            start = 0.0
        end = entry[k + 1][0] if k + 1 < len(entry) else watts
        width = min(end, watts) - start
        if price is not None:
            fee = min(fee, price) if falling else max(fee, price)
        price = fee
        if width > 0:
            found.append((width, fee))
    return found
