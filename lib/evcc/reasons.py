# SPDX-License-Identifier: MIT
"""StopReason: why a session ended. Exactly one per session; names and numbers never change.

A StopReason is its name, a short text, everywhere: log, LED table, CAN, REPL, EVTerminationCode.
What a driver should read and do stands in reason_texts.py, which a session does not load.
"""

NUMBERS = {
    "COMPLETED": 1,
    "USER_STOP": 2,
    "STATION_TERMINATE": 3,
    "STATION_PAUSE": 4,
    "UNPLUGGED": 10,
    "PILOT_LOST": 11,
    "SLAC_FAILED": 12,
    "SDP_FAILED": 13,
    "TCP_FAILED": 14,
    "LINK_LOST": 15,
    "TLS_REFUSED": 16,
    "SETUP_TIMEOUT": 17,
    "NO_PROTOCOL": 20,
    "MESSAGE_TIMEOUT": 21,
    "PHASE_TIMEOUT": 22,
    "WRONG_MESSAGE": 23,
    "WRONG_SESSION_ID": 24,
    "UNDECODABLE": 25,
    "RESPONSE_FAILED": 26,
    "UNEXPECTED_MESSAGE": 27,
    "NOT_AUTHORIZED": 28,
    "NO_SERVICE": 29,
    "INCOMPATIBLE_LIMITS": 30,
    "LOCK_FAILED": 31,
    "INLET_VOLTAGE": 32,
    "NO_INLET_SENSOR": 33,
    "PRECHARGE_FAILED": 34,
    "CONTACTOR_FAILED": 35,
    "LIMIT_EXCEEDED": 36,
    "OVER_TEMPERATURE": 37,
    "WELD_SUSPECTED": 38,
    "FORCED_OPENING": 40,
    "VEHICLE_FAULT": 41,
    "PROTOCOL_STALLED": 42,
    "INTERNAL_ERROR": 50,
}

# A session with one of these ended as somebody wished.
GOOD = ("COMPLETED", "USER_STOP", "STATION_TERMINATE", "STATION_PAUSE")


class V2GError(Exception):
    """Ends the session. `reason`: a name of NUMBERS; `detail`: what was seen, for the log."""

    def __init__(self, reason, detail=""):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self):
        return self.reason + (": " + self.detail if self.detail else "")
