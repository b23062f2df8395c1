# SPDX-License-Identifier: MIT
"""lib/evcc/TIMES.md: how long the car waits, by the standard and in the field, and why."""

HEAD = """# Times

How long the car waits, in seconds. The setting `timing_profile` chooses: `strict` (default) is
the standard's value, `field` gives more time where real stations need it. The time of a message
runs from the moment its request is handed to the connection; a phase is a request that is
repeated while the station says Ongoing, and prompt answers do not stretch it. Past either, the
car stops safely (MESSAGE_TIMEOUT, PHASE_TIMEOUT).

Made by `python -m tools.pages` from the tables in `iso20/flow.py`, `iso20/ac.py` and
`slac/matching.py`.

## ISO 15118-20 session

| request | answer, strict | field | phase, strict | field | origin | why more in the field |
|---|---|---|---|---|---|---|
"""

MESSAGE = "V2G_EVCC_Msg_Timeout, ISO 15118-20 8.7"
PHASE = "V2G_EVCC_Ongoing_Timeout, ISO 15118-20 8.7"
_BACKEND = "stations ask their backend or power stage before they answer"

# request: (origin where it is not MESSAGE, reason of the field value)
NOTES = {
    "Authorization": (
        f"{MESSAGE}; phase: setting `authorization_s`, as the 60 s of {PHASE} are too short for a "
        "customer with a card",
        "",
    ),
    "ServiceDetail": ("5 s for this message in the same table", ""),
    "DC_ChargeParameterDiscovery": (MESSAGE, _BACKEND),
    "AC_ChargeParameterDiscovery": (MESSAGE, _BACKEND),
    "ScheduleExchange": (f"{MESSAGE}; phase: {PHASE}", ""),
    "DC_CableCheck": (f"{MESSAGE}; phase: V2G_EVCC_CableCheck_Timeout 40 s, a setting", ""),
    "DC_PreCharge": (
        f"{MESSAGE}; phase: V2G_EVCC_PreCharge_Timeout 10 s, a setting",
        "some stations need up to 30 s to ramp (uhi22/ccs32clara ccs/pevStateMachine.cpp)",
    ),
    "PowerDelivery": (
        MESSAGE,
        "EVerest's Evse15118D20 holds the answer until its contactor has closed, 1.4 to 3 s",
    ),
    "DC_ChargeLoop": (
        "[V2G20-1500]",
        "one frame lost on the power line costs a retransmission time-out of TCP",
    ),
    "AC_ChargeLoop": (
        "[V2G20-1500]",
        "one frame lost on the power line costs a retransmission time-out of TCP",
    ),
    "DC_WeldingDetection": (f"{MESSAGE}; phase: EVerest's 60 s, the standard names none", ""),
}

SLAC = """
## Matching (ISO 15118-3)

Both profiles are the same here: what can be late on the power line is asked again.

| step | longest wait, s | sendings |
|---|---|---|
"""


def rows():
    """Rows of the tables, DC first: (request, stream, ms, phase, field ms, phase, follows)."""
    from evcc.iso20 import ac, flow

    from tools.chart import tables

    table = tables.rows(flow.FLOW)
    return table + [row for row in tables.rows(ac.FLOW) if row[0].startswith("AC_")]


def why(row):
    """(origin, reason) of a row. Raises ValueError where a field value has no reason."""
    origin, reason = NOTES.get(row[0], (MESSAGE, ""))
    if row[2:4] != row[4:6] and not reason:
        raise ValueError(f"{row[0]}: a field value of its own needs its reason in tools/pages")
    return origin, reason


def text():
    from evcc.slac.matching import STEPS

    lines = []
    for row in rows():
        origin, reason = why(row)
        name, _, ms, phase, field_ms, field_phase, _ = row
        cells = [name, _s(ms), _s(field_ms), _phase(phase), _phase(field_phase), origin, reason]
        lines.append("| " + " | ".join(cells) + " |")
    steps = [f"| {name} | {_s(ms)} | {n} |" for name, ms, n in STEPS]
    return HEAD + "\n".join(lines) + "\n" + SLAC + "\n".join(steps) + "\n"


def _s(ms):
    return f"{ms / 1000:g}"


def _phase(value):
    if isinstance(value, str):
        from evcc.params import TABLE

        default = next(row[1] for row in TABLE if row[0] == value)
        return f"{default:g} (`{value}`)"
    return "" if value is None else f"{value:g}"
