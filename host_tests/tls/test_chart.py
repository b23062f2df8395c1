# SPDX-License-Identifier: MIT
"""TLS client's states: each event in each state."""

import pytest

pytest.importorskip("cryptography")

from host_tests.charts import walk
from host_tests.tls.link import Pair, pki
from host_tests.tls.server import Server
from tools.chart.tables import TLS


class Machine:
    def __init__(self):
        _, root, leaf, identity = pki("P-256")
        self.server = Server(leaf)
        self.pair = Pair(self.server, root, identity, tls_profile="bench")

    @property
    def tls(self):
        return self.pair.tls

    def do(self, event):
        pair, tls = self.pair, self.pair.tls
        if event == "start":
            tls.start(pair.now)
            while not pair.sent:  # its hello is out
                tls.step(pair.now)
        elif event == "station's handshake":
            if tls.state == "handshake":
                pair.run(start=False)
            else:  # a second flight
                pair.to_client(b"\x16\x03\x03\x00\x04" + b"\x02\x00\x00\x00")
        elif event == "close":
            tls.close()
        elif event == "garbage":
            pair.to_client(b"\xff" * 40)
        elif event in ("alert", "close_notify"):
            level, number = (2, 40) if event == "alert" else (1, 0)
            if tls.state == "ready":
                pair.to_client(self.server.alert(number, level))
            else:
                pair.to_client(b"\x15\x03\x03\x00\x02" + bytes((level, number)))
        elif event == "connection lost":
            tls.lost()
        elif event == "20 s":
            pair.now += 21000
        for _ in range(3):
            tls.step(pair.now)


# A client is started once; a plain record where records are sealed is garbage, in the table.
SKIP = [(a, "start") for a in ("handshake", "ready", "closed", "failed")]
SKIP += [("ready", "station's handshake")]


def test_every_event_in_every_state():
    walk(TLS, Machine, lambda m, event: m.do(event), lambda m: m.tls.state, SKIP)
