# SPDX-License-Identifier: MIT
"""DHCPv6 client against composed messages: lease, renewal, rebinding, refusals, forged and damaged
ones.
"""

import random

import pytest

from host_tests.net import frames
from host_tests.net.line import EV_MAC, SE
from host_tests.net.test_ra import Rig

DUID = b"\0\3\0\1" + EV_MAC
SERVER = b"\0\1\0\1\1\2\3\4\2\0\0\0\0\x55"
LEASE = bytes.fromhex("20010db8000100020000000000000100")
SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY, RELEASE, DECLINE = 1, 2, 3, 5, 6, 7, 8, 9


def option(kind, data):
    return kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def u32(*values):
    return b"".join(v.to_bytes(4, "big") for v in values)


def split(data):
    found = {}
    while data:
        kind, n = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        assert len(data) >= 4 + n
        found[kind] = data[4 : 4 + n]
        data = data[4 + n :]
    return found


class Server(Rig):
    """The client's host; what it sends is taken apart, answers are composed."""

    def __init__(self):
        super().__init__(net_ra=False, net_dhcp6=True)
        self.xid = None

    @property
    def client(self):
        return self.host.router.dhcp

    def asked(self, ms=0):
        """[(type, options)] sent in that time"""
        out = []
        for f in self.run(ms):
            if f[20] != 17:
                continue
            assert f[:6] == bytes.fromhex("333300010002") and f[54:58] == b"\x02\x22\x02\x23"
            assert f[38:54] == bytes.fromhex("ff020000000000000000000000010002")
            self.xid = f[63:66]
            options = split(f[66:])
            assert options[1] == DUID and len(options[8]) == 2
            out.append((f[62], options))
        return out

    def answer(
        self, kind, address=LEASE, t1=50, t2=80, preferred=100, valid=200, server=SERVER,
        duid=DUID, iaid=1, xid=None, extra=b"", inside=b"", ia=None, **more,
    ):  # fmt: skip
        lease = option(5, address + u32(preferred, valid) + inside) if address else inside
        body = option(1, duid) + option(2, server) + extra
        body += option(3, u32(iaid, t1, t2) + lease) if ia is None else ia
        more.setdefault("source", SE)
        message = bytes((kind,)) + (xid or self.xid) + body
        self.feed(frames.udp(more.pop("port", 547), 546, message, **more))

    def bound(self):
        assert self.asked()[0][0] == SOLICIT
        self.answer(ADVERTISE)
        assert self.asked()[0][0] == REQUEST
        self.answer(REPLY)
        self.run(1001)
        assert self.host.addresses == (LEASE,)
        return self


def test_lease():
    s = Server()
    ((kind, options),) = s.asked()
    assert kind == SOLICIT and options[3] == u32(1, 0, 0) and 14 in options and 2 not in options
    s.answer(ADVERTISE)
    ((kind, options),) = s.asked()
    assert kind == REQUEST and options[2] == SERVER and 14 not in options
    assert split(options[3][12:])[5][:16] == LEASE
    s.answer(REPLY)
    assert not s.host.addresses  # is checked first
    check = s.run(500)[0]
    assert check[-16:] == LEASE and check[22:38] == bytes(16)
    s.run(501)
    assert s.host.addresses == (LEASE,) and s.client.address == LEASE
    assert not s.asked(40000)


def test_rapid_commit():
    s = Server()
    s.asked()
    s.answer(REPLY)  # without the option: not valid
    assert s.client.address is None
    s.answer(REPLY, extra=option(14, b""))
    s.run(1001)
    assert s.host.addresses == (LEASE,)


def test_solicit_backs_off():
    s = Server()
    times = []
    for _ in range(6000):
        t = s.now
        times += [t] * len(s.asked(100))
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert 6 <= len(gaps) <= 10
    for i, gap in enumerate(gaps[:6]):
        assert 0.85 * 2**i * 1000 <= gap <= 1.15 * 2**i * 1000 + 100


def test_request_gives_up_and_starts_again():
    s = Server()
    s.asked()
    s.answer(ADVERTISE)
    kinds = []
    while len(kinds) < 12:
        kinds += [k for k, _ in s.asked(1000)]
    assert kinds[:11] == [REQUEST] * 10 + [SOLICIT]


def test_renew_rebind_expire():
    s = Server().bound()
    assert not s.asked(48000)
    ((kind, options),) = s.asked(2000)
    assert kind == RENEW and options[2] == SERVER
    s.answer(REPLY, t1=60, t2=90)
    assert not s.asked(58000) and s.asked(3000)[0][0] == RENEW
    kinds = [k for k, _ in s.asked(28000)]
    assert set(kinds) == {RENEW}
    kinds = s.asked(5000)
    assert kinds[-1][0] == REBIND and 2 not in kinds[-1][1]
    assert s.host.addresses == (LEASE,)
    kinds = [k for k, _ in s.asked(120000)]
    assert kinds[-1] == SOLICIT and s.host.addresses == () and s.client.address is None


def test_rebound_by_another_server():
    s = Server().bound()
    s.asked(85000)
    s.answer(REPLY, server=SERVER + b"x")
    assert s.client.state == 0 and s.host.addresses == (LEASE,)
    ((kind, options),) = s.asked(51000)
    assert kind == RENEW and options[2] == SERVER + b"x"


def test_renewed_with_another_address():
    s = Server().bound()
    s.asked(50000)
    other = LEASE[:15] + b"\7"
    s.answer(REPLY, address=other)
    s.run(1001)
    assert s.host.addresses == (other,)


def test_server_that_forgot_us():
    s = Server().bound()
    s.asked(50000)
    s.answer(REPLY, address=None, inside=option(13, b"\0\3"))
    assert s.asked()[0][0] == REQUEST


def test_default_times():
    s = Server()
    s.asked()
    s.answer(ADVERTISE, t1=0, t2=0)
    s.asked()
    s.answer(REPLY, t1=0, t2=0)
    assert s.client._renew - s.now == 50000 and s.client._rebind - s.now == 80000


def test_endless_lease():
    s = Server()
    s.asked()
    s.answer(ADVERTISE)
    s.asked()
    s.answer(REPLY, t1=0xFFFFFFFF, t2=0xFFFFFFFF, preferred=0xFFFFFFFF, valid=0xFFFFFFFF)
    s.run(1001)
    assert s.host.addresses == (LEASE,) and not s.asked(400000 * 1000)
    assert s.host.addresses == (LEASE,)


def test_duplicate_is_declined():
    s = Server()
    s.asked()
    s.answer(ADVERTISE)
    s.asked()
    s.answer(REPLY)
    s.run(100)
    s.feed(frames.na(target=LEASE, flags=0x20, source=LEASE, to=frames.ALL_NODES))
    ((kind, options),) = s.asked()
    assert kind == DECLINE and split(options[3][12:])[5][:16] == LEASE and not s.host.addresses
    s.answer(REPLY, ia=b"")
    assert s.asked()[0][0] == SOLICIT


def test_release():
    s = Server().bound()
    s.client.release(s.now)
    assert not s.host.addresses
    ((kind, options),) = s.asked()
    assert kind == RELEASE and options[2] == SERVER
    s.answer(REPLY, ia=b"")
    assert not s.asked(10000 * 1000)
    s = Server().bound()
    s.client.release(s.now)  # nobody answers: four times, then quiet
    assert [k for k, _ in s.asked(1000 * 1000)] == [RELEASE] * 4


@pytest.mark.parametrize(
    "bad",
    [
        dict(xid=b"\0\0\0"),
        dict(duid=DUID[:-1] + b"x"),
        dict(server=b""),
        dict(server=bytes(200)),
        dict(iaid=2),
        dict(preferred=201),
        dict(t1=90),
        dict(valid=0, preferred=0),
        dict(address=SE),
        dict(address=frames.ALL_NODES),
        dict(address=LEASE[:5]),
        dict(address=None),
        dict(address=None, inside=option(13, b"\0\2")),
        dict(extra=option(13, b"\0\1")),
        dict(inside=option(13, b"\0\1")),
        dict(ia=b""),
        dict(ia=b"\0\3\0\x30" + bytes(12)),
        dict(ia=option(3, bytes(11))),
        dict(extra=b"\0"),
        dict(source=LEASE[:15] + b"\1"),
        dict(port=546),
    ],
)
def test_bad_answers(bad):
    s = Server()
    s.asked()
    before = s.xid
    s.answer(ADVERTISE, **bad)
    # a status inside the lease's address is not the lease's own: that one is taken
    if bad.get("inside") and "address" not in bad:
        assert s.client.state == REQUEST
        return
    assert s.client.state == SOLICIT and s.client._xid == before
    assert sum(n for k, n in s.host.counters.items() if k.startswith("dhcp6")) == 1
    s.answer(ADVERTISE)
    s.asked()
    s.answer(REPLY, **bad)
    assert s.client.state == REQUEST and s.client.address is None


def test_any_bytes():
    rng = random.Random(1)
    s = Server()
    s.asked()
    message = bytes((ADVERTISE,)) + s.xid + option(1, DUID) + option(2, SERVER)
    message += option(3, u32(1, 50, 80) + option(5, LEASE + u32(100, 200)))
    for _ in range(3000):
        b = bytearray(message[: rng.choice((len(message), rng.randrange(len(message))))])
        for _ in range(rng.randrange(3)):
            if b:
                b[rng.randrange(len(b))] = rng.randrange(256)
        s.feed(frames.udp(547, 546, bytes(b), source=SE))
        if s.client.state != SOLICIT:
            s = Server()
            s.asked()
            message = message[:1] + s.xid + message[4:]
