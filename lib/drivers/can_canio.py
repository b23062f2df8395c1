# SPDX-License-Identifier: MIT
"""`canio.CAN` of CircuitPython as a CAN bus; also `adafruit_mcp2515.MCP2515`, which looks alike.

Its port: evcc.can_port. CircuitPython makes an object of each message: fine at the
rates of a vehicle bus behind filters.
"""

from evcc.can_port import EXTENDED
from evcc.compat import const

_POLL_MS = const(100)


class CanioCan:
    """`can`: made with its bit rate, `auto_restart=True` where the port has it.

    `canio`: its module, with Message, Match, RemoteTransmissionRequest and BusState.
    """

    def __init__(self, can, canio):
        self._can = can
        self._canio = canio
        self._listener = can.listen(timeout=0)
        self._poll_at = None
        self.length = 0
        self.ready = True
        self.counters = {
            "received": 0, "sent": 0, "send_refused": 0, "dropped": 0, "bus_off": 0,
        }  # fmt: skip

    def listen(self, identifiers):
        """Match objects; where the port has too few of them all frames are taken."""
        self._listener.deinit()
        Match = self._canio.Match
        matches = [Match(i & 0x1FFFFFFF, extended=bool(i & EXTENDED)) for i in identifiers or ()]
        try:
            self._listener = self._can.listen(matches or None, timeout=0)
        except (ValueError, RuntimeError):  # more than the hardware has
            self._listener = self._can.listen(timeout=0)

    def poll(self, now):
        if self._poll_at is not None and now < self._poll_at:
            return
        self._poll_at = now + _POLL_MS
        self.ready = self._can.state != self._canio.BusState.BUS_OFF
        if not self.ready:
            self.counters["bus_off"] += 1
            self._can.restart()

    def receive(self, data):
        while self._listener.in_waiting():
            message = self._listener.receive()
            if message is None:
                return None
            if isinstance(message, self._canio.RemoteTransmissionRequest):
                self.counters["dropped"] += 1
                continue
            content = message.data
            self.length = n = len(content)
            for i in range(8):
                data[i] = content[i] if i < n else 0
            self.counters["received"] += 1
            return message.id | EXTENDED if message.extended else message.id
        return None

    def send(self, identifier, data):
        message = self._canio.Message(
            id=identifier & 0x1FFFFFFF, data=bytes(data), extended=bool(identifier & EXTENDED)
        )
        try:
            self._can.send(message)
        except (OSError, RuntimeError):  # bus off, mailbox full
            self.counters["send_refused"] += 1
            return False
        self.counters["sent"] += 1
        return True
