# SPDX-License-Identifier: MIT
"""What fuzzing of the network layers feeds and what must hold: no exception, bounded memory, right
bytes.

An input is a list of records (fuzz.records). What each mode makes of the
content stands at the target. Checksums are made right where the mode says so, else no fuzzer would
come past them.
"""

import struct

from evcc import v2gtp
from evcc.net import Host
from evcc.params import Params
from evcc.sdp import Sdp
from evcc.v2gtp import Framer

from fuzz.records import records

MAC = bytes.fromhex("0200000e0e01")
OTHER = bytes.fromhex("0200005e5e02")
US = bytes.fromhex("fe80000000000000000000fffe0e0e01")
PEER = bytes.fromhex("fe80000000000000000000fffe5e5e02")
STATES = "SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSING LAST_ACK TIME_WAIT CLOSED".split()
DHCP = b"\x11\x22\x33"


class Settings:
    net_dad = net_ra = net_dhcp6 = True


class Plain:
    net_dad = False


def add(data):
    """Sum of 16-bit words modulo 0xFFFF, not by the code under test"""
    return int.from_bytes(data + b"\0" * (len(data) & 1), "big") % 0xFFFF


def mended(frame):
    """The frame with IPv6 length and the checksum of its upper layer made right, where there is
    one.
    """
    if len(frame) < 62 or frame[12:14] != b"\x86\xdd":
        return frame
    f = bytearray(frame)
    f[18:20] = (len(f) - 54).to_bytes(2, "big")
    at, kind = 54, f[20]
    if kind == 0:
        kind, at = f[54], 62 + 8 * f[55]
    where = {6: 16, 17: 6, 58: 2}.get(kind)
    if where is None or at + where + 2 > len(f):
        return bytes(f)
    f[at + where : at + where + 2] = b"\0\0"
    total = add(bytes(f[22:54])) + add(bytes(f[at:])) + len(f) - at + kind
    f[at + where : at + where + 2] = (0xFFFE - (total - 1) % 0xFFFF or 0xFFFF).to_bytes(2, "big")
    return bytes(f)


class Net:
    """A host, what it sends checked, its memory bounded."""

    def __init__(self, params):
        self.now = 0
        self.sent = 0
        self.takes = True
        self.host = Host(MAC, self.send, lambda n: (DHCP * 6)[:n], params)
        self.host.start(0)

    def send(self, frame):
        frame = bytes(frame)
        assert 54 <= len(frame) <= 1514 and frame[6:12] == MAC, frame.hex()
        assert frame[18:20] == (len(frame) - 54).to_bytes(2, "big"), frame.hex()
        assert mended(frame) == frame or frame[20] != 17, frame.hex()
        assert (add(frame[22:]) + len(frame) - 54 + frame[20]) % 0xFFFF == 0, frame.hex()
        self.sent += 1
        return self.takes

    def step(self, ms):
        self.now += ms
        deadline = self.host.step(self.now)
        assert deadline <= self.now + 60000

    def check(self, frames):
        h = self.host
        assert len(h._neighbours._cache) <= 8 and len(h._neighbours._waiting) <= 4
        assert len(h.addresses) <= 4 and len(h.counters) <= 40
        if h.router is not None:
            assert len(h.router._valid) <= 8 and len(h.router._links) <= 2
        assert self.sent <= 40 + 3 * frames, "answers more than it is asked"


def ip(data):
    """IPv6, ICMPv6, UDP, neighbour discovery, router advertisements, DHCPv6.

    Mode: bit 0 mend length and checksum, bit 1 destination MAC ours, bit 2 hop limit 255, bit 3 a
    connection is
    opened before, bits 4.. time that passes (16 ms each, squared)."""
    n = Net(Settings)
    got = []
    n.host.udp_bind(50000, lambda a, p, d, t: got.append(len(d)))
    frames = 0
    for mode, content in records(data):
        n.step((mode >> 4) ** 2 * 16)
        if mode & 8:
            n.host.connect(PEER, 1, n.now)
            n.host.udp_send(PEER, 1, 2, b"x", n.now)
        frame = bytearray(content)
        if len(frame) >= 54:
            if mode & 2:
                frame[:6] = MAC
            if mode & 4:
                frame[21] = 255
        n.host.feed(mended(bytes(frame)) if mode & 1 else bytes(frame), n.now)
        n.step(0)
        frames += 1 + bool(mode & 8)
    n.check(frames + n.now // 250)


def _stream(offset, n):
    """n bytes of the peer's stream from an offset: each byte tells its place."""
    return bytes((i * 7 + (i >> 8)) & 255 for i in range(offset, offset + n))


def tcp(data):
    """A connection whose peer says anything, in any order.

    Mode: bits 0-1: 0 raw segment behind a good address; 1-3 relative to the state: flags (1 byte),
    number ahead (2, signed), acknowledgement ahead (2, signed), window (2), data length (1, times
    6), options. Bit 2: owner sends, bit 3: owner closes, bit 4: the link takes nothing until the
    next record, bits 5-7: time (16 ms, squared)."""
    n = Net(Plain)
    h = n.host
    h.learn(PEER, OTHER, 0)
    t = h.connect(PEER, 61851, 0)
    first = 0xFFFFF000
    got = [0, True]

    def on_data(mv, now):
        got[1] = got[1] and bytes(mv) == _stream(got[0], len(mv))
        got[0] += len(mv)

    t.on_data = on_data
    frames, honest = 0, True
    for mode, c in records(data):
        n.takes = not mode & 16
        n.step((mode >> 5) ** 2 * 16)
        if mode & 4:
            t.send(bytes(len(c) * 8), n.now)
        if mode & 8:
            t.close(n.now)
        frames += 1
        if mode & 3 == 0:
            honest = False  # a forger with good numbers can put in bytes of his
            segment = c
        elif len(c) >= 8:
            flags, ahead, acked, window, size = struct.unpack(">BhhHB", c[:8])
            options = c[8:48] + bytes(-len(c[8:48]) % 4)
            start = got[0] + ahead
            if t.state == "SYN_SENT":
                flags |= (mode & 1) and 0x12
                seq, ack, payload = first - 1, t._max + (acked if mode & 2 else 0), b""
            else:
                seq, ack = first + start, t._una + acked
                payload = _stream(max(start, 0), size * 6)
                seq += max(start, 0) - start
            head = struct.pack(">HHII", 61851, t.local_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF)
            head += struct.pack(">BBHI", (20 + len(options)) << 2 & 255, flags, window, 0)
            segment = head + options + payload
        else:
            continue
        frame = MAC + OTHER + b"\x86\xdd\x60\0\0\0\0\0\6\x40" + PEER + US + segment
        h.feed(mended(frame[:1514]), n.now)
        n.step(0)
        assert t._len <= 16384 and len(t._queue) <= 16384 and t._ooo_len <= 1440
        assert t.state in STATES
        assert not honest or got[1], "bytes in the wrong place"
    n.takes = True
    for _ in range(60):
        n.step(3000)
    n.check(frames * 12 + 60)


def _messages(stream, limit):
    """What a framer must find in a stream: (messages, dead)"""
    out, at = [], 0
    while len(stream) - at >= 8:
        version, kind, size = struct.unpack(">HHI", stream[at : at + 8])
        if version != 0x01FE or size > limit:
            return out, True
        if len(stream) - at - 8 < size:
            break
        if size and (0x8001 <= kind <= 0x8006 or 0x8101 <= kind <= 0x8104):
            out.append((kind, stream[at + 8 : at + 8 + size]))
        at += 8 + size
    return out, False


def stream(data):
    """V2GTP framing and SDP answers.

    Mode: bit 0: content goes to the framer (else it is a UDP datagram to the SDP client); bits
    1-2: cut
    into pieces of all, 1, 7 or 64 bytes; bit 3: a good header is put before it."""
    got = []
    framer = Framer(lambda kind, payload, now: got.append((kind, bytes(payload))), 600)
    n = Net(Plain)
    sdp = Sdp(n.host, bytes, bool(data[:1] > b"\x80"), Params())
    sdp.start(0)
    whole = b""
    frames = 0
    for mode, c in records(data):
        frames += 1
        if mode & 1:
            if mode & 8:
                head = bytearray(8)
                v2gtp.pack_header(head, 0x8000 | (mode >> 4), len(c))
                c = bytes(head) + c
            whole += c
            size = (len(c) or 1, 1, 7, 64)[mode >> 1 & 3]
            for i in range(0, len(c), size):
                framer.feed(memoryview(c)[i : i + size], 0)
        else:
            if mode & 8:
                c = b"\1\xfe\x90\1\0\0\0\x14" + c
            head = struct.pack(">HHHH", 15118, sdp._port, 8 + len(c), 0)
            frame = MAC + OTHER + b"\x86\xdd\x60\0\0\0\0\0\x11\x40" + PEER + US + head + c
            n.host.feed(mended(frame), n.now)
            n.now += mode
            sdp.step(n.now)
        if sdp.result:
            address, port, _, mac = sdp.result
            assert len(address) == 16 and address[0] != 255 and 0 < port < 65536
            assert mac in (None, OTHER)
    want, dead = _messages(whole, 600)
    assert got == want and bool(framer.error) == dead
    assert framer._body is None or len(framer._body) <= 600
    n.check(frames)


TARGETS = {"ip": ip, "tcp": tcp, "stream": stream}
LATE = ("evcc.net.dhcp6", "evcc.net.ra", "evcc.net.tcp")
