# SPDX-License-Identifier: MIT
"""Frames composed by hand, with a checksum written for tests alone (no code of lib/ in it)."""

import struct

from host_tests.net.line import EV, EV_MAC, SE, SE_MAC

ALL_NODES = bytes.fromhex("ff02" + "0" * 27 + "1")
GROUP = bytes.fromhex("ff0200000000000000000001ff0e0e01")


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ip(
    protocol,
    payload,
    check=None,
    source=SE,
    to=EV,
    mac=None,
    eth=SE_MAC,
    hops=64,
    before=b"",
    first=None,
):
    """Ethernet, IPv6, payload; `check`: offset where the checksum goes; `before`: extension
    headers, whose
    first byte is to hold `protocol`; `first`: its type."""
    if mac is None:
        mac = b"\x33\x33" + to[12:] if to[0] == 0xFF else EV_MAC
    if check is not None:
        payload = payload[:check] + b"\0\0" + payload[check + 2 :]
        pseudo = source + to + struct.pack(">II", len(payload), protocol)
        c = 0xFFFF - ones_sum(pseudo + payload)
        if protocol == 17 and c == 0:
            c = 0xFFFF
        payload = payload[:check] + struct.pack(">H", c) + payload[check + 2 :]
    body = before + payload
    head = struct.pack(">IHBB", 6 << 28, len(body), protocol if first is None else first, hops)
    return mac + eth + b"\x86\xdd" + head + source + to + body


def icmp(kind, body, code=0, hops=255, **more):
    return ip(58, bytes((kind, code, 0, 0)) + body, 2, hops=hops, **more)


def ns(target=EV, option=b"\1\1" + SE_MAC, source=SE, to=GROUP, **more):
    return icmp(135, bytes(4) + target + option, source=source, to=to, **more)


def na(target=SE, flags=0x60, option=b"\2\1" + SE_MAC, source=SE, to=EV, **more):
    return icmp(136, bytes((flags, 0, 0, 0)) + target + option, source=source, to=to, **more)


def udp(src, dst, payload, length=None, **more):
    n = 8 + len(payload) if length is None else length
    return ip(17, struct.pack(">HHHH", src, dst, n, 0) + payload, 6, **more)


def tcp(src, dst, seq, ack, flags, window=8000, data=b"", options=b"", **more):
    head = struct.pack(">HHII", src, dst, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF)
    head += struct.pack(">BBHHH", (20 + len(options)) << 2, flags, window, 0, 0)
    return ip(6, head + options + data, 16, **more)


class Segment:
    """A TCP frame taken apart."""

    def __init__(self, frame):
        assert frame[12:14] == b"\x86\xdd" and frame[20] == 6
        n = struct.unpack(">H", frame[18:20])[0]
        self.raw = frame
        body = frame[54 : 54 + n]
        (self.src, self.dst, self.seq, self.ack, off, self.flags, self.window) = struct.unpack(
            ">HHIIBBH", body[:16]
        )
        self.options = body[20 : (off >> 4) * 4]
        self.data = body[(off >> 4) * 4 :]
        pseudo = frame[22:54] + struct.pack(">II", n, 6)
        assert ones_sum(pseudo + body) == 0xFFFF, "bad checksum sent"


def segments(log, sender="ev"):
    """Segments of one sender in a line's log."""
    return [Segment(f) for _, who, f in log if who == sender and len(f) > 20 and f[20] == 6]
