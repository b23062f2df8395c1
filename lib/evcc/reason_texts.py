# SPDX-License-Identifier: MIT
"""For people: each StopReason, its number and what happened. No session loads it.

What to do about each stands in tools/pages/reasons.py: no device shows it.
"""

ROWS = (
    (1, "COMPLETED", "The car has what it wanted."),
    (2, "USER_STOP", "Stopped by the driver."),
    (3, "STATION_TERMINATE", "The station asked to end the session."),
    (4, "STATION_PAUSE", "The station asked for a pause. The session is kept."),
    (5, "USER_PAUSE", "Paused by the driver or the car. The session is kept."),
    (10, "UNPLUGGED", "The connector was pulled (pilot state A)."),
    (
        11,
        "PILOT_LOST",
        "The pilot signalled a fault of the station (state E, F or no oscillator).",
    ),
    (12, "SLAC_FAILED", "No station was found on the power line. Try again or re-plug."),
    (13, "SDP_FAILED", "The station's controller did not answer the discovery."),
    (14, "TCP_FAILED", "The station refused or never answered the TCP connection."),
    (15, "LINK_LOST", "The connection to the station broke."),
    (
        16,
        "TLS_REFUSED",
        "The station speaks no TLS that this car takes, and it does not go without.",
    ),
    (17, "SETUP_TIMEOUT", "From link to session took longer than the standard allows."),
    (
        18,
        "TLS_FAILED",
        "Car and station could not agree on a secure connection, or one is not trusted.",
    ),
    (19, "OTHER_STATION", "This is not the station at which the session was paused. Re-plug."),
    (20, "NO_PROTOCOL", "Station and car share no protocol."),
    (21, "MESSAGE_TIMEOUT", "The station did not answer a message in time."),
    (
        22,
        "PHASE_TIMEOUT",
        "The station kept answering 'ongoing' for longer than the phase may take.",
    ),
    (23, "WRONG_MESSAGE", "The station answered with another message than the one asked for."),
    (24, "WRONG_SESSION_ID", "The station answered under another session id."),
    (25, "UNDECODABLE", "The station's answer could not be decoded."),
    (26, "RESPONSE_FAILED", "The station refused a message with a FAILED code."),
    (27, "UNEXPECTED_MESSAGE", "The station sent a message that was not asked for."),
    (28, "NOT_AUTHORIZED", "The station did not authorise charging in time."),
    (29, "NO_SERVICE", "The station offers no service that this car may use."),
    (30, "INCOMPATIBLE_LIMITS", "The station's limits do not fit this battery."),
    (31, "LOCK_FAILED", "The connector did not lock."),
    (32, "INLET_VOLTAGE", "Voltage at the inlet where there must be none."),
    (33, "NO_INLET_SENSOR", "No inlet voltage is measured, so DC contactors may not close."),
    (34, "PRECHARGE_FAILED", "The station's voltage did not reach the battery's."),
    (35, "CONTACTOR_FAILED", "A contactor did not do what it was told."),
    (36, "LIMIT_EXCEEDED", "Measured voltage or current passed a limit of the battery."),
    (37, "OVER_TEMPERATURE", "The inlet is too hot."),
    (
        38,
        "WELD_SUSPECTED",
        "Voltage stayed after opening: a contactor may be welded. Service needed.",
    ),
    (
        39,
        "PAUSE_REFUSED",
        "The station does not keep sessions: instead of a pause it ended this one.",
    ),
    (
        40,
        "FORCED_OPENING",
        "Current did not stop in time, contactors were opened under load. Service.",
    ),
    (41, "VEHICLE_FAULT", "The vehicle reported a fault."),
    (42, "PROTOCOL_STALLED", "The protocol stopped working while contactors were closed."),
    (
        43,
        "WATCHDOG_RESET",
        "The controller stopped and its watchdog reset it: outputs fell at once.",
    ),
    (44, "ISOLATION_FAULT", "The car's isolation monitor reports a fault. Service needed."),
    (50, "INTERNAL_ERROR", "A fault in this software. Please report it with the trace."),
)


def number(reason):
    """Of a StopReason; 0 for what is none."""
    return _row(reason)[0]


def text(reason):
    """What happened."""
    return _row(reason)[2]


def _row(reason):
    for row in ROWS:
        if row[1] == reason:
            return row
    return 0, reason, ""
