# SPDX-License-Identifier: MIT
"""A battery management system on a python-can bus: messages of a DBC, encoded by cantools.

For tests and for a bench without a vehicle; it shares no code with the device's side of the bus.
"""

import can


class Battery:
    """`values() -> {signal: number}` in the DBC's units; `bus`: of python-can.

    `step(now)`: sends every message of which all signals have a value, at its cycle time; returns
    when to come back. `silent`: names of messages that are not sent; `heard`: {message: signals}
    of the frames that came.
    """

    def __init__(self, database, bus, values):
        self.database = database
        self.bus = bus
        self.values = values
        self.silent = set()
        self.heard = {}
        self._next = {}

    def step(self, now):
        values = self.values()
        wake = now + 1000
        for message in self.database.messages:
            if not set(message.signal_tree) <= set(values) or not message.cycle_time:
                continue
            if now >= self._next.get(message.name, 0):
                self._next[message.name] = now + message.cycle_time
                if message.name not in self.silent:
                    self._send(message, values)
            wake = min(wake, self._next[message.name])
        while (frame := self.bus.recv(timeout=0)) is not None:
            try:
                message = self.database.get_message_by_frame_id(frame.arbitration_id)
            except KeyError:
                continue
            self.heard[message.name] = message.decode(frame.data)
        return wake

    def _send(self, message, values):
        data = message.encode({name: values[name] for name in message.signal_tree}, strict=False)
        self.bus.send(
            can.Message(
                arbitration_id=message.frame_id,
                is_extended_id=message.is_extended_frame,
                data=data,
            )
        )
