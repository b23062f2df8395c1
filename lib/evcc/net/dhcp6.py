# SPDX-License-Identifier: MIT
"""DHCPv6 client for one address (RFC 8415: IA_NA; Solicit, Request, Renew, Rebind, Decline,
Release).

Loaded only with setting net_dhcp6. The first Advertise with an address is taken, rapid commit is
offered; retransmission by section 15 with its random factor. Identifier: DUID-LL of our MAC. No
temporary addresses, no prefix delegation, no Confirm (a new link starts anew), no authentication,
no options such as DNS.
"""

from struct import pack, pack_into, unpack_from

from evcc.compat import const, get_logger
from evcc.net.ipv6 import is_link_local, is_unicast, text

log = get_logger("evcc.dhcp6")

_SERVERS = b"\xff\x02" + bytes(11) + b"\1\0\2"
_SOLICIT = const(1)
_ADVERTISE = const(2)
_REQUEST = const(3)
_RENEW = const(5)
_REBIND = const(6)
_REPLY = const(7)
_RELEASE = const(8)
_DECLINE = const(9)
_BOUND = const(0)

# message: first time-out ms, longest ms, attempts (0: no limit)
_TIMERS = {
    _SOLICIT: (1000, 3600000, 0),
    _REQUEST: (1000, 30000, 10),
    _RENEW: (10000, 600000, 0),
    _REBIND: (10000, 600000, 0),
    _RELEASE: (1000, 8000, 4),
    _DECLINE: (1000, 8000, 4),
}


class Dhcp6:
    """`address`: the one we have been given, or None. `state`: the message in flight, 0 when
    bound.
    """

    def __init__(self, router, now):
        self.router = router
        self.host = router.host
        self.address = None
        self._id = b"\0\3\0\1" + self.host.mac
        self.host.udp_bind(546, self._answer)
        self._begin(_SOLICIT, now)

    def _begin(self, state, now):
        if state == _SOLICIT:
            self._server = b""
            self._offer = bytes(16)
        self.state = state
        self._xid = bytes(self.host.urandom(3))
        self._since = self._next = now
        self._wait = self._tries = 0

    def release(self, now):
        """Gives the address back (the address is not used from here on)."""
        self._end(_RELEASE, now)

    def decline(self, address, now):
        """The address turned out to be somebody else's."""
        if address == self.address:
            self._end(_DECLINE, now)

    def _end(self, state, now):
        if self.address is not None:
            self.router.drop(self.address)
            self.address = None
            self._begin(state, now)

    def step(self, now):
        if self.state == _BOUND:
            if now < self._renew:
                return min(self._renew, now + 60000)
            self._begin(_RENEW, now)
        if self.state == _RENEW and now >= self._rebind:
            self._begin(_REBIND, now)
        if self.state in (_RENEW, _REBIND) and now >= self._until:
            self.router.drop(self.address)
            self.address = None
            self._begin(_SOLICIT, now)
        if now >= self._next:
            first, longest, most = _TIMERS[self.state]
            if most and self._tries >= most:
                if self.state == _RELEASE:
                    self.state, self._renew = _BOUND, 1 << 50  # never
                    return now + 60000
                self._begin(_SOLICIT, now)
                first, longest, most = _TIMERS[_SOLICIT]
            self._tries += 1
            self._wait = min(2 * self._wait or first, longest)
            r = self.host.urandom(1)[0]  # RAND of section 15: up to a tenth
            self._next = now + self._wait + self._wait * (r - 128) // 1280
            self._send(now)
        deadline = self._next
        return min(deadline, self._rebind) if self.state == _RENEW else deadline

    def _send(self, now):
        state = self.state
        b = bytearray(110)
        elapsed = min(65535, (now - self._since) // 10)
        pack_into(">B3sHH10sHHH", b, 0, state, self._xid, 1, 10, self._id, 8, 2, elapsed)
        n = 24
        if self._server and state != _REBIND:
            s = self._server
            b[n : n + 4] = pack(">HH", 2, len(s))
            b[n + 4 : n + 4 + len(s)] = s
            n += 4 + len(s)
        if state == _SOLICIT:
            b[n : n + 4] = b"\0\x0e\0\0"  # rapid commit
            n += 4
        size = 12 if self._offer == bytes(16) else 40
        b[n : n + 16] = pack(">HHIII", 3, size, 1, 0, 0)
        n += 16
        if size == 40:
            b[n : n + 28] = pack(">HH16sII", 5, 24, self._offer, 0, 0)
            n += 28
        self.host.udp_send(_SERVERS, 547, 546, memoryview(b)[:n], now)

    def _answer(self, source, port, data, now):
        if port != 547 or len(data) < 4 or data[1:4] != self._xid or self.state == _BOUND:
            return self.host.count("dhcp6_other")
        found = {1: None, 2: None, 3: None, 13: None, 14: None}
        ia = {5: None, 13: None}
        if not (_options(data[4:], found) and is_link_local(source) and found[1] == self._id):
            return self.host.count("dhcp6_bad")
        server = bytes(found[2] or b"")
        if not 4 <= len(server) <= 34 or (
            self._server and self.state != _REBIND and server != self._server
        ):
            return self.host.count("dhcp6_bad")
        kind, state, lease = data[0], self.state, found[3]
        if state in (_RELEASE, _DECLINE):
            if kind == _REPLY:
                if state == _DECLINE:
                    self._begin(_SOLICIT, now)
                else:
                    self._tries, self._next = 99, now
            return
        rapid = state == _SOLICIT and kind == _REPLY and found[14] is not None
        if not rapid and kind != (_ADVERTISE if state == _SOLICIT else _REPLY):
            return self.host.count("dhcp6_bad")
        good = not _status(found[13]) and lease is not None and len(lease) >= 12
        good = good and _options(lease[12:], ia) and not _status(ia[13])
        if not good or ia[5] is None or len(ia[5]) < 24:
            self.host.count("dhcp6_refused")
            if state in (_RENEW, _REBIND) and (_status(found[13]) == 3 or _status(ia[13]) == 3):
                self._begin(_REQUEST, now)  # NoBinding: the server has forgotten us
            return
        iaid, t1, t2 = unpack_from(">III", lease, 0)
        address = bytes(ia[5][:16])
        preferred, valid = unpack_from(">II", ia[5], 16)
        if iaid != 1 or preferred > valid or (t1 > t2 > 0) or not is_unicast(address):
            return self.host.count("dhcp6_bad")
        if not valid or is_link_local(address):
            return self.host.count("dhcp6_bad")
        self._server, self._offer = server, address
        if kind == _ADVERTISE:
            return self._begin(_REQUEST, now)
        preferred = min(preferred, 1000000)
        self._renew = now + 1000 * (min(t1, valid) or preferred // 2)
        self._rebind = now + 1000 * (min(t2, valid) or preferred * 4 // 5)
        self._until = now + 1000 * min(valid, 1000000)
        self.state = _BOUND
        if address != self.address:
            if self.address is not None:
                self.router.drop(self.address)
            log.info("leased %s for %d s", text(address), valid)
            self.address = address
            if self.router.add(address, valid, now):
                self.host.check(address, now)
        else:
            self.router.add(address, valid, now)


def _status(option):
    """Status code of option 13; 0 (success) without one"""
    return 0 if option is None else 1 if len(option) < 2 else option[0] << 8 | option[1]


def _options(data, found):
    """Puts the first option of each wanted kind into `found`; False if they run over the end."""
    i, n = 0, len(data)
    while i + 4 <= n:
        kind, size = unpack_from(">HH", data, i)
        i += 4 + size
        if i > n:
            return False
        if kind in found and found[kind] is None:
            found[kind] = data[i - size : i]
    return i == n
