# SPDX-License-Identifier: MIT
"""The policy that chooses a parameter set: rank, permission, what is not usable."""

import pytest
from evcc.iso20 import service
from evcc.params import Params

ISLAND = "* * DC_BPT - 5000; * * AC_BPT - 5000; * * GridForming - 3000"


def a_set(number=1, **values):
    return {
        "ParameterSetID": number,
        "Parameter": [{"Name": n, "intValue": v} for n, v in values.items()],
    }


def settings(**values):
    params = Params()
    for name, value in values.items():
        params.set(name, value)
    return params


def taken(sets, name="DC_BPT", forms_grid=False, **values):
    params = settings(**values)
    best, most = None, -1
    for row in sets:
        c = service.choice(name, row)
        points, _ = service.judge(c, params, forms_grid)
        if points > most:
            best, most = c.set_id, points
    return best


SETS = [
    a_set(0, Connector=2, ControlMode=1, MobilityNeedsMode=1, Pricing=1),
    a_set(1, Connector=2, ControlMode=1, MobilityNeedsMode=1, Pricing=2),
    a_set(2, Connector=2, ControlMode=2, MobilityNeedsMode=1, Pricing=0),
    a_set(3, Connector=4, ControlMode=2, MobilityNeedsMode=2, Pricing=0),
    a_set(4, Connector=4, ControlMode=1, MobilityNeedsMode=1, Pricing=0),
]


@pytest.mark.parametrize(
    "wish, number",
    [
        ({"control_mode": "Dynamic"}, 2),
        ({"control_mode": "Dynamic", "mobility_needs_mode": 2}, 3),
        ({"control_mode": "Scheduled", "pricing": "absolute"}, 0),
        ({"control_mode": "Scheduled", "pricing": "levels"}, 1),
        ({"control_mode": "Scheduled", "pricing": "none"}, 4),
        ({"control_mode": "Dynamic", "connector": 4}, 3),
        ({"control_mode": "Scheduled", "connector": 4, "pricing": "absolute"}, 4),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_rank(wish, number, turned):
    """The station's order has no meaning, unless two fit equally well."""
    assert taken(SETS[::-1] if turned else SETS, **wish) == number


def test_needs_of_the_station_are_for_dynamic_only():
    sets = [a_set(1, ControlMode=1, MobilityNeedsMode=2), a_set(2, ControlMode=1)]
    assert taken(sets, control_mode="Scheduled", mobility_needs_mode=2) == 2


def test_unknown_and_missing_values():
    assert taken([a_set(1, ControlMode=7)]) is None
    assert taken([a_set(1, Unheard=3)]) == 1
    c = service.choice("DC", a_set(1, Unheard=3, Pricing=9))
    assert (c.control_mode, c.mobility_needs_mode, c.pricing) == ("Scheduled", 1, "none")


@pytest.mark.parametrize(
    "name, profile, forms_grid, usable",
    [
        ("AC_BPT", ISLAND, True, True),
        ("AC_BPT", ISLAND, False, False),
        ("AC_BPT", "* * AC_BPT - 5000", True, False),
        ("DC_BPT", ISLAND, True, True),
        ("DC_BPT", ISLAND, False, False),  # nobody would stop the source for a silent station
        ("DC_BPT", "", False, False),
    ],
)
def test_grid_forming_needs_permission_and_an_inverter(name, profile, forms_grid, usable):
    sets = [a_set(5, ControlMode=2, MobilityNeedsMode=1, GeneratorMode=2)]
    more = {"market_profile": profile, "ev_ac_discharge_power_W": 3000.0}
    more.update(ev_discharge_power_W=3000.0, ev_discharge_current_A=10.0)
    assert (taken(sets, name, forms_grid, **more) == 5) == usable


def test_what_is_stored_of_a_choice_comes_back():
    c = service.choice("DC_BPT", a_set(3, ControlMode=2, MobilityNeedsMode=2, BPTChannel=2))
    again = service.restored(service.kept(c))
    for name in (
        "name",
        "id",
        "set_id",
        "control_mode",
        "mobility_needs_mode",
        "bpt",
        "separated",
    ):
        assert getattr(again, name) == getattr(c, name)
