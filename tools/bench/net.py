# SPDX-License-Identifier: MIT
"""Figures of the network layers: size as .mpy, ARM instructions per message, heap while idle."""

import tempfile

from tools.vm import build_mpy, instructions, micropython

MODULES = ("evcc/__init__.py", "evcc/compat.py", "evcc/net", "evcc/sdp.py", "evcc/v2gtp.py")
OPTIONAL = ("evcc.net.ra", "evcc.net.dhcp6")

# A connection made by hand. Each round sets its numbers back, so one frame does for all of them.
_SETUP = """
from evcc.net import Host
from evcc.v2gtp import Framer
def urandom(n):
    return bytes(n)
sent = []
def send(frame):
    return True
class Settings:
    net_dad = False
host = Host(b"\\2\\0\\0\\x0e\\x0e\\1", send, urandom, Settings)
host.start(0)
peer = b"\\xfe\\x80\\0\\0\\0\\0\\0\\0\\0\\0\\0\\xff\\xfe\\x5e\\x5e\\2"
mac = b"\\2\\0\\0\\x5e\\x5e\\2"
host.learn(peer, mac)
tcp = host.connect(peer, 61851, 0)
from evcc.net import checksum
from struct import pack, pack_into
def frame(flags, seq, ack, data):
    f = bytearray(74 + len(data))
    pack_into(">6s6sHHHHBB16s16s", f, 0, host.mac, mac, 0x86DD, 0x6000, 0, 20 + len(data), 6, 64,
    peer,
        host.address)
    pack_into(">HHIIBBHHH", f, 54, 61851, tcp.local_port, seq, ack, 0x50, flags, 8000, 0, 0)
    f[74:] = data
    pack_into(">H", f, 70, checksum.field(checksum.add(memoryview(f)[22:], 26 + len(data))))
    return memoryview(f)
S, A = 0x87654321, tcp._max
host.feed(frame(0x12, S - 1, A, b""), 10)
assert tcp.state == "ESTABLISHED"
got = [0]
def on_data(data, now):
    got[0] += len(data)
tcp.on_data = on_data
big = frame(0x18, S, A, bytes(1000))
message = b"\\1\\xfe\\x80\\4\\0\\0\\0\\x50" + bytes(80)
small = frame(0x18, S, A, message)
ack = frame(0x10, S, A + 88, b"")
framer = Framer(lambda kind, payload, now: None)
"""

_FIGURES = (
    ("1000-byte segment in and acknowledged", 400000, "tcp._rcv = S\nhost.feed(big, 20)", ""),
    (
        "88-byte message in, to the framer's owner, acknowledged",
        250000,
        "tcp._rcv = S\nhost.feed(small, 20)",
        "tcp.on_data = framer.feed\n",
    ),
    (
        "88-byte message out",
        250000,
        "tcp._una = tcp._nxt = tcp._max = A\ntcp._len = tcp._head = 0\ntcp.send(message, 30)",
        "",
    ),
    (
        "88-byte message out, its ACK in",
        None,
        "tcp._una = tcp._nxt = tcp._max = A\ntcp.send(message, 30)\nhost.feed(ack, 40)",
        "",
    ),
    ("step with nothing to do", None, "host.step(50)", ""),
)

_HEAP = """
import gc
from evcc.net import Host
import evcc.sdp, evcc.v2gtp, evcc.net.tcp
class Settings:
    net_dad = False
def send(frame):
    return True
def urandom(n):
    return bytes(n)
gc.collect()
a = gc.mem_alloc()
host = Host(b"\\2\\0\\0\\x0e\\x0e\\1", send, urandom, Settings)
host.start(0)
host.step(1)
gc.collect()
b = gc.mem_alloc()
host.learn(bytes(16), bytes(6))
tcp = host.connect(bytes(16), 1, 0)
gc.collect()
print(b - a, gc.mem_alloc() - b)
"""


def rows():
    with tempfile.TemporaryDirectory() as folder:
        made = build_mpy(MODULES, folder, "armv7emsp", optimise=3)
        sizes = {name: len(data) for name, data in made.items()}
        net = [n for n in sizes if n.startswith(("evcc.net", "evcc.sdp", "evcc.v2gtp"))]
        core = sum(sizes[n] for n in net if n not in OPTIONAL)
        found = [
            dict(name="net + sdp + v2gtp .mpy", value=core, unit="bytes", goal=15000),
            dict(
                name="router advertisements .mpy",
                value=sizes[OPTIONAL[0]],
                unit="bytes",
                goal=None,
            ),
            dict(name="DHCPv6 .mpy", value=sizes[OPTIONAL[1]], unit="bytes", goal=None),
        ]
        for name, goal, body, more in _FIGURES:
            value = instructions(_SETUP + more, body, path=[folder])
            found.append(dict(name=name, value=value, unit="ARM instructions", goal=goal))
    with tempfile.TemporaryDirectory() as folder:
        build_mpy(MODULES, folder, None)
        value = instructions(_SETUP, _FIGURES[0][2], path=[folder])
        name = _FIGURES[0][0] + ", without viper"
        found.append(dict(name=name, value=value, unit="ARM instructions", goal=None))
        done = micropython(_HEAP, path=[folder])
        idle, connection = map(int, done.stdout.split())
    found.append(dict(name="host, idle", value=idle, unit="bytes of heap", goal=None))
    found.append(dict(name="TCP connection", value=connection, unit="bytes of heap", goal=None))
    return found
