# SPDX-License-Identifier: MIT
"""`machine.CAN` of MicroPython (1.28 and newer; STM32, MIMXRT, Alif) as a CAN bus.

Its port: evcc.can_port. Its API is marked as low level and new by MicroPython's
documentation (micropython/micropython docs/library/machine.CAN.rst); classic frames only.
"""

from evcc.can_port import EXTENDED
from evcc.compat import const

_POLL_MS = const(100)


class MachineCan:
    """`can`: a `machine.CAN` that was made with its bit rate."""

    def __init__(self, can):
        self._can = can
        self._four = [0, memoryview(bytearray(8)), 0, 0]
        self._poll_at = None
        self.length = 0
        self.ready = True
        self.counters = {
            "received": 0, "sent": 0, "send_refused": 0, "dropped": 0, "overruns": 0, "bus_off": 0,
        }  # fmt: skip
        can.set_filters(None)

    def listen(self, identifiers):
        """As many filters as the controller has: with more identifiers, or none, all are taken."""
        can = self._can
        if not identifiers or len(identifiers) > can.FILTERS_MAX:
            can.set_filters(None)
            return
        filters = []
        for i in identifiers:
            if i & EXTENDED:
                filters.append((i & 0x1FFFFFFF, 0x1FFFFFFF, can.FLAG_EXT_ID))
            else:
                filters.append((i, 0x7FF, 0))
        try:
            can.set_filters(filters)
        except ValueError:  # this controller counts them otherwise
            can.set_filters(None)

    def poll(self, now):
        if self._poll_at is not None and now < self._poll_at:
            return
        self._poll_at = now + _POLL_MS
        can = self._can
        self.ready = can.state() != can.STATE_BUS_OFF
        if not self.ready:
            self.counters["bus_off"] += 1
            can.restart()

    def receive(self, data):
        can = self._can
        while True:
            found = can.recv(self._four)
            if found is None:
                return None
            identifier, view, flags, errors = found
            if errors:
                self.counters["overruns"] += 1
            if flags & can.FLAG_RTR:
                self.counters["dropped"] += 1
                continue
            self.length = n = len(view)
            for i in range(8):
                data[i] = view[i] if i < n else 0
            self.counters["received"] += 1
            return identifier | EXTENDED if flags & can.FLAG_EXT_ID else identifier

    def send(self, identifier, data):
        can = self._can
        flags = can.FLAG_EXT_ID if identifier & EXTENDED else 0
        try:
            queued = can.send(identifier & 0x1FFFFFFF, data, flags)
        except OSError:  # bus off
            queued = None
        self.counters["sent" if queued is not None else "send_refused"] += 1
        return queued is not None
