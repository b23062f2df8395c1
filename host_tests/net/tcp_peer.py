# SPDX-License-Identifier: MIT
"""A TCP peer by hand, in simulated time: says what it is told, keeps what it hears."""

from host_tests.net import frames
from host_tests.net.frames import segments
from host_tests.net.line import SE, SE_MAC, Inbox, Line

SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
EXAMPLE_SYN = bytes.fromhex(
    "0200005e5e020200000e0e0186dd6000000000180640fe80000000000000000000fffe0e0e01fe8000000000"
    "0000000000fffe5e5e02c351f19b112233440000000060020b405aed00000204 05a0".replace(" ", "")
)


class Peer:
    """A peer by hand: says what it is told, keeps what it hears. Our host alone, no station."""

    def __init__(self, seed=1, mss=1440, window=8000):
        self.line = Line(seed)
        self.line.se.feed = lambda frame, now: None
        self.line.ready()
        self.host = self.line.ev
        self.host.learn(SE, SE_MAC, self.line.now)
        self.line.log.clear()
        self.tcp = self.host.connect(SE, 61851, self.line.now)
        self.inbox = self.tcp.on_data = Inbox()
        self.mss, self.window = mss, window
        self.iss = self.seq = 0xFFFFFF00  # wraps soon
        self.ack = None

    def say(self, flags=ACK, data=b"", seq=None, ack=None, window=None, options=b"", src=61851):
        """One segment to us, now."""
        frame = frames.tcp(
            src, self.tcp.local_port, self.seq if seq is None else seq,
            (self.ack or 0) if ack is None else ack, flags,
            self.window if window is None else window, data, options,
        )  # fmt: skip
        self.host.feed(frame, self.line.now)

    def heard(self):
        """Segments that we sent since the last time."""
        s = segments(self.line.log)
        self.line.log.clear()
        return s

    def wait(self, ms):
        self.line.run(ms)
        return self.heard()

    def established(self):
        (syn,) = self.heard()
        self.ack = syn.seq + 1
        mss = b"" if self.mss is None else b"\2\4" + self.mss.to_bytes(2, "big")
        self.line.run(10)
        self.say(SYN | ACK, options=mss)
        self.seq += 1
        (ack,) = self.heard()
        assert (ack.flags, ack.seq, ack.ack) == (ACK, self.ack, self.seq & 0xFFFFFFFF)
        assert self.tcp.state == "ESTABLISHED"
        return self
