# SPDX-License-Identifier: MIT
"""TCP's states: each event in each state, by hand-made segments."""

from host_tests.charts import walk
from host_tests.net.tcp_peer import ACK, FIN, RST, SYN, Peer
from tools.chart.tables import TCP


class Machine:
    def __init__(self):
        self.peer = Peer()
        self.peer.tcp.close(0)  # the host's connect() has opened it: a CLOSED one to begin with
        self.peer.heard()

    @property
    def tcp(self):
        return self.peer.tcp

    def do(self, event):
        peer, tcp = self.peer, self.peer.tcp
        now = peer.line.now
        ours = tcp._max  # all that we sent is acknowledged by this
        if event == "open":
            tcp.open(now)
        elif event == "close":
            tcp.close(now)
        elif event == "abort":
            tcp.abort(now)
        elif event == "silence":  # with something to say, so that it is missed
            if tcp.state == "SYN_SENT":
                peer.line.run(60000)
            else:
                peer.line.run(120000)
        elif event == "SYN+ACK":
            peer.ack = tcp._max
            peer.say(SYN | ACK)
            if tcp.state == "ESTABLISHED":
                peer.seq = peer.iss + 1
        elif event == "ACK of FIN":
            peer.ack = ours
            peer.say(ACK)
        elif event == "FIN":
            # what we said before the FIN was heard, our FIN was not
            peer.say(FIN | ACK, ack=tcp._una)
            self._fin()
        elif event == "FIN, ACK of FIN":
            peer.ack = ours
            peer.say(FIN | ACK)
            self._fin()
        elif event == "RST":
            peer.say(RST | ACK)

    def _fin(self):
        if self.tcp._rcv == (self.peer.seq + 1) & 0xFFFFFFFF:
            self.peer.seq += 1


# Not asked by the owner: a connection is opened once.
SKIP = [(a, "open") for a in {row[0] for row in TCP} - {"CLOSED"}]
# A FIN that acknowledges nothing new is FIN; without one of ours it is the same there.
SKIP += [("ESTABLISHED", "FIN, ACK of FIN")]


def test_every_event_in_every_state():
    walk(TCP, Machine, lambda m, event: m.do(event), lambda m: m.tcp.state, SKIP)
