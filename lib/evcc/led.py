# SPDX-License-Identifier: MIT
"""One LED that tells the state, and after a session why it ended: patterns and their table.

A pattern is a row of 0.2 s slots, "#" on and "." off, repeated. A stop reason blinks its group:
so many short flashes, then a pause. firmware/README.md has the table, made from here.
"""

from evcc.compat import const
from evcc.reasons import GOOD

_SLOT_MS = const(200)

# state -> (pattern, what a person should read from it)
STATES = {
    "refused": ("####.", "settings refused or no vehicle: it will not charge; see status()"),
    "unplugged": ("#" + "." * 19, "ready, nothing plugged in"),
    "connecting": ("#....", "plugged in: finding and connecting the station"),
    "session": ("#.", "talking to the station, no power yet"),
    "power": ("#", "contactors closed: power may flow"),
    "ending": ("#.#.......", "session ends, contactors open, leaving"),
    "paused": ("##" + "." * 18, "paused: the session goes on later"),
}

# first letters of numbers of reason_texts: group -> (flashes, text)
GROUPS = (
    ("good", 1, "ended as wished: full, or stopped by driver, car or station"),
    ("plug", 2, "connector pulled, or the pilot told a fault of the station"),
    ("link", 3, "no station found, or the connection broke"),
    ("protocol", 4, "station and car did not understand or want each other"),
    ("hardware", 5, "a measured value, a contactor, the lock or the vehicle"),
    ("service", 6, "opened under load, suspected weld or a watchdog reset: have it looked at"),
    ("software", 7, "a fault in this software: please report it with the log"),
)
_OF = {
    "plug": "UNPLUGGED PILOT_LOST",
    "link": "SLAC_FAILED SDP_FAILED TCP_FAILED LINK_LOST SETUP_TIMEOUT TLS_REFUSED TLS_FAILED",
    "service": "FORCED_OPENING WELD_SUSPECTED WATCHDOG_RESET",
    "hardware": "LOCK_FAILED INLET_VOLTAGE NO_INLET_SENSOR PRECHARGE_FAILED CONTACTOR_FAILED "
    "LIMIT_EXCEEDED OVER_TEMPERATURE VEHICLE_FAULT",
    "software": "PROTOCOL_STALLED INTERNAL_ERROR",
}


def group(reason):
    """Name of the group of a StopReason; what nobody filed is the protocol's."""
    if reason in GOOD:
        return "good"
    for name, reasons in _OF.items():
        if reason in reasons.split():
            return name
    return "protocol"


def flashes(n):
    """The pattern of `n` short flashes and a pause."""
    return "#." * n + "." * 8


def shown(device):
    """The pattern for what a device does now."""
    c = device.controller
    if c is None:
        return STATES["refused"][0]
    if c.result is not None and c.state in ("finished", "unplugged"):
        name = group(c.result)
        for row in GROUPS:
            if row[0] == name:
                return flashes(row[1])
    state = c.state
    if c.safety.state in ("closing", "closed"):
        state = "power"
    elif state in ("closing", "leaving", "finished"):
        state = "ending"
    elif state not in STATES:
        state = "connecting"
    return STATES[state][0]


class Led:
    """`switch(on)` on a pin; `device`: see `shown`."""

    def __init__(self, switch, device):
        self._switch = switch
        self._device = device
        self._at = 0
        self._next = 0
        self._pattern = ""

    def step(self, now):
        """Returns when to come back."""
        if now >= self._next:
            self._next = now + _SLOT_MS
            pattern = shown(self._device)
            if pattern != self._pattern:
                self._pattern, self._at = pattern, 0
            self._switch(pattern[self._at] == "#")
            self._at = (self._at + 1) % len(pattern)
        return self._next
