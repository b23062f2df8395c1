# SPDX-License-Identifier: MIT
"""lib/evcc/STOP_REASONS.md: every StopReason, what happened and what to do about it."""

HEAD = """# Stop reasons

Each session ends with exactly one; names and numbers never change. The name is what log, REPL and
trace show, and what the station reads as EVTerminationCode in SessionStopReq, where the session
got as far as that and did not end as somebody wished. (A station that broke the protocol or the
link hears nothing more: the car opens its contactors without current and closes the connection.)

Made by `python -m tools.pages` from `reason_texts.py` and `tools/pages/reasons.py`.

| number | StopReason | EVTerminationCode | what happened | what to do |
|---|---|---|---|---|
"""

# What to do about it.
ADVICE = {
    "COMPLETED": "Nothing.",
    "USER_STOP": "Nothing.",
    "STATION_TERMINATE": "Nothing, or ask the station why: display, tariff, time limit.",
    "STATION_PAUSE": "Stay plugged in: the session is kept and goes on.",
    "USER_PAUSE": "Resume it, or pull the plug.",
    "UNPLUGGED": "Plug in again. Never pull a locked connector.",
    "PILOT_LOST": "Try another station; if all do so, check the pilot wire and its diode.",
    "SLAC_FAILED": "Plug in again; the detail tells: no answer, or too weak ones.",
    "SDP_FAILED": "Plug in again, then try another station: its network part did not start.",
    "TCP_FAILED": "Plug in again, then try another station.",
    "LINK_LOST": "Plug in again. Keep the trace: noise, or a station that gave up.",
    "TLS_REFUSED": "Try another station. Only on a bench: allow_iso20_without_tls, sdp_plain_ok.",
    "TLS_FAILED": "Read the detail. Check pki_dir, the roots in it, and that the clock is right.",
    "SETUP_TIMEOUT": "Plug in again; a slow processor may need a longer setup_timeout_s.",
    "OTHER_STATION": "Plug in again: a new session begins.",
    "NO_PROTOCOL": "Check protocols and services; the station may know only older protocols.",
    "MESSAGE_TIMEOUT": 'Plug in again; timing_profile = "field" gives slow stations more time.',
    "PHASE_TIMEOUT": 'Plug in again; timing_profile = "field", or a longer phase (TIMES.md).',
    "WRONG_MESSAGE": "A fault of the station. Keep the trace and report it.",
    "WRONG_SESSION_ID": "A fault of the station. Keep the trace and report it.",
    "UNDECODABLE": "A fault of the station, or of ours. Keep the trace and report it.",
    "RESPONSE_FAILED": "The code in the detail is the station's own word for what it dislikes.",
    "UNEXPECTED_MESSAGE": "A fault of the station. Keep the trace and report it.",
    "NOT_AUTHORIZED": "Show card or app at the station sooner, or set authorization_s higher.",
    "NO_SERVICE": "Check services, inlet, control_mode and market_profile.",
    "INCOMPATIBLE_LIMITS": "Another station: its voltage or power does not suit this car.",
    "LOCK_FAILED": "Push the connector in fully, try again; check the lock and its feedback.",
    "INLET_VOLTAGE": "Do not touch the inlet. Have station and contactors checked.",
    "NO_INLET_SENSOR": "Connect an inlet voltage sensor: DC cannot go without one.",
    "PRECHARGE_FAILED": "Try another station; check inlet sensor and precharge_tolerance_V.",
    "CONTACTOR_FAILED": "Have the contactors, their drivers and the feedback wire checked.",
    "LIMIT_EXCEEDED": "Leave this station until it was checked; check our own sensors too.",
    "OVER_TEMPERATURE": "Let it cool. Clean or replace the connector's contacts.",
    "WELD_SUSPECTED": "Do not touch the inlet. Service: a contactor has to be measured.",
    "PAUSE_REFUSED": "Plug in again to charge; do not pause at this station.",
    "FORCED_OPENING": "Service: contactors wear by it; the station did not stop its current.",
    "VEHICLE_FAULT": "Read the detail: the battery management's own words.",
    "PROTOCOL_STALLED": "A fault of this software. Please report it with the trace.",
    "WATCHDOG_RESET": "Unplug and plug in again. Please report it with the log.",
    "ISOLATION_FAULT": "Do not touch the car's high voltage parts. Service needed.",
    "INTERNAL_ERROR": "Please report it with the trace.",
}


def text():
    from evcc.iso20.session import stop_request
    from evcc.reason_texts import ROWS

    lines = []
    for number, name, words in sorted(ROWS):
        code = stop_request(name).get("EVTerminationCode")
        code = f"`{code}`" if code else "none: a wanted end"
        lines.append(f"| {number} | `{name}` | {code} | {words} | {ADVICE[name]} |")
    return HEAD + "\n".join(lines) + "\n"
