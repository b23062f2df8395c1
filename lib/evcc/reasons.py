# SPDX-License-Identifier: MIT
"""StopReason: why a session ended. Exactly one per session; names and numbers never change.

A StopReason is its name, a short text, everywhere: log, LED table, CAN, REPL, EVTerminationCode.
Numbers and what a driver should read stand in reason_texts.py, which a session does not load.
"""

# A session with one of these ended as somebody wished.
PAUSES = ("USER_PAUSE", "STATION_PAUSE")  # of these the session is kept, to be resumed
GOOD = ("COMPLETED", "USER_STOP", "STATION_TERMINATE") + PAUSES


class V2GError(Exception):
    """Ends the session. `reason`: a name of reason_texts.ROWS; `detail`: what was seen."""

    def __init__(self, reason, detail=""):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self):
        return self.reason + (": " + self.detail if self.detail else "")
