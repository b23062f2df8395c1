# SPDX-License-Identifier: MIT
"""SECC discovery protocol, EV side: where is the station's TCP port, and does it want TLS?

ISO 15118-20 clause 7.8.3.1 ff. (same as ISO 15118-2): a 10-byte request by UDP to ff02::1 port
15118, again 250 ms after the last one, 50 times at most; the first valid answer counts. The
answer's frame also tells the station's MAC. Anybody on the line can forge an answer: a wrong one
is counted, and ends nothing. An answer "no TLS" to a request for TLS is not taken unless setting
`sdp_plain_ok` says so. No wireless SDP (0x9002), no EMSP lists.
"""

from struct import pack_into, unpack_from

from evcc.compat import const, get_logger
from evcc.net.ipv6 import ALL_NODES, is_unicast, text
from evcc.v2gtp import SDP_REQ, SDP_RES, pack_header

log = get_logger("evcc.sdp")

_PORT = const(15118)
_PERIOD_MS = const(250)
_TIMES = const(50)
_TLS = const(0x00)
_PLAIN = const(0x10)


class Sdp:
    """`result`: None or (address, port, tls, mac); mac None if the answer named another host than
    its sender.
    `failure`: None or what was seen. Settings: sdp_plain_ok (False)."""

    def __init__(self, host, urandom, tls, params):
        self.host = host
        self.tls = tls
        self.plain_ok = not tls or params.sdp_plain_ok
        self.result = self.failure = None
        self.sent = self.refused = 0
        self.counters = {"answers": 0, "bad": 0, "no_tls": 0}
        self._port = 0xC000 | int.from_bytes(urandom(2), "big") & 0x3FFF
        self._next = None

    def start(self, now):
        """Begins, or begins anew."""
        self.result = self.failure = None
        self.sent = self.refused = 0
        self.host.udp_bind(self._port, self._answer)
        self._next = now
        self.step(now)
        return self

    def stop(self):
        self._next = None
        self.host.udp_bind(self._port, None)

    def step(self, now):
        """Asks when it is time; returns the next deadline (absolute ms)."""
        if self._next is None:
            return now + 60000
        if now >= self._next:
            if not self.host.ready:
                return now + 50
            if self.sent + self.refused >= _TIMES:
                self.stop()
                c = self.counters
                self.failure = "no answer to %d SDP requests" % self.sent
                if self.refused:
                    self.failure += ", %d could not be sent" % self.refused
                if c["no_tls"]:
                    self.failure = "the station offers no TLS"
                elif c["bad"]:
                    self.failure += ", %d bad ones" % c["bad"]
                log.warning("%s", self.failure)
                return now + 60000
            request = bytearray(10)
            pack_header(request, SDP_REQ, 2)
            pack_into("BB", request, 8, _TLS if self.tls else _PLAIN, 0)
            if self.host.udp_send(ALL_NODES, _PORT, self._port, request, now):
                self.sent += 1
            else:
                self.refused += 1
            self._next = now + _PERIOD_MS
        return self._next

    def _answer(self, source, source_port, data, now):
        c = self.counters
        if len(data) < 28:
            c["bad"] += 1
            return
        mark, kind, size = unpack_from(">HHI", data, 0)
        address = bytes(data[8:24])
        port, security, transport = unpack_from(">HBB", data, 24)
        if (
            (mark, kind, size, transport) != (0x01FE, SDP_RES, 20, 0)
            or not port
            or not is_unicast(address)
            or security not in (_TLS, _PLAIN)
        ):
            c["bad"] += 1
        elif security == _PLAIN and not self.plain_ok:
            c["no_tls"] += 1
        else:
            c["answers"] += 1
            mac = self.host.frame_mac if address == source else None
            if mac:
                self.host.learn(address, mac, now)
            self.result = (address, port, security == _TLS, mac)
            self.stop()
            log.info("SECC %s port %d%s", text(address), port, "" if security else " TLS")
