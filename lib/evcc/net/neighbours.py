# SPDX-License-Identifier: MIT
"""Neighbour discovery (RFC 4861 section 7) and duplicate address detection (RFC 4862 section 5.4).

Answers solicitations (multicast, unicast, and those of a DAD), asks for neighbours that we send
to, keeps at most eight of them, checks one again by unicast when it was not confirmed for 30 s.
Entries come only from our own questions and from `learn`, so a stranger cannot fill the cache.
While TCP runs, no neighbour message changes the MAC of its peer. A duplicate of our address makes
us take a random interface identifier once; a second report is counted only, so it cannot keep us
off the line. No redirects, no proxies, no anycast delay.
"""

from struct import pack_into

from evcc.compat import const
from evcc.net.ipv6 import ALL_NODES, ANY, multicast_mac, solicited_node

_NS = const(135)
_NA = const(136)
_ENTRIES = const(8)
_REACHABLE_MS = const(30000)  # RFC 4861 section 10
_RETRY_MS = const(300)  # RetransTimer is 1 s there; a lossy power line wants the second one sooner
_PROBES = const(3)
_DAD_MS = const(1000)


def link_option(options, kind):
    """The MAC in option `kind` (1 source, 2 target); b"" without one; None if the options are
    malformed.
    """
    mac, i, n = b"", 0, len(options)
    while i < n:
        size = 8 * options[i + 1] if i + 1 < n else 0
        if size == 0 or i + size > n:
            return None
        if options[i] == kind and size == 8:
            mac = bytes(options[i + 2 : i + 8])
        i += size
    return mac


class Neighbours:
    def __init__(self, host):
        self._host = host
        self._cache = {}  # address -> [MAC or None, confirmed at, ask again at, asked]
        self.tentative = None
        self._waiting = []  # bounded by the router's number of addresses
        self._retried = False

    def check(self, address, now):
        """Starts duplicate address detection; `host.usable(address, now)` is called when it is
        done.
        """
        if self.tentative is not None:
            self._waiting.append(address)
            return
        self.tentative, self._until = address, now + _DAD_MS
        self._solicit(ANY, address, None)

    def _checked(self, now):
        """The address that was being checked; starts with the next one."""
        address, self.tentative = self.tentative, None
        if self._waiting:
            self.check(self._waiting.pop(), now)
        return address

    def step(self, now):
        """Returns the next deadline or None."""
        if self.tentative is None:
            return None
        if now >= self._until:
            self._host.usable(self._checked(now), now)
            return now
        return self._until

    def _conflict(self, now):
        host = self._host
        host.count("duplicate")
        if host.ready:
            host.router.duplicate(self._checked(now), now)
        elif not self._retried:
            self._retried = True
            mine = bytearray(host.urandom(8))
            mine[0] &= 0xFD  # not from a MAC
            self.check(self._checked(now)[:8] + bytes(mine), now)

    def _solicit(self, source, target, mac):
        """NS for `target`: to its solicited-node group, or to `mac` when we only check again."""
        host = self._host
        to = target if mac else solicited_node(target)
        pack_into(">BBHI16sBB6s", host.tx, 54, _NS, 0, 0, 0, target, 1, 1, host.mac)
        n = 24 if source is ANY else 32  # DAD has no source to tell the MAC of
        host.transmit(mac or multicast_mac(to), source, to, 58, n, 2)

    def learn(self, address, mac, now):
        """Takes the MAC of a neighbour from outside of neighbour discovery, e.g. from an SDP
        answer's frame.
        """
        e = self._cache.get(address)
        if e is None:
            e = self._entry(address)
        self._set(address, e, mac, now)

    def _entry(self, address):
        cache = self._cache
        if len(cache) >= _ENTRIES:
            oldest = None
            for a in cache:
                if oldest is None or cache[a][1] < cache[oldest][1]:
                    oldest = a
            del cache[oldest]
        e = cache[address] = [None, -_REACHABLE_MS, 0, 0]
        return e

    def _set(self, address, e, mac, now):
        if e[0] not in (None, mac) and self._host.in_use(address):
            self._host.count("mac_kept")
            return
        e[0], e[1], e[3] = mac, now, 0

    def resolve(self, address, now):
        """The MAC for `address`, or None; asks (again) when there is none or it is stale."""
        e = self._cache.get(address) or self._entry(address)
        if (e[0] is None or now - e[1] >= _REACHABLE_MS) and now >= e[2]:
            if e[3] >= _PROBES:
                e[0] = None
            e[1] = max(e[1], now - _REACHABLE_MS)  # age for eviction
            e[2], e[3] = now + _RETRY_MS, e[3] + 1
            self._solicit(self._host.source_for(address), address, e[0])
        return e[0]

    def feed(self, frame, at, end, source, now):
        """NS or NA at frame[at:end]; hop limit, checksum and destination are checked already."""
        host = self._host
        count = host.count
        if end - at < 24 or frame[at + 1]:
            return count("nd_bad")
        target = bytes(frame[at + 8 : at + 24])
        solicitation = frame[at] == _NS
        mac = link_option(frame[at + 24 : end], 1 if solicitation else 2)
        if mac is None or target[0] == 0xFF:
            return count("nd_bad")
        if target == self.tentative:
            if source == ANY or not solicitation:
                self._conflict(now)
        elif solicitation:
            if not host.owns(target):
                return count("ns_other")
            count("ns")
            if source == ANY:  # someone checks our address: tell everybody
                source, mac, flags = ALL_NODES, multicast_mac(ALL_NODES), 0x20
            else:
                mac, flags = mac or host.frame_mac, 0x60  # solicited, override
            pack_into(">BBHI16sBB6s", host.tx, 54, _NA, 0, 0, 0, target, 2, 1, host.mac)
            host.tx[58] = flags
            host.transmit(mac, target, source, 58, 32, 2)
        elif host.owns(target):
            count("duplicate")
        else:
            count("na")
            e = self._cache.get(target)
            if e is None or (e[0] is None and not mac):
                return
            flags = frame[at + 4]
            if mac and mac != e[0] and e[0] and not flags & 0x20:
                return  # RFC 4861 7.2.5: without override it changes nothing
            old = e[1]
            self._set(target, e, mac or e[0], now)
            if not flags & 0x40:
                e[1] = old  # not asked for: it may be used, it confirms nothing
