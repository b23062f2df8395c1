# SPDX-License-Identifier: MIT
"""What the CAN controllers on SPI share: the port of evcc.can_port, its counters and its pace.

A chip's driver is a SpiCan with registers. Nothing here knows a register.
"""

from evcc.compat import const

_POLL_MS = const(100)


class SpiCan:
    """`spi`: `exchange(out, into)`. `timing`: what the chip wants written for its bit rate.

    `ready` is False when no chip answers: wrong wiring, no power; `poll` tries again. With more
    identifiers than filters, and without any (`_identifiers` is None), all frames are taken. A
    chip has:

    `_begin()`: reset it, set it up; True when it answers as one does
    `_errors()`: 1 frames were lost, 2 the bus is off, both, 0; None: it has lost its settings
    `_get()`: identifier of the next frame in `_rx` from `_AT` on, its length code in `_dlc`;
              None: there is none, -1: that was not a data frame
    `_put(identifier, data)`: True when there was room
    """

    def __init__(self, spi, timing):
        self._exchange = spi.exchange
        self._timing = timing
        self._identifiers = None
        self._poll_at = self.length = 0
        self.counters = {
            "received": 0, "sent": 0, "send_refused": 0, "dropped": 0,
            "overruns": 0, "bus_off": 0, "setups": 0,
        }  # fmt: skip
        self._setup()

    def _setup(self):
        self._count("setups")
        self.ready = False
        self.ready = self._begin()

    def _count(self, what):
        self.counters[what] += 1

    def listen(self, identifiers):
        self._identifiers = identifiers
        self._setup()

    def poll(self, now):
        if now < self._poll_at:
            return
        self._poll_at = now + _POLL_MS
        errors = self._errors() if self.ready else None
        if errors is None:
            self._setup()
            return
        if errors & 1:
            self._count("overruns")
        if errors & 2:
            self._count("bus_off")

    def receive(self, data):
        found = self._get() if self.ready else None
        while found == -1:
            self._count("dropped")
            found = self._get()
        if found is not None:
            self.length = n = min(8, self._dlc & 15)
            for i in range(8):
                data[i] = self._rx[self._AT + i] if i < n else 0
            self._count("received")
        return found

    def send(self, identifier, data):
        sent = self.ready and self._put(identifier, data)
        self._count("sent" if sent else "send_refused")
        return sent
