# SPDX-License-Identifier: MIT
"""Frame port whose frames cross the border: for a network interface instead of a modem."""


class FramePort:
    def __init__(self, border):
        self._border = border
        self._rx = bytearray(1520)
        self._view = memoryview(self._rx)
        self._two = bytearray(2)
        self.ready = False
        self.restarts = 0
        self.counters = {"received": 0, "sent": 0, "send_refused": 0}

    def poll(self, now):
        self._border.ask(76, b"", self._two)  # L: up, times it came up
        self.ready = self._two[0] != 0
        self.restarts = self._two[1]

    def next_poll(self, now):
        return now + 50

    def receive(self):
        self._border.ask(71, b"", self._two)  # G: length of the next frame
        n = self._two[0] | self._two[1] << 8
        if not n:
            return None
        frame = self._view[:n]
        self._border.ask(103, b"", frame)  # g: the frame
        self.counters["received"] += 1
        return frame

    def send(self, frame):
        one = memoryview(self._two)[:1]
        self._border.ask(70, frame, one)  # F
        good = one[0] != 0
        self.counters["sent" if good else "send_refused"] += 1
        return good
