# SPDX-License-Identifier: MIT
"""One TCP connection, client side (RFC 9293), small enough for a microcontroller.

Retransmission with RFC 6298 estimation and back-off (Karn's rule kept), zero-window probes,
sender's silly window avoidance, RST and SYN checks of RFC 5961, one run of out-of-order data kept,
FIN both ways. Each received data segment is acknowledged at once, by the answer if the owner gives
one in `on_data`. At most two segments are in flight: no congestion window is needed for that.
Time-outs count attempts, not milliseconds, so a device that slept for seconds resumes. Not here:
SACK, window scale, time stamps, urgent data, keep-alive (the layer above talks all the time),
passive open (tools/charger/net.py).
"""

from struct import pack_into

from evcc.compat import const, get_logger

log = get_logger("evcc.tcp")

WINDOW = const(2880)  # two full segments: what a QCA7000 buffers for us as well
_MSS = const(1440)
_BUFFER = const(640)  # send buffer: a message of a session; a bigger one borrows a bigger one
_MOST = const(16384)
_SYN_MS = const(300)  # first SYN time-out, doubles; a power line often loses the first
_SYNS = const(3)  # per source port
_PORTS = const(3)  # source ports tried: some stations refuse the first connect after plug-in
_RTO_MS = const(500)  # before a round trip was measured
_MIN_MS = const(100)
_MAX_MS = const(2000)
_KEPT_MS = const(600)  # of a back-off, until a round trip was measured again: V2G waits 2 s only
_RETRIES = const(12)
_PROBE_MS = const(1000)
_LINGER_MS = const(
    2000
)  # TIME_WAIT: ports do not come again soon, so only a lost last ACK matters
_PEER_DONE = const(("LAST_ACK", "CLOSING", "TIME_WAIT"))  # its FIN was here
_FIN = const(1)
_SYN = const(2)
_RST = const(4)
_PSH = const(8)
_ACK = const(16)


def after(a, b):
    """a - b of two sequence numbers, signed"""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Tcp:
    """`state` by RFC 9293 ("CLOSED" at the end); `error`: None or "refused", "reset", "timeout",
    "closed by peer", "unreachable". `on_data(memoryview, now)` gets bytes in order; copy what is
    to stay.
    """

    def __init__(self, host, address, port):
        self.host = host
        self.address = address
        self.port = port
        self.state = "CLOSED"
        self.error = self.on_data = self.mac = None
        self._small = self._queue = bytearray(_BUFFER)
        self._attempt = 0

    # ---- for the owner

    def open(self, now):
        """Sends SYN; again, from a new source port, after a refusal or three time-outs."""
        self._attempt += 1
        self.local_port = self.host.new_port()
        self._begin(now)
        self.state = "SYN_SENT"
        self._timeout(now)

    def send(self, data, now):
        """Queues all of `data` and sends what the window allows; False: nothing was taken."""
        n, head = len(data), self._head
        if self.state != "ESTABLISHED" or self._len + n > _MOST:
            return False
        queue = self._queue
        if head + self._len + n > len(queue):  # no room behind: to the front, or to a bigger one
            if self._len + n > len(queue):
                try:
                    self._queue = bytearray(self._len + n)
                except MemoryError:
                    return False
            memoryview(self._queue)[: self._len] = memoryview(queue)[head : head + self._len]
            self._head = head = 0
        head += self._len
        memoryview(self._queue)[head : head + n] = data
        self._len += n
        self._output(now)
        return True

    def reserve(self, n=_BUFFER):
        """A send buffer of `n` bytes from now on, where a large message comes at a bad time."""
        self._small = bytearray(n)
        if not self._len:
            self._queue = self._small

    def close(self, now):
        """FIN after what is queued; the state goes to CLOSED by itself."""
        if self.state == "ESTABLISHED":
            self.state = "FIN_WAIT_1"
            self._fin = True
            self._output(now)
        elif self.state == "SYN_SENT":
            self.state = "CLOSED"

    def abort(self, now):
        """RST, at once."""
        if self.state not in ("CLOSED", "SYN_SENT", "TIME_WAIT"):
            self._emit(_RST | _ACK, self._max, 0)
        self.state = "CLOSED"

    def step(self, now):
        """Timers; returns the next deadline or None."""
        if self.state == "CLOSED":
            return None
        if self._due or self._jam:
            if self._jam:
                self._output(now)
            if self._due:
                self._emit(_ACK, self._max, 0)
            if self._due or self._jam:
                return now + 20
        if self._timer is not None and now >= self._timer:
            self._timeout(now)
        return self._timer

    # ---- out

    def _begin(self, now):
        """Fresh numbers. 30 random bits: small integers on a 32-bit MicroPython."""
        r = self.host.urandom(4)
        self._una = self._nxt = self._max = (r[0] & 63) << 24 | r[1] << 16 | r[2] << 8 | r[3]
        self._rcv = self._wnd = self._wl = self._head = self._len = 0
        self._queue = self._small
        self._fin = self._due = self._jam = False
        self._mss = 1220  # RFC 9293 section 3.7.1, until the peer tells
        self._rto, self._keep_rto, self._srtt, self._tries = _RTO_MS, _KEPT_MS, 0, 0
        self._timed = self._ooo = self._timer = (
            None  # timed: (number that must be acknowledged, sent at)
        )
        self._ooo_len = 0
        self._quiet = now  # no challenge ACK before
        self._burst = _MSS * 2

    def _emit(self, flags, seq, n):
        """One segment with n bytes of the queue from number `seq`; False: the link did not take
        it.
        """
        host = self.host
        tx = host.tx
        size = 20
        if flags & _SYN:
            size = 24
            pack_into(">HH", tx, 74, 0x0204, _MSS)
        elif n:
            a = self._head + after(seq, self._una)
            host.tx_view[74 : 74 + n] = memoryview(self._queue)[a : a + n]
        pack_into(">HHII", tx, 54, self.local_port, self.port, seq, self._rcv)
        pack_into(">BBHHH", tx, 66, size << 2, flags, WINDOW, 0, 0)
        if host.transmit(self.mac, self.source, self.address, 6, size + n, 16):
            if flags & _ACK:
                self._due = False
            return True
        return False

    def _output(self, now):
        """Sends new data (and FIN) as far as window and burst allow, and keeps a timer running."""
        self._jam = False
        while True:
            flight = after(self._nxt, self._una)
            n = self._len - flight
            flags = _ACK
            if n > 0:
                room = min(self._wnd, self._burst) - flight
                if n > self._mss:
                    n = self._mss
                if n > room:
                    if room <= 0 or flight:
                        break
                    n = room
                if n + flight == self._len:
                    flags = _ACK | _PSH
            elif n < 0 or not self._fin:
                break
            if self._fin and n + flight == self._len:
                flags |= _FIN
            if not self._emit(flags, self._nxt, n):
                self._jam = True
                break
            fresh = self._nxt == self._max
            self._nxt = (self._nxt + n + (flags & _FIN)) & 0xFFFFFFFF
            if fresh or after(self._nxt, self._max) > 0:
                self._max = self._nxt
                if fresh and self._timed is None:
                    self._timed = (self._nxt, now)
            if self._timer is None:
                self._timer = now + self._rto
        if self._timer is None and self._len and not self._jam:
            self._timer = now + _PROBE_MS  # window closed and nothing in flight

    def _timeout(self, now):
        state = self.state
        self._timer = None
        if state == "TIME_WAIT" or state == "FIN_WAIT_2":
            self.state = "CLOSED"
            return
        if state == "SYN_SENT":
            return self._syn(now)
        self._tries += 1
        if self._tries > _RETRIES:
            self.abort(now)
            return self._end("timeout")
        self.host.count("tcp_again")
        self._timed = None  # Karn: a repeated segment measures nothing
        self._nxt = self._una
        self._burst = self._mss
        if self._wnd == 0 and self._len:  # probe with one byte
            if self._emit(_ACK, self._una, 1):
                self._nxt = (self._una + 1) & 0xFFFFFFFF
                if after(self._nxt, self._max) > 0:
                    self._max = self._nxt
            self._timer = now + _PROBE_MS
            return
        self._rto = min(2 * self._rto, _MAX_MS)
        self._output(now)
        if self._timer is None:
            self._timer = now + self._rto

    def _syn(self, now):
        if self.mac is None:
            self.mac = self.host.next_hop(self.address, now)
        if self._tries >= (_SYNS if self.mac else 3 * _SYNS):
            if self.mac is None:
                return self._end("unreachable")
            return self._again("timeout", now)
        if self.mac:
            self.source = self.host.source_for(self.address)
            if self._emit(_SYN, self._una, 0):
                self._tries += 1
                self._max = self._nxt = (self._una + 1) & 0xFFFFFFFF
                self._timed = (self._nxt, now) if self._tries == 1 else None
                self._timer = now + (_SYN_MS << (self._tries - 1))
                return
        else:
            self._tries += 1
        self._timer = now + _SYN_MS

    def _again(self, why, now):
        """After a refusal or silence: the next source port, or the end."""
        if self._attempt >= _PORTS:
            self._end(why)
        elif why == "refused":  # a pause in which nothing is acceptable, then as after silence
            self._tries, self._timer, self._max = _SYNS, now + _RTO_MS, self._una
        else:
            self.open(now)

    def _end(self, why):
        log.info("%s: %s", self.state, why)
        self.state, self.error = "CLOSED", self.error or why

    # ---- in

    def _answer(self):
        self._due = True  # until a segment with an ACK left: step() tries again
        self._emit(_ACK, self._max, 0)

    def _challenge(self, now):
        """A challenge ACK (RFC 5961), ten per second at most: confused peers must not storm."""
        self.host.count("tcp_challenge")
        if now >= self._quiet:
            self._quiet = now + 100
            self._answer()

    def segment(self, fields, options, data, now):
        """One segment with good checksum for this connection."""
        seq, ack, flags = fields[2], fields[3], fields[5]
        count = self.host.count
        if self.state == "SYN_SENT":
            return self._syn_sent(fields, options, now)
        n = len(data)
        ahead = after(seq, self._rcv)
        if flags & _RST:
            if ahead == 0:
                self._end(self.error if self.state in _PEER_DONE else "reset")
            elif 0 < ahead < WINDOW:
                self._challenge(now)
            else:
                count("tcp_window")
            return
        if flags & _SYN:
            return self._challenge(now)
        if not flags & _ACK:
            return count("tcp_flags")
        if ahead < 0:
            if -ahead >= n + (flags & _FIN):  # all of it was here before: our ACK got lost
                count("tcp_old")
                if n or flags & _FIN:
                    self._answer()
                else:
                    self._challenge(now)
                return
            data = data[-ahead:]
            n, ahead = len(data), 0
        if ahead + n > WINDOW:
            count("tcp_window")
            return self._challenge(now)
        acked = after(ack, self._una)
        if acked > after(self._max, self._una) or acked < -65535:
            count("tcp_ack")
            return self._challenge(now)
        if acked >= 0 and after(seq, self._wl) >= 0:
            opened = self._wnd == 0 and fields[6]
            self._wnd, self._wl = fields[6], seq
            if opened and self._len:
                self._nxt = self._una
                self._timer = None
            if opened or self._wnd == 0:
                self._tries = 0  # a peer that answers probes is alive
        if acked > 0:
            self._acknowledged(acked, ack, now)
            if self.state == "CLOSED":
                return
        if self._nxt != self._max or self._len or self._fin:
            self._output(now)
        if n or flags & _FIN:
            if self.state in _PEER_DONE:  # nothing comes after a FIN
                count("tcp_window")
            elif ahead:
                self._keep(seq, data)
                self._answer()
            else:
                self._deliver(data, flags & _FIN, now)

    def _syn_sent(self, fields, options, now):
        seq, ack, flags = fields[2], fields[3], fields[5]
        if not flags & _ACK or ack != self._max or ack == self._una:
            if flags & _ACK:
                self.host.refuse(fields, self.address, 0)
            return self.host.count("tcp_ack")
        if flags & _RST:
            return self._again("refused", now)
        if not flags & _SYN:
            return self.host.count("tcp_flags")
        self._take_mss(options)
        self._rcv = (seq + 1) & 0xFFFFFFFF
        self._wnd, self._wl = fields[6], seq
        self.state = "ESTABLISHED"
        log.info("connected from port %d", self.local_port)
        self._acknowledged(1, ack, now)
        self._answer()

    def _take_mss(self, options):
        i, n = 0, len(options)
        while i < n and options[i]:
            size = 1 if options[i] == 1 else options[i + 1] if i + 1 < n else 0
            if size < 1 or (size < 2 and options[i] != 1) or i + size > n:
                return
            if options[i] == 2 and size == 4:
                self._mss = min(_MSS, max(64, options[i + 2] << 8 | options[i + 3]))
            i += size

    def _acknowledged(self, acked, ack, now):
        timed = self._timed
        if timed is not None and after(ack, timed[0]) >= 0:  # RFC 6298 with srtt * 8, rttvar * 4
            r, self._timed = now - timed[1], None
            if self._srtt == 0:
                self._srtt, self._var = 8 * r + 1, 2 * r
            else:
                d = r - (self._srtt >> 3)
                self._srtt = max(1, self._srtt + d)
                self._var += abs(d) - (self._var >> 2)
            self._rto = min(_MAX_MS, max(_MIN_MS, (self._srtt >> 3) + max(self._var, 20)))
            self._keep_rto = max(self._rto, _KEPT_MS)
        elif self._rto > self._keep_rto:
            self._rto = self._keep_rto
        took = min(acked, self._len)
        self._una = ack
        if after(self._nxt, ack) < 0:
            self._nxt = ack
        self._head += took
        self._len -= took
        if self._len == 0:
            self._head = 0
            self._queue = self._small
        self._tries = 0
        self._burst = _MSS * 2
        self._timer = now + self._rto if ack != self._max else None
        if self._fin and acked > took and ack == self._max:  # our FIN arrived
            self._fin = False
            state = self.state
            if state == "FIN_WAIT_1":
                self.state, self._timer = "FIN_WAIT_2", now + 2 * _LINGER_MS
            elif state == "CLOSING":
                self._linger(now)
            elif state == "LAST_ACK":
                self.state = "CLOSED"

    def _linger(self, now):
        self.state, self._timer = "TIME_WAIT", now + _LINGER_MS

    def _keep(self, seq, data):
        """Keeps one run of data that came too early; what does not join it comes again."""
        self.host.count("tcp_early")
        n = len(data)
        if self._ooo is None:
            try:
                self._ooo = bytearray(_MSS)
            except MemoryError:
                return
        if self._ooo_len == 0:
            self._ooo_seq = seq
        at = after(seq, self._ooo_seq)
        if 0 <= at <= self._ooo_len and at + n <= _MSS:
            memoryview(self._ooo)[at : at + n] = data
            self._ooo_len = max(self._ooo_len, at + n)

    def _deliver(self, data, fin, now):
        """Data that starts where we are; then what was kept; then the FIN behind `data`."""
        self._due = True
        last = (self._rcv + len(data)) & 0xFFFFFFFF
        while True:
            self._rcv = (self._rcv + len(data)) & 0xFFFFFFFF
            if len(data) and self.on_data is not None:
                self.on_data(data, now)
            if self.state == "CLOSED":
                return
            n, self._ooo_len = self._ooo_len, 0
            if not n:
                break
            skip = after(self._rcv, self._ooo_seq)
            if skip < 0:
                self._ooo_len = n
                break
            data = memoryview(self._ooo)[min(skip, n) : n]
        if fin and self._rcv == last:
            self._fin_in(now)
        if self._due:
            self._emit(_ACK, self._max, 0)

    def _fin_in(self, now):
        self._rcv = (self._rcv + 1) & 0xFFFFFFFF
        self._due = True
        state = self.state
        if state == "ESTABLISHED":
            log.info("closed by peer")
            self.error = "closed by peer"
            self.state, self._fin = "LAST_ACK", True
            self._output(now)
        elif state == "FIN_WAIT_1":
            self.state = "CLOSING"
        elif state == "FIN_WAIT_2":
            self._linger(now)
