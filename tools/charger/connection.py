# SPDX-License-Identifier: MIT
"""One TCP connection of the station: V2GTP framing around a Secc, answers sent when they are due.

Shared by the emulated station and the one on a real interface. With `tls` (a TlsServer) everything
goes through it.
"""

import heapq
import struct

from evcc import v2gtp

from tools.charger.tls import TlsError

_LIMIT = 16384  # a CertificateInstallationReq is the largest request


class Connection:
    """secc: Secc; send(bytes) -> bool (False: try again later); close(abort) ends TCP."""

    def __init__(self, secc, send, close, tls=None):
        self.secc, self._raw_send, self._close = secc, send, close
        self.tls = tls
        self._queue = []  # (send_at, place, bytes)
        self._place = 0
        self.closed = False
        self._now = 0
        self.framer = v2gtp.Framer(self._message, limit=_LIMIT)

    def receive(self, data, now):
        """Bytes from TCP, in order."""
        if self.closed:
            return
        if self.tls:
            try:
                data = self.tls.feed(data)
            except TlsError as error:
                self.tls.flush(self._raw_send)  # the alert
                self.secc.blame("tls", str(error), now)
                self.secc.end(f"TLS: {error}", now)
                self.secc.close_at = now
            self.tls.flush(self._raw_send)
        self.framer.feed(memoryview(data), now)
        if self.framer.error:
            self.secc.blame("framing", self.framer.error, now)
            self.secc.end(f"V2GTP: {self.framer.error}", now)
        self.step(now)

    def _message(self, payload_type, payload, now):
        for at, kind, message in self.secc.handle(payload_type, payload, now):
            frame = struct.pack(">BBHI", 0x01, 0xFE, kind, len(message)) + message
            size = self.secc.split or len(frame)
            self.secc.split = 0
            for i in range(0, len(frame), size):
                self._place += 1
                heapq.heappush(self._queue, (at, self._place, frame[i : i + size]))

    def _send(self, data):
        """Plaintext or, below TLS, its records; False when earlier ones still wait."""
        if self.tls is None:
            return self._raw_send(data)
        if not self.tls.flush(self._raw_send):
            return False
        self.tls.write(data)
        self.tls.flush(self._raw_send)
        return True

    def step(self, now):
        """Send what is due, close when the session says so. Returns the next deadline in ms."""
        deadline = self.secc.step(now)
        if self.tls and not self.closed and not self.tls.flush(self._raw_send):
            deadline = min(deadline, now + 5)
        while self._queue and self._queue[0][0] <= now and not self.closed:
            if not self._send(self._queue[0][2]):
                return now + 5
            heapq.heappop(self._queue)
        if self.secc.close_at is not None and now >= self.secc.close_at and not self.closed:
            self.closed = True
            self._close(self.secc.abort)
        if self._queue and not self.closed:
            deadline = min(deadline, self._queue[0][0])
        return max(deadline, now + 1)

    def lost(self, reason, now):
        """TCP has gone: by FIN, RST or error. Without a SessionStop that is the car's failure."""
        if not self.closed:
            self.closed = True
            if self.secc.state != "SessionStop":
                self.secc.end(f"TCP {reason}", now)
