# SPDX-License-Identifier: MIT
"""IPv6 host of the simulated station: the device's host (evcc.net) plus what only a server needs.

TCP passive open (RFC 9293 section 3.10.7.2) and as many connections at a time as cars ask for; UDP
as in `Host`. Device code stays client only. A `Conn` works like `evcc.net.tcp.Tcp`: on_data, send,
close, abort, state, error.

    host = StationHost(mac, send, os.urandom)
    host.udp_bind(15118, on_datagram); host.listen(61851, on_connect)
    host.start(now); host.feed(frame, now); deadline = host.step(now)
"""

from evcc.net.host import Host
from evcc.net.tcp import Tcp

_SYN, _RST, _ACK = 2, 4, 16
_SYN_MS, _SYNS = 500, 6
_BACKLOG = 16  # connections in all, half open and closed ones leave


class Conn(Tcp):
    """One accepted connection."""

    def accept(self, fields, options, on_connect, now):
        """Answers a SYN from `address`/`port`."""
        self.local_port = fields[1]
        self._on_connect = on_connect
        self._begin(now)
        self._take_mss(options)
        self._rcv = (fields[2] + 1) & 0xFFFFFFFF
        self._wnd, self._wl = fields[6], fields[2]
        self.mac = self.host.frame_mac
        self.source = self.host.source_for(self.address)
        self.state = "SYN_RECEIVED"
        self._nxt = self._max = (self._una + 1) & 0xFFFFFFFF
        self._tries = 0
        self._timeout(now)

    def _timeout(self, now):
        if self.state != "SYN_RECEIVED":
            return super()._timeout(now)
        if self._tries >= _SYNS:
            return self._end("timeout")
        self._tries += 1
        self._emit(_SYN | _ACK, self._una, 0)
        self._timed = (self._max, now) if self._tries == 1 else None
        self._timer = now + (_SYN_MS << (self._tries - 1))

    def segment(self, fields, options, data, now):
        if self.state == "SYN_RECEIVED":
            _, _, seq, ack, _, flags, window = fields
            if flags & _RST:
                if seq == self._rcv:
                    self._end("reset")
                return
            if flags & _SYN:
                if (seq + 1) & 0xFFFFFFFF == self._rcv:
                    self._emit(_SYN | _ACK, self._una, 0)
                return
            if not flags & _ACK or ack != self._max:
                return self.host.refuse(fields, self.address, len(data))
            self.state, self._wnd, self._wl = "ESTABLISHED", window, seq
            self._acknowledged(1, ack, now)
            self._on_connect(self)
        super().segment(fields, options, data, now)

    def abort(self, now):
        if self.state == "SYN_RECEIVED":
            self.state = "ESTABLISHED"  # RST needs the same form
        super().abort(now)


class StationHost(Host):
    """Host with TCP servers. `connections`: those that are not closed yet."""

    def __init__(self, mac, send, urandom, params=None):
        super().__init__(mac, send, urandom, params)
        self._listeners = {}
        self._connections = {}  # (address, port, local port) -> Conn

    @property
    def connections(self):
        return [c for c in self._connections.values() if c.state != "CLOSED"]

    def listen(self, port, on_connect):
        """Calls on_connect(conn) for each connection to `port`; None: refuse them (RST) from now
        on.
        """
        if on_connect is None:
            self._listeners.pop(port, None)
        else:
            self._listeners[port] = on_connect

    def stop(self):
        """Forgets connections and neighbours, keeps UDP ports and listeners."""
        super().stop()
        self._connections = {}

    def in_use(self, address):
        return super().in_use(address) or any(c.address == address for c in self.connections)

    def tcp_in(self, fields, source, options, data, now):
        key = (source, fields[0], fields[1])
        conn = self._connections.get(key)
        syn = fields[5] & (_SYN | _ACK | _RST) == _SYN
        if conn is not None and syn and conn.state == "TIME_WAIT":
            conn.state = "CLOSED"  # RFC 9293 section 3.6.1: a new SYN may take the place
        if conn is not None and conn.state != "CLOSED":
            return conn.segment(fields, options, data, now)
        on_connect = self._listeners.get(fields[1])
        if not syn or on_connect is None:
            return super().tcp_in(fields, source, options, data, now)
        self._sweep()
        if len(self._connections) >= _BACKLOG:
            return self.count("tcp_backlog")
        conn = self._connections[key] = Conn(self, source, fields[0])
        conn.accept(fields, options, on_connect, now)

    def _sweep(self):
        for key, conn in list(self._connections.items()):
            if conn.state == "CLOSED":
                del self._connections[key]

    def step(self, now):
        deadline = super().step(now)
        for conn in list(self._connections.values()):
            t = conn.step(now)
            if t is not None and t < deadline:
                deadline = t
        return deadline
