# SPDX-License-Identifier: MIT
"""The parameter table of energy management and of giving back. Rows as in params.TABLE.

A table of its own, so that a session that manages nothing does not carry it: `params` looks here
for a key that it does not know, and who manages takes the defaults. What turns it on,
`ems_mode` and `market_profile`, stands in params.TABLE.
"""

TABLE = (
    ("market_region", ""),  # where the car is, as market_profile names it
    ("market_inlet", ""),  # inlet, as market_profile names it: CCS1, CCS2, NACS
    ("scheduled_discharge", False),  # Scheduled mode: plan to give back, too
    ("utc_offset_min", 0, -840, 840, "min"),  # local time less UTC, for hours of the day
    ("ems_departure", ""),  # local time of departure, like 07:00; else departure_s
    ("ems_cheap_hours", ""),  # cheap: when to charge, like 22:00-05:00,13:00-15:00
    ("ems_sell_hours", ""),  # v2g: when to give back; empty: any time
    ("ems_reserve_soc", 30, 0, 100, "%"),  # v2h, v2g, v2l: held back for driving
    ("ems_v2x_max_soc", 80, 0, 100, "%"),  # v2h, v2g: upper end of the window told to stations
    ("ems_own_Wh", 0.0, 0.0, 50000.0, "Wh"),  # what the car itself will use before departure
    ("ems_min_C", 0.0, -40.0, 40.0, "°C"),  # battery temperature: no giving back below
    ("ems_max_C", 45.0, 0.0, 80.0, "°C"),  # battery temperature: no giving back above
    ("ems_session_cycles", 1.0, 0.0, 100.0),  # full cycles given back in a session, at most
    ("ems_day_cycles", 1.0, 0.0, 100.0),  # full cycles given back in a day, at most
    ("ems_efficiency", 0.95, 0.5, 1.0),  # plans: of one way between wire and battery
    ("ems_wear_per_kWh", 0.0, 0.0, 100.0),  # plans: battery wear of a kWh given back, money
)


def defaults(settings):
    """Set what is not set yet to its default."""
    for row in TABLE:
        if not hasattr(settings, row[0]):
            setattr(settings, row[0], row[1])


def check(name, value):
    """Texts with a form of their own. Raises ValueError."""
    if name == "market_profile":
        from evcc.market import table

        table(value)
    elif name == "ems_departure":
        from evcc.ems.hours import departure

        departure(value)
    elif name.endswith("_hours"):
        from evcc.ems.hours import spans

        spans(value)
