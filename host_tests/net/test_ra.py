# SPDX-License-Identifier: MIT
"""Router advertisements: addresses, lifetimes, next hop, bounds; nothing of it without the
setting.
"""

import random
import sys

from evcc.net import Host
from evcc.net.ipv6 import with_mac

from host_tests.net import frames
from host_tests.net.line import EV, EV_MAC, SE, SE_MAC, Settings
from host_tests.net.test_neighbours import RS

PREFIX = bytes.fromhex("20010db800010002")
GLOBAL = with_mac(PREFIX, EV_MAC)
FAR = bytes.fromhex("20010db8ffff00000000000000000001")
NEAR = PREFIX + bytes(7) + b"\7"


def prefix(p=PREFIX, bits=64, flags=0xC0, valid=86400, preferred=3600):
    words = valid.to_bytes(4, "big") + preferred.to_bytes(4, "big")
    return b"\3\4" + bytes((bits, flags)) + words + bytes(4) + p + bytes(8)


def ra(*options, seconds=1800, mac=b"\1\1" + SE_MAC, **more):
    body = b"\x40\0" + seconds.to_bytes(2, "big") + bytes(8) + mac + b"".join(options)
    more.setdefault("to", frames.ALL_NODES)
    return frames.icmp(134, body, **more)


class Rig:
    def __init__(self, **settings):
        self.sent = []
        self.host = Host(
            EV_MAC,
            lambda f: self.sent.append(bytes(f)) or True,
            random.Random(1).randbytes,
            Settings(**{"net_dad": False, "net_ra": True} | settings),
        )
        self.now = 0
        self.host.start(0)

    def run(self, ms):
        end = self.now + ms
        while self.now < end:
            self.now = min(end, max(self.now + 1, self.host.step(self.now)))
        self.host.step(self.now)
        sent, self.sent = self.sent, []
        return sent

    def feed(self, frame):
        self.host.feed(frame, self.now)


def test_not_loaded_without_the_setting():
    for name in ("evcc.net.ra", "evcc.net.dhcp6"):
        sys.modules.pop(name, None)
    rig = Rig(net_ra=False)
    rig.feed(ra(prefix()))
    assert not rig.run(30000) and not rig.host.addresses and rig.host.router is None
    assert not {"evcc.net.ra", "evcc.net.dhcp6"} & set(sys.modules)


def test_solicitations():
    rig = Rig()
    times = []
    for _ in range(300):
        t = rig.now
        times += [t] * len(rig.run(100))
    rig.host.start(0)
    rig.now = 0
    assert times == [0, 3900, 7900] and rig.run(100) == [RS]


def test_address_is_made_checked_and_used():
    rig = Rig()
    rig.run(0)
    rig.feed(ra(prefix()))
    (check,) = rig.run(500)
    assert check[-16:] == GLOBAL and check[22:38] == bytes(16) and not rig.host.addresses
    rig.run(600)
    assert rig.host.addresses == (GLOBAL,)
    assert not rig.run(9000)  # no more solicitations
    got = []
    rig.host.udp_bind(7, lambda *a: got.append(a))
    rig.feed(frames.udp(1, 7, b"x", to=GLOBAL))
    rig.feed(frames.ns(target=GLOBAL, to=GLOBAL))
    assert len(got) == 1 and rig.sent[0][54] == 136 and rig.sent[0][62:78] == GLOBAL
    group = bytes.fromhex("ff0200000000000000000001ff") + GLOBAL[13:]
    rig.feed(frames.ns(target=GLOBAL, to=group))
    assert len(rig.sent) == 2


def ready():
    rig = Rig()
    rig.feed(ra(prefix()))
    rig.run(1200)
    assert rig.host.addresses == (GLOBAL,)
    return rig


def test_source_and_next_hop():
    rig = ready()
    host = rig.host
    assert host.udp_send(FAR, 1, 2, b"x", rig.now)  # by the router, whose MAC came along
    assert rig.sent[-1][:6] == SE_MAC and rig.sent[-1][22:54] == GLOBAL + FAR
    assert not host.udp_send(NEAR, 1, 2, b"x", rig.now)  # on our link: asked for
    assert rig.sent[-1][54] == 135 and rig.sent[-1][62:78] == NEAR
    assert host.udp_send(SE, 1, 2, b"x", rig.now)
    assert rig.sent[-1][22:54] == EV + SE


def test_lifetimes_end():
    rig = ready()
    rig.run(1800 * 1000)
    assert rig.host.router.gateway is None and rig.host.addresses
    rig.run(86400 * 1000)
    assert rig.host.addresses == () and not rig.host.router._links


def test_router_withdraws():
    rig = ready()
    rig.feed(ra(seconds=0))
    assert rig.host.router.gateway is None


def test_other_router_does_not_take_over():
    rig = ready()
    other = SE[:15] + b"\x66"
    rig.feed(ra(source=other, mac=b"\1\1" + bytes(6)))
    assert rig.host.router.gateway == SE


def test_forged_short_lifetime_cuts_to_two_hours_only():
    rig = ready()
    rig.feed(ra(prefix(valid=1, preferred=1)))
    rig.run(7000 * 1000)
    assert rig.host.addresses == (GLOBAL,)
    rig.feed(ra(prefix(valid=1, preferred=1)))
    rig.run(300 * 1000)
    assert rig.host.addresses == ()


def test_lifetime_is_renewed():
    rig = ready()
    for _ in range(3):
        rig.run(80000 * 1000)
        rig.feed(ra(prefix()))
    assert rig.host.addresses == (GLOBAL,)


def test_number_of_prefixes_is_bounded():
    rig = Rig()
    for i in range(100):
        rig.feed(ra(*(prefix(PREFIX[:6] + bytes((i, j))) for j in range(8))))
    rig.run(10000)
    assert len(rig.host.addresses) == 2 and len(rig.host.router._links) == 2


def test_prefixes_that_make_no_address():
    for bad in (
        prefix(bits=48),
        prefix(bytes.fromhex("fe80000000000000")),
        prefix(valid=10, preferred=11),
        prefix(flags=0x80),
        prefix(valid=0, preferred=0),
        prefix()[:1] + b"\3" + prefix()[2:24],
    ):
        rig = Rig()
        rig.feed(ra(bad))
        rig.run(3000)
        assert not rig.host.addresses


def test_bad_advertisements():
    for frame, what in (
        (ra(prefix(), hops=254), "hop_limit"),
        (ra(prefix(), source=NEAR), "ra_bad"),
        (ra(prefix(), code=1), "ra_bad"),
        (ra(b"\5\0"), "ra_bad"),
        (ra(prefix()[:-8]), "ra_bad"),
        (frames.icmp(134, bytes(10), to=frames.ALL_NODES), "ra_bad"),
    ):
        rig = Rig()
        rig.feed(frame)
        assert rig.host.counters == {what: 1}, what
        assert rig.host.router.gateway is None


def test_duplicate_global_address_is_not_used():
    rig = Rig()
    rig.feed(ra(prefix()))
    rig.run(100)
    rig.feed(frames.na(target=GLOBAL, flags=0x20, source=GLOBAL, to=frames.ALL_NODES))
    rig.run(3000)
    assert rig.host.addresses == () and rig.host.address == EV and rig.host.ready
    rig.feed(ra(prefix()))
    rig.run(3000)
    assert rig.host.addresses == ()


def test_lifetime_rules():
    """RFC 4862 section 5.5.3 e: more than two hours or more than is left is taken as it is."""
    for first, passed, then, left in (
        (86400, 0, 8000, 8000),
        (86400, 85400, 3000, 3000),
        (86400, 85400, 500, 1000),
        (86400, 0, 7200, 7200),
    ):
        rig = Rig()
        rig.feed(ra(prefix(valid=first)))
        rig.run(2000)
        rig.run(passed * 1000 - rig.now)
        rig.feed(ra(prefix(valid=then, preferred=1)))
        end = rig.host.router._valid[GLOBAL]
        assert abs(end - rig.now - left * 1000) <= 2000, (first, passed, then)


def test_router_lifetime_is_that_announced():
    rig = Rig()
    rig.feed(ra(seconds=0x0203))
    assert rig.host.router._until == 0x0203 * 1000


def test_not_taken_with_dhcp_alone():
    rig = Rig(net_ra=False, net_dhcp6=True)
    rig.feed(ra(prefix()))
    rig.run(3000)
    assert rig.host.counters["ra"] == 1
    assert rig.host.router.gateway is None and not rig.host.addresses
