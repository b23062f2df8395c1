# SPDX-License-Identifier: MIT
"""Price schedules as bands of power."""

import pytest
from evcc.iso20 import prices
from evcc.iso20.units import rational

URN = "urn:iso:std:iso:15118:-20:PriceAlgorithm:"


def absolute(stacks, algorithm="1-Power", taxes=None, currency="EUR", anchor=0):
    """`stacks`: [(seconds, [(PowerRangeStart, fee per kWh)])]."""
    price_stacks = [
        {
            "Duration": seconds,
            "PriceRule": [
                {"EnergyFee": rational(fee), "PowerRangeStart": rational(start)}
                for start, fee in rules
            ],
        }
        for seconds, rules in stacks
    ]
    schedule = {
        "TimeAnchor": anchor,
        "PriceScheduleID": 1,
        "Currency": currency,
        "Language": "eng",
        "PriceAlgorithm": URN + algorithm,
        "PriceRuleStacks": {"PriceRuleStack": price_stacks},
    }
    if taxes:
        schedule["TaxRules"] = {"TaxRule": taxes}
    return {"AbsolutePriceSchedule": schedule}


def levels(entries, anchor=0):
    entries = [{"Duration": d, "PriceLevel": level} for d, level in entries]
    schedule = {
        "TimeAnchor": anchor,
        "PriceScheduleID": 1,
        "NumberOfPriceLevels": 4,
        "PriceLevelScheduleEntries": {"PriceLevelScheduleEntry": entries},
    }
    return {"PriceLevelSchedule": schedule}


def test_none():
    assert prices.read({"PowerSchedule": {}}) is None


def test_one_rule():
    kind, anchor, entries = prices.read(absolute([(900, [(0, 0.3)]), (1800, [(0, 0.2)])]))
    assert (kind, anchor) == ("EUR", 0)
    assert [e[0] for e in entries] == [900, 1800]
    assert entries[0][1] == [(0, pytest.approx(3e-4))]
    assert prices.bands(entries[1][1], 11000) == [(11000, pytest.approx(2e-4))]


def test_levels():
    kind, _, entries = prices.read(levels([(900, 0), (900, 2)]))
    assert kind == "level"
    assert entries[0][1][0][1] < entries[1][1][0][1]


def test_tax_on_energy_alone():
    def tax(rate, energy, included=None):
        rule = {"TaxRuleID": 1, "TaxRate": rational(rate), "AppliesToEnergyFee": energy}
        if included is not None:
            rule["TaxIncludedInPrice"] = included
        return rule

    taxes = [tax(20, True), tax(5, False), tax(7, True, True), tax(10, True, False)]
    _, _, entries = prices.read(absolute([(900, [(0, 0.1)])], taxes=taxes))
    assert entries[0][1][0][1] == pytest.approx(1.3e-4)


def test_stacked_energy_prices_each_band_by_itself():
    stacks = [(900, [(4000, 0.4), (0, 0.2)])]
    _, _, entries = prices.read(absolute(stacks, "3-StackedEnergy"))
    bands = prices.bands(entries[0][1], 11000)
    assert bands == [(4000, pytest.approx(2e-4)), (7000, pytest.approx(4e-4))]
    assert prices.bands(entries[0][1], 3000) == [(3000, pytest.approx(2e-4))]


def test_power_algorithm_prices_the_whole_power():
    """All of 8 kW at 0.40 costs 3.20 an hour: that is the sum over the bands, too."""
    _, _, entries = prices.read(absolute([(900, [(0, 0.2), (4000, 0.4)])]))
    bands = prices.bands(entries[0][1], 8000)
    assert sum(w * price for w, price in bands) == pytest.approx(3.2)


def test_a_band_that_gets_cheaper_counts_as_its_neighbour():
    _, _, entries = prices.read(absolute([(900, [(0, 0.4), (4000, 0.1)])], "3-StackedEnergy"))
    found = [price for _, price in prices.bands(entries[0][1], 8000)]
    assert found == sorted(found)


def test_feed_in_ranges_are_negative_and_what_is_paid_falls():
    stacks = [(900, [(0, 0.1), (-4000, 0.2)])]
    _, _, entries = prices.read(absolute(stacks, "3-StackedEnergy"))
    bands = prices.bands(entries[0][1], 8000, True)
    assert [w for w, _ in bands] == [4000, 4000]
    assert bands[1][1] <= bands[0][1]
