# SPDX-License-Identifier: MIT
"""One LED that tells the state, and after a session why it ended: patterns and their table.

A pattern is a row of 0.2 s slots, "#" on and "." off, repeated. A stop reason blinks its group:
so many short flashes, then a pause. The table with its words: tools/led_table.py,
firmware/README.md.
"""

from evcc.compat import const
from evcc.reasons import GOOD

_SLOT_MS = const(200)

STATES = {
    "refused": "####.",
    "unplugged": "#...................",
    "connecting": "#....",
    "session": "#.",
    "power": "#",
    "ending": "#.#.......",
    "paused": "##..................",
}
GROUPS = ("good", "plug", "link", "protocol", "hardware", "service", "software")  # 1, 2.. flashes
_OF = {
    "plug": "UNPLUGGED PILOT_LOST",
    "link": "SLAC_FAILED SDP_FAILED TCP_FAILED LINK_LOST SETUP_TIMEOUT TLS_REFUSED TLS_FAILED",
    "service": "FORCED_OPENING WELD_SUSPECTED WATCHDOG_RESET",
    "hardware": "LOCK_FAILED INLET_VOLTAGE NO_INLET_SENSOR PRECHARGE_FAILED CONTACTOR_FAILED "
    "LIMIT_EXCEEDED OVER_TEMPERATURE VEHICLE_FAULT ISOLATION_FAULT",
    "software": "PROTOCOL_STALLED INTERNAL_ERROR",
}


def group(reason):
    """Name of a StopReason's group; what nobody filed is the protocol's."""
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
        return STATES["refused"]
    if c.result is not None and c.state in ("finished", "unplugged"):
        return flashes(GROUPS.index(group(c.result)) + 1)
    state = c.state
    if c.safety.state not in ("open", "ready", "ac_wait"):
        state = "power"  # also while they open: until feedback says that they have
    elif state in ("closing", "leaving", "finished"):
        state = "ending"
    elif state not in STATES:
        state = "connecting"
    return STATES[state]


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
