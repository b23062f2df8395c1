# SPDX-License-Identifier: MIT
"""Router discovery and stateless global addresses (RFC 4861 section 6.3, RFC 4862 section 5.5);
optional.

Loaded only with setting net_ra or net_dhcp6: a charging session needs link-local addresses alone.
Keeps one router and two prefixes at most, whatever is announced; an announcement cannot cut a
lifetime below two hours. No MTU, no route or DNS options, no temporary addresses, no preference
among routers.
"""

from struct import unpack_from

from evcc.compat import const, get_logger
from evcc.net.ipv6 import ALL_ROUTERS, is_link_local, multicast_mac, with_mac
from evcc.net.neighbours import link_option

log = get_logger("evcc.net")

_RS_MS = const(4000)
_RS_TIMES = const(3)
_PREFIXES = const(2)
_TWO_HOURS = const(7200)
_LONGEST = const(1000000)  # s; "infinite" is as long


class Router:
    """`gateway`: address of the router or None; `dhcp`: the DHCPv6 client, if set to have one."""

    def __init__(self, host, now):
        self.host = host
        self.gateway = self.dhcp = None
        self._until = 0
        self._links = {}  # on-link prefix (8 bytes) -> valid until
        self._valid = {}  # address -> valid until; in host.addresses once it is checked
        self._asked, self._next = 0, now
        if not host.setting("net_ra", False):
            self._asked = _RS_TIMES
        if host.setting("net_dhcp6", False):
            from evcc.net.dhcp6 import Dhcp6

            self.dhcp = Dhcp6(self, now)

    def via(self, address):
        """Where packets to a global address go next: itself on our link, else the router."""
        if self.gateway is None or bytes(address[:8]) in self._links:
            return address
        return self.gateway

    def add(self, address, seconds, now):
        """A global address to be used for so long from now on, after it was checked. False: no
        room.
        """
        if address not in self._valid and len(self._valid) >= 2 * _PREFIXES:
            return False
        self._valid[address] = now + 1000 * min(seconds, _LONGEST)
        return True

    def drop(self, address):
        self._valid.pop(address, None)
        self.host.addresses = tuple(a for a in self.host.addresses if a != address)

    def usable(self, address):
        if address in self._valid:
            self.host.addresses += (address,)

    def duplicate(self, address, now):
        """Somebody else has it."""
        self.drop(address)
        self._valid[address] = now + 1000 * _TWO_HOURS  # not tried again before
        if self.dhcp is not None:
            self.dhcp.decline(address, now)

    def step(self, now):
        deadline = now + 60000
        if self._asked < _RS_TIMES:
            if now >= self._next:
                self._asked += 1
                self._next = now + _RS_MS
                self._solicit()
            deadline = min(deadline, self._next)
        if self.gateway is not None and now >= self._until:
            self.gateway = None
        for prefix in list(self._links):
            if now >= self._links[prefix]:
                del self._links[prefix]
        for address in list(self._valid):
            if now >= self._valid[address]:
                self.drop(address)
            else:
                deadline = min(deadline, self._valid[address])
        if self.dhcp is not None:
            deadline = min(deadline, self.dhcp.step(now))
        return deadline

    def _solicit(self):
        """RS with our MAC in option 1."""
        host = self.host
        host.tx[54:70] = b"\x85" + bytes(7) + b"\1\1" + host.mac
        to = ALL_ROUTERS
        host.transmit(multicast_mac(to), host.address, to, 58, 16, 2)

    def feed(self, frame, at, end, source, now):
        """Router advertisement; hop limit and checksum are checked already (RFC 4861 section
        6.1.2).
        """
        options = frame[at + 16 : end]
        mac = link_option(options, 1) if end - at >= 16 else None
        if mac is None or not is_link_local(source) or frame[at + 1]:
            return self.host.count("ra_bad")
        self.host.count("ra")
        if not self.host.setting("net_ra", False):
            return
        self._asked = _RS_TIMES
        seconds = frame[at + 6] << 8 | frame[at + 7]
        if self.gateway is None or self.gateway == source:
            self.gateway = source if seconds else None
            self._until = now + 1000 * seconds
            if seconds and mac:
                self.host.learn(source, mac, now)
        i = 0
        while i < len(options):
            if options[i] == 3 and options[i + 1] == 4:
                self._prefix(options[i : i + 32], now)
            i += 8 * options[i + 1]

    def _prefix(self, option, now):
        bits, flags, valid, preferred = unpack_from(">BBII", option, 2)
        prefix = bytes(option[16:24])
        if bits != 64 or preferred > valid or prefix[0] >= 0xFE or prefix[0] == 0:
            return self.host.count("ra_prefix")
        if flags & 0x80:
            if not valid:
                self._links.pop(prefix, None)
            elif prefix in self._links or len(self._links) < _PREFIXES:
                self._links[prefix] = now + 1000 * min(valid, _LONGEST)
        if not flags & 0x40:
            return
        address = with_mac(prefix, self.host.mac)
        if address not in self._valid:
            if valid and len(self._valid) < _PREFIXES and self.add(address, valid, now):
                self.host.check(address, now)
        elif address in self.host.addresses:  # RFC 4862 section 5.5.3 e: forged ones cut little
            left = (self._valid[address] - now) // 1000
            if valid > _TWO_HOURS or valid > left:
                self.add(address, valid, now)
            elif left > _TWO_HOURS:
                self.add(address, _TWO_HOURS, now)
