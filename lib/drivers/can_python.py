# SPDX-License-Identifier: MIT
"""python-can's bus as a CAN bus (port: evcc.can_port): SocketCAN of a Linux board, virtual buses.

CPython only. `bus`: a `can.BusABC`, for instance `can.Bus("can0", interface="socketcan")`.
"""

import can
from evcc.can_port import EXTENDED, MASK
from evcc.compat import const

_POLL_MS = const(100)


class PythonCan:
    def __init__(self, bus):
        self._bus = bus
        self._poll_at = None
        self.length = 0
        self.ready = True
        self.counters = {"received": 0, "sent": 0, "send_refused": 0, "dropped": 0, "bus_off": 0}

    def listen(self, identifiers):
        """Filters of the kernel, where the interface has them."""
        self._bus.set_filters(
            [
                {
                    "can_id": i & MASK,
                    "can_mask": MASK if i & EXTENDED else 0x7FF,
                    "extended": bool(i & EXTENDED),
                }
                for i in identifiers
            ]
            if identifiers
            else None
        )

    def poll(self, now):
        if self._poll_at is not None and now < self._poll_at:
            return
        self._poll_at = now + _POLL_MS
        try:
            self.ready = self._bus.state is not can.BusState.ERROR
        except NotImplementedError:  # this interface does not tell
            self.ready = True

    def receive(self, data):
        while True:
            try:
                message = self._bus.recv(timeout=0)
            except can.CanError:
                self.ready = False
                self.counters["bus_off"] += 1
                return None
            if message is None:
                return None
            if message.is_remote_frame or message.is_error_frame or message.is_fd:
                self.counters["dropped"] += 1
                continue
            self.length = len(message.data)
            data[:] = bytes(message.data).ljust(8, b"\0")
            self.counters["received"] += 1
            number = message.arbitration_id
            return number | EXTENDED if message.is_extended_id else number

    def send(self, identifier, data):
        message = can.Message(
            arbitration_id=identifier & MASK,
            is_extended_id=bool(identifier & EXTENDED),
            data=bytes(data),
        )
        try:
            self._bus.send(message, timeout=0)
        except (can.CanError, ValueError):
            self.counters["send_refused"] += 1
            return False
        self.counters["sent"] += 1
        return True
