# SPDX-License-Identifier: MIT
"""A session's network part recorded on CPython, to be replayed on MicroPython byte for byte.

`record(seed)` gives lines; `REPLAY` is the script that reads them from standard input: calls
(start, step, feed, connect, send, close) with their times, and after each the deadline and the
frames that must come out.
"""

import random

from host_tests.net import frames
from host_tests.net.line import SE, Line
from host_tests.net.test_dhcp6 import ADVERTISE, DUID, LEASE, REPLY, SERVER, option, u32
from host_tests.net.test_ra import prefix, ra

PORT = 61851

REPLAY = """
import sys
from evcc.net import Host
from evcc.sdp import Sdp
from evcc.v2gtp import Framer
try:
    unhexlify = bytes.fromhex
except AttributeError:
    from binascii import unhexlify
state = [0]
def urandom(n):
    b = bytearray()
    for i in range(n):
        state[0] = (state[0] * 1103 + 12345) & 0xFFFFF
        b.append(state[0] >> 8 & 255)
    return bytes(b)
class Settings:
    net_dad = True
    net_ra = net_dhcp6 = GLOBAL
    sdp_plain_ok = False
out = []
def send(frame):
    out.append(bytes(frame))
    return True
host = Host(b"\\2\\0\\0\\x0e\\x0e\\1", send, urandom, Settings)
sdp = Sdp(host, urandom, False, Settings)
tcp = None
framer = Framer(lambda kind, payload, now: out.append(bytes(payload)))
def run(line):
    global tcp
    what, now, arg = line.split(" ")
    now, arg = int(now), b"" if arg == "-" else unhexlify(arg)
    if what == "start":
        host.start(now)
    elif what == "feed":
        host.feed(arg, now)
    elif what == "step":
        return host.step(now)
    elif what == "sdp":
        return sdp.start(now).step(now)
    elif what == "ask":
        return sdp.step(now)
    elif what == "connect":
        address, port, tls, mac = sdp.result
        tcp = host.connect(address, port, now)
        tcp.on_data = framer.feed
    elif what == "send":
        return tcp.send(arg, now)
    elif what == "close":
        tcp.close(now)
"""

CHECK = """
n = 0
while True:
    line = sys.stdin.readline().rstrip("\\n")
    if not line:
        break
    n += 1
    answer = run(line)
    want = sys.stdin.readline().rstrip("\\n")
    got = "%s %s" % (answer, ",".join("".join("%02x" % b for b in f) for f in out))
    out.clear()
    if got != want:
        print("line", n, line, "gave", got, "not", want)
        sys.exit(1)
print("same", n, "evcc.net._fast_checksum" in sys.modules)
"""


def script(global_addresses=False):
    """The device side, with or without router advertisements and DHCPv6."""
    return REPLAY.replace("GLOBAL", str(global_addresses))


def record_global():
    """(lines, addresses): router advertisement, DHCPv6 lease and renewals, the ends of both."""
    space, lines = {}, []
    exec(script(True), space)
    out, host = space["out"], space["host"]

    def call(what, now, arg=b""):
        text = f"{what} {now} {bytes(arg).hex() or '-'}"
        answer = space["run"](text)
        sent = list(out)
        lines.append(text)
        lines.append(f"{answer} {','.join(f.hex() for f in sent)}")
        out.clear()
        for f in sent:
            if f[20] == 17 and f[56:58] == b"\x02\x23":  # to the DHCPv6 server
                kind = ADVERTISE if f[62] == 1 else REPLY
                lease = option(3, u32(1, 50, 80) + option(5, LEASE + u32(100, 200)))
                body = bytes((kind,)) + f[63:66] + option(1, DUID)
                call("feed", now, frames.udp(547, 546, body + option(2, SERVER) + lease))

    call("start", 0)
    for t in range(0, 3000, 100):
        call("step", t)
        if t == 1500:
            call("feed", t, ra(prefix()))
    for t in range(3000, 70000, 5000):
        call("step", t)
    addresses = host.addresses
    for t in range(70000, 100000000, 9000000):
        call("step", t)
    assert len(addresses) == 2 and len(host.addresses) <= 1
    return lines, addresses


def record(seed):
    """(lines, counters) of SDP, connection, 40 exchanges and the end over a bad line."""
    line = Line(seed, loss=0.08, double=0.05, reorder=0.05)
    space = {}
    exec(script(), space)  # the device side, here
    out, lines = space["out"], []

    def call(what, arg=b""):
        text = f"{what} {line.now} {bytes(arg).hex() or '-'}"
        answer = space["run"](text)
        lines.append(text)
        lines.append(f"{answer} {','.join(f.hex() for f in out)}")
        for f in out:
            if len(f) >= 54 and f[12:14] == b"\x86\xdd":
                sender(f)
        out.clear()
        return answer

    class Device:
        def start(self, now):
            call("start")

        def step(self, now):
            return call("step")

        def feed(self, frame, now):
            call("feed", frame)

    sender = line._sender("ev")
    line.parts["ev"] = device = Device()
    answer = b"\1\xfe\x90\1\0\0\0\x14" + SE + PORT.to_bytes(2, "big") + b"\x10\0"
    line.se.udp_bind(15118, lambda a, p, d, t: line.se.udp_send(a, p, 15118, answer, t))
    rng = random.Random(seed)
    got = [0]
    conns = []

    def on_connect(conn):
        conns.append(conn)

        def on_data(data, now):
            got[0] += len(data)
            reply = b"".join(
                b"\1\xfe\x80\4" + n.to_bytes(4, "big") + rng.randbytes(n)
                for n in (rng.choice((60, 90, 300, 2000)), 20)
            )
            conn.send(reply, now)

        conn.on_data = on_data

    line.se.listen(PORT, on_connect)
    device.start(line.now)
    line.se.start(line.now)
    line.run(1100)
    call("sdp")
    while space["sdp"].result is None:
        line.run(50)
        call("ask")
    call("connect")
    assert line.run(20000, lambda: space["tcp"].state == "ESTABLISHED")
    for _ in range(40):
        data = rng.randbytes(rng.choice((70, 100, 1000, 3000)))
        want = got[0] + len(data)
        call("send", data)
        assert line.run(30000, lambda want=want: got[0] >= want)
        line.run(100)
    call("close")
    assert line.run(60000, lambda: space["tcp"].state == "CLOSED")
    return lines, space["host"].counters
