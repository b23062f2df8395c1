# SPDX-License-Identifier: MIT
"""Market profile: where a car may give power back, and how much. A user's table, empty at first.

Whether a car may feed a grid is decided by grid codes, station and insurer, not by ISO 15118-20;
so it stays off until the person who owns the car writes it down. Setting `market_profile` holds
the rows, with ";" between them, each `region inlet service charge_W discharge_W`; "*" stands for
any region or inlet, "-" for no limit of the charge power:

    DE CCS2 DC_BPT - 11000; DE CCS2 AC_BPT 11000 4600; * CCS2 GridForming - 3000

The rows for `market_region` and `market_inlet` count. A service is named as in `services`;
GridForming stands for being an island's source (V2L). Charging needs no row; one that is there
limits its power. Loaded around the choice of a service and dropped.
"""

from evcc.compat import const

_HELP = const("region inlet service charge_W discharge_W")


def table(profile):
    """Rows of a text: (region, inlet, service, charge W or None, discharge W).

    Raises ValueError that names the row.
    """
    found = []
    for text in profile.split(";"):
        words = text.split()
        if not words:
            continue
        try:
            region, inlet, service, up, down = words
            up = None if up == "-" else float(up)
            down = float(down)
            if not (up is None or 0 <= up <= 4e6) or not 0 <= down <= 4e6:
                raise ValueError
        except ValueError:
            raise ValueError("'%s' is not '%s'" % (text.strip(), _HELP)) from None
        found.append((region, inlet, service, up, down))
    return found


def band(params, name):
    """(most W to charge or None, most W to discharge) of service `name`, or None without a row.

    Several rows that fit: the lowest of each. Raises ValueError for a row that is none.
    """
    # where nothing else is managed, the settings may not have their defaults
    here = getattr(params, "market_region", ""), getattr(params, "market_inlet", "")
    result = None
    for region, inlet, service, up, down in table(params.market_profile):
        if service != name or region not in ("*", here[0]) or inlet not in ("*", here[1]):
            continue
        if result is None:
            result = up, down
        else:
            lower = result[0] if up is None else up
            if result[0] is not None:
                lower = min(lower, result[0])
            result = lower, min(down, result[1])
    return result


def gives_back(name):
    """May this service take energy out of the car?"""
    return name == "GridForming" or name.endswith("_BPT")


def allowed(params, name):
    """None when service `name` may be used; else why not, as one sentence for a person."""
    try:
        limits = band(params, name)
    except ValueError as error:
        return "market_profile: %s" % error if gives_back(name) else None
    if not gives_back(name):
        return None
    if limits is None:
        return "%s: no row of market_profile for region '%s', inlet '%s'" % (
            name,
            getattr(params, "market_region", ""),
            getattr(params, "market_inlet", ""),
        )
    if not limits[1]:
        return name + ": market_profile allows no discharge power"
    if not params.ev_discharge_power_W or not params.ev_discharge_current_A:
        return name + ": ev_discharge_power_W or ev_discharge_current_A is 0"
    if name == "AC_BPT" and not params.ev_ac_discharge_power_W:
        return name + ": ev_ac_discharge_power_W is 0"
    return None


def bands(params, ac):
    """(W in or None, W out) at most, by the rows of the AC or DC services that may be chosen."""
    try:
        table(params.market_profile)
    except ValueError:  # nothing that cannot be read allows anything
        return None, 0.0
    up, down = 0.0, 0.0
    for name in params.services.split(","):
        name = name.strip()
        if name.startswith("AC") is not ac:
            continue
        row = band(params, name) if allowed(params, name) is None else None
        if row and gives_back(name):
            down = max(down, row[1])
        if up is not None:
            up = max(up, row[0]) if row and row[0] is not None else None
    return up or None, down
