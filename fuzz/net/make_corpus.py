# SPDX-License-Identifier: MIT
"""Writes the committed corpus: good exchanges, one per kind, from which the fuzzer starts.

python -m fuzz.net.make_corpus
"""

import hashlib
import struct
from pathlib import Path

import tools  # noqa: F401  (puts lib/ on the path)
from fuzz.net.targets import DHCP, MAC
from fuzz.records import pack
from host_tests.net import frames
from host_tests.net.test_dhcp6 import ADVERTISE, DUID, LEASE, REPLY, SERVER, option, u32
from host_tests.net.test_ra import GLOBAL, prefix, ra

FOLDER = Path(__file__).resolve().parent / "corpus"
READY = (0xF0, b"")  # 3.6 s pass: the address is checked


def ip_seeds():
    lease = option(3, u32(1, 50, 80) + option(5, LEASE + u32(100, 200)))
    options = option(1, DUID) + option(2, SERVER) + lease
    offer = frames.udp(547, 546, bytes((ADVERTISE,)) + DHCP + options)
    reply = frames.udp(547, 546, bytes((REPLY,)) + DHCP + options)
    rapid = frames.udp(547, 546, bytes((REPLY,)) + DHCP + options + option(14, b""))
    status = frames.udp(547, 546, bytes((REPLY,)) + DHCP + options + option(13, b"\0\3"))
    hop = b"\x11\0\5\2\0\0\1\0"
    for run in (
        [frames.ns(source=bytes(16), option=b"", eth=b"\2\0\0\0\0\7")],
        [
            READY,
            frames.ns(),
            frames.ns(to=frames.EV, option=b""),
            frames.ns(source=bytes(16), option=b""),
        ],
        [READY, frames.na(), frames.na(flags=0x20), (8, frames.na()), (8, frames.na(flags=0x40))],
        [READY, frames.icmp(128, b"\0\1\0\2data"), frames.icmp(1, bytes(48))],
        [READY, frames.udp(1, 50000, b"hello"), frames.udp(1, 50000, b"x", before=hop, first=0)],
        [READY, frames.ip(44, b"\x11\0\0\1" + bytes(40)), frames.ip(60, bytes(16))],
        [
            READY,
            frames.icmp(143, bytes(24), before=b"\x3a" + hop[1:], first=0, to=frames.ALL_NODES),
        ],
        [
            READY,
            ra(prefix()),
            READY,
            frames.ns(target=GLOBAL, to=GLOBAL),
            ra(prefix(valid=1, preferred=1)),
        ],
        [READY, ra(prefix(), prefix(b"\xfd" + bytes(7))), (8, ra(seconds=0))],
        [READY, offer, reply, READY, READY, (0xF1, status), READY],
        [READY, rapid, READY, (1, reply)],
        [
            READY,
            (8, frames.tcp(1, 49153, 5, 6, 0x12)),
            frames.tcp(1, 2, 3, 4, 2),
            frames.tcp(1, 2, 3, 4, 4),
        ],
    ):
        yield pack(*(r if isinstance(r, tuple) else (1, r) for r in run))


def tcp_seeds():
    def rel(flags, ahead=0, acked=0, window=8000, size=0, options=b"", mode=1):
        return mode, struct.pack(">BhhHB", flags, ahead, acked, window, size) + options

    opened = rel(0x12, options=b"\2\4\5\xa0")
    for run in (
        [opened, rel(16, size=20), rel(24, size=240)],
        [rel(0x14), (0xE0, b""), rel(0x12, mode=3)],
        [
            opened,
            rel(16, 120, size=20),
            rel(16, 60, size=20),
            rel(16, size=10),
            rel(16, -30, size=30),
        ],
        [
            opened,
            rel(16, mode=5, acked=8),
            rel(16, acked=64),
            rel(16, window=0, mode=5),
            (0xE1, b""),
            rel(16),
        ],
        [opened, rel(4, 5), rel(2), rel(16, acked=100), rel(4)],
        [opened, rel(17, size=3), rel(16, acked=1)],
        [opened, (13, rel(16)[1]), rel(16, acked=65), rel(17), (0xE1, b""), rel(17, -1)],
        [opened, (21, rel(16, size=9)[1]), rel(16), (9, rel(17)[1]), rel(16, acked=1)],
        [opened, rel(16, -1), rel(16, 2900, size=1), rel(16, 32000, size=1)],
        [(0, bytes(20)), opened, (0, bytes(40))],
    ):
        yield pack(*run)


def stream_seeds():
    answer = frames.SE + b"\xf1\x9b\x10\0"
    for run in (
        [
            (9 | k << 4 | cut << 1, bytes(range(n)))
            for k, cut, n in ((1, 0, 5), (2, 1, 20), (4, 2, 200))
        ],
        [(1, b"\1\xfe\x80\2\0\0\0\3abc\1\xfe"), (1, b"\x80\4\0\0\0\1x")],
        [
            (9 | 15 << 4, b"skipped"),
            (9 | 1 << 4, b""),
            (3, b"\1\xfe\x90\1\0\0\0\2no"),
            (9 | 6 << 4, b"x"),
        ],
        [(1, b"\1\xfe\x80\2\xff\xff\xff\xff")],
        [(1, b"\2\xfe\x80\2\0\0\0\1x")],
        [(8, answer), (8, answer)],
        [
            (8, answer[:10]),
            (0, b"\1\xfe\x90\0\0\0\0\2\x10\0"),
            (8, frames.ALL_NODES + b"\1\2\x10\0"),
        ],
        [(0x80, b""), (8, frames.SE + b"\1\2\0\0")],
    ):
        yield pack(*run)


def main():
    for name, seeds in (("ip", ip_seeds), ("tcp", tcp_seeds), ("stream", stream_seeds)):
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        for data in seeds():
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    assert MAC == frames.EV_MAC


if __name__ == "__main__":
    main()
