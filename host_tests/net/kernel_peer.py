# SPDX-License-Identifier: MIT
"""Our stack against the Linux kernel, inside a network namespace (see netns.py): one scenario per
run.

`python kernel_peer.py SCENARIO [ARGUMENT...]` prints one line of JSON. The kernel has s0, we e0;
loss, duplication and reordering are made between our port and our host, by seed.
"""

import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

from evcc.net import Host, ipv6

from host_tests.net.line import EV, EV_MAC, SE, SE_MAC, Inbox, Settings
from tools.charger.net import StationHost
from tools.rawlink import RawLink

START = time.monotonic()
PEER = socket.inet_ntop(socket.AF_INET6, SE)
US = socket.inet_ntop(socket.AF_INET6, EV)


def now():
    return int((time.monotonic() - START) * 1000)


class Rough:
    """A host on e0, with a bad line in between."""

    def __init__(self, loss=0.0, double=0.0, reorder=0.0, seed=1, kind=Host, **settings):
        self.random = random.Random(seed)
        self.loss, self.double, self.reorder = loss, double, reorder
        self.link = RawLink("e0", EV_MAC)
        self.late = []  # (time, to us?, frame)
        self.seen = []
        settings.setdefault("net_dad", False)
        self.host = kind(EV_MAC, self.send, os.urandom, Settings(**settings))
        self.host.start(now())

    def _rough(self, frame, inward):
        for _ in range(2 if self.random.random() < self.double else 1):
            if self.random.random() < self.loss:
                continue
            if self.random.random() < self.reorder:
                self.late.append((now() + self.random.randrange(3, 20), inward, bytes(frame)))
            else:
                yield frame

    def send(self, frame):
        for f in self._rough(frame, False):
            if not self.link.send(f):
                return False
        return True

    def loop(self, until, seconds=20.0, every=None):
        """Runs the host until the condition holds; returns whether it does."""
        end = now() + int(seconds * 1000)
        while not until():
            if now() >= end:
                return False
            wait = min(self.host.step(now()) - now(), 5 if self.late else 20)
            select.select([self.link], [], [], max(0, wait) / 1000)
            self.link.poll(now())
            while (frame := self.link.receive()) is not None:
                self.seen.append(bytes(frame))
                for f in self._rough(frame, True):
                    self.host.feed(f, now())
            for item in [i for i in self.late if i[0] <= now()]:
                self.late.remove(item)
                if item[1]:
                    self.host.feed(item[2], now())
                else:
                    self.link.send(item[2])
            if every:
                every()
        return True

    def connect(self, port, seconds=15.0):
        self.tcp = self.host.connect(SE, port, now())
        self.inbox = self.tcp.on_data = Inbox()
        assert self.loop(lambda: self.tcp.state != "SYN_SENT", seconds), "no connection"
        assert self.tcp.state == "ESTABLISHED", self.tcp.error
        return self.tcp


def serve(handle, **options):
    """A listening kernel socket; handle(connection) runs in a thread. Returns (port, outcome,
    thread).
    """
    server = socket.socket(socket.AF_INET6)
    for name, value in options.items():
        server.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
    server.bind(("::", 0))
    server.listen()
    outcome = {}

    def run():
        conn, outcome["from"] = server.accept()
        try:
            outcome["result"] = handle(conn)
        except OSError as e:
            outcome["error"] = type(e).__name__

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return server.getsockname()[1], outcome, thread


def kernel_states():
    """States of the kernel's TCP sockets besides listening ones (06 is TIME_WAIT)."""
    with open("/proc/net/tcp6") as f:
        return sorted(line.split()[3] for line in f.readlines()[1:] if line.split()[3] != "0A")


def read_all(conn):
    got = b""
    while part := conn.recv(65536):
        got += part
    return got


def transfer(size, seed):
    """`size` bytes each way at the same time through 10 % loss, duplication and reordering."""
    size, seed = int(size), int(seed)
    up, down = random.Random(seed).randbytes(size), random.Random(seed + 1).randbytes(size)

    def handle(conn):
        threading.Thread(target=conn.sendall, args=(down,), daemon=True).start()
        got = b""
        while len(got) < size:
            got += conn.recv(65536)
        return got == up

    port, outcome, thread = serve(handle)
    r = Rough(0.1, 0.1, 0.1, seed)
    tcp = r.connect(port, 30)
    sent = 0

    def more():
        nonlocal sent
        while sent < size and tcp._len < 6000 and tcp.send(up[sent : sent + 3000], now()):
            sent += min(3000, size - sent)

    t0 = time.monotonic()
    done = r.loop(lambda: len(r.inbox) >= size and "result" in outcome, 200, more)
    return {
        "done": done,
        "up": outcome.get("result"),
        "down": r.inbox == down,
        "seconds": round(time.monotonic() - t0, 1),
        "counters": r.host.counters,
    }


def peer_closes():
    def handle(conn):
        conn.recv(100)
        conn.sendall(b"bye")
        conn.close()

    port, _, _ = serve(handle)
    r = Rough()
    tcp = r.connect(port)
    tcp.send(b"hello", now())
    ok = r.loop(lambda: tcp.state == "CLOSED", 5)
    return {"ok": ok, "error": tcp.error, "data": r.inbox.decode(), "kernel": kernel_states()}


def peer_resets():
    def handle(conn):
        conn.recv(100)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()

    port, _, _ = serve(handle)
    r = Rough()
    tcp = r.connect(port)
    tcp.send(b"hello", now())
    r.loop(lambda: tcp.state == "CLOSED", 5)
    return {"state": tcp.state, "error": tcp.error, "kernel": kernel_states()}


def we_close():
    port, outcome, thread = serve(lambda conn: (read_all(conn).decode(), conn.close())[0])
    r = Rough()
    tcp = r.connect(port)
    tcp.send(b"all of it", now())
    tcp.close(now())
    ok = r.loop(lambda: tcp.state == "CLOSED", 8)
    return {"ok": ok, "error": tcp.error, "read": outcome.get("result"), "kernel": kernel_states()}


def we_abort():
    port, outcome, thread = serve(read_all)
    r = Rough()
    tcp = r.connect(port)
    tcp.abort(now())
    thread.join(3)
    return {"error": outcome.get("error"), "kernel": kernel_states()}


def stall():
    """The peer reads nothing for 4 s: its window closes; then it reads all."""
    data = random.Random(4).randbytes(60000)

    def handle(conn):
        time.sleep(4)
        got = b""
        while len(got) < len(data):
            got += conn.recv(4096)
        return got == data

    port, outcome, _ = serve(handle, SO_RCVBUF=4096)
    r = Rough()
    tcp = r.connect(port)
    sent, closed = 0, 0

    def more():
        nonlocal sent, closed
        while sent < len(data) and tcp._len < 6000 and tcp.send(data[sent : sent + 2000], now()):
            sent += 2000
        closed += tcp._wnd < 64

    ok = r.loop(lambda: "result" in outcome, 25, more)
    return {"ok": ok, "same": outcome.get("result"), "closed": closed, "state": tcp.state}


def crumbs():
    """One byte per segment."""
    data = random.Random(5).randbytes(400)

    def handle(conn):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(data)):
            conn.send(data[i : i + 1])
            time.sleep(0.002)
        conn.recv(10)

    port, _, _ = serve(handle)
    r = Rough(0.05, 0.05, 0.05)
    r.connect(port)
    ok = r.loop(lambda: len(r.inbox) >= len(data), 30)
    sizes = [len(f) for f in r.seen if f[20:21] == b"\x06"]
    return {"ok": ok, "same": r.inbox == data, "segments": sum(75 == n for n in sizes)}


def refused():
    r = Rough()
    tcp = r.host.connect(SE, 9, now())
    ports = set()
    ok = r.loop(lambda: ports.add(tcp.local_port) or tcp.state == "CLOSED", 10)
    return {"ok": ok, "error": tcp.error, "ports": len(ports)}


def asleep():
    """The device does nothing for 7 s with data under way in both directions."""

    def handle(conn):
        got = b""
        while len(got) < 2000:
            conn.send(b"q" * 100)
            got += conn.recv(4096)
            time.sleep(0.2)
        conn.sendall(b"end")
        return got == b"a" * len(got)

    port, outcome, _ = serve(handle)
    r = Rough()
    tcp = r.connect(port)
    answered = [0]

    def more():
        while answered[0] + 100 <= len(r.inbox) and answered[0] < 2000:
            answered[0] += 100
            tcp.send(b"a" * 100, now())

    r.loop(lambda: len(r.inbox) >= 500, 10, more)
    tcp.send(b"a" * 100, now())
    time.sleep(7)
    ok = r.loop(lambda: r.inbox.endswith(b"end"), 15, more)
    return {"ok": ok, "same": outcome.get("result"), "state": tcp.state}


def neighbours():
    """The kernel checks our address again by unicast; its entry stays reachable."""
    base = "/proc/sys/net/ipv6/neigh/s0/"
    for name, value in (("base_reachable_time_ms", 500), ("delay_first_probe_time", 1)):
        with open(base + name, "w") as f:
            f.write(str(value))
    port, _, _ = serve(lambda conn: time.sleep(20))
    r = Rough(net_dad=True)
    assert r.loop(lambda: r.host.ready, 3)
    r.connect(port)
    probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    last = [0]

    def every():
        if now() - last[0] > 200:
            last[0] = now()
            probe.sendto(b"x", (US, 5000, 0, socket.if_nametoindex("s0")))

    r.loop(lambda: False, 6, every)
    unicast = sum(f[0:6] == EV_MAC and f[20] == 58 and f[54] == 135 for f in r.seen)
    entry = subprocess.run(
        ["ip", "-6", "neigh", "show", "dev", "s0"], capture_output=True, text=True, timeout=5
    ).stdout
    return {"unicast": unicast, "entry": entry, "answered": r.host.counters.get("ns", 0)}


def duplicate_ours():
    """The kernel has our address already: we see its advertisement and take another one."""
    subprocess.run(["ip", "addr", "add", US + "/64", "dev", "s0", "nodad"], check=True, timeout=5)
    r = Rough(net_dad=True)
    ok = r.loop(lambda: r.host.ready, 5)
    port, outcome, _ = serve(lambda conn: conn.recv(10).decode())
    tcp = r.connect(port)
    tcp.send(b"other", now())
    r.loop(lambda: "result" in outcome, 3)
    return {"ok": ok, "other": r.host.address != EV, "read": outcome.get("result")}


def duplicate_theirs():
    """The kernel checks our address as its own: it must hear that it is taken."""
    r = Rough()
    with open("/proc/sys/net/ipv6/conf/s0/accept_dad", "w") as f:
        f.write("1")
    subprocess.run(["ip", "addr", "add", US + "/64", "dev", "s0"], check=True, timeout=5)
    command = ["ip", "-6", "addr", "show", "dev", "s0"]
    r.loop(lambda: False, 2.5)
    text = subprocess.run(command, capture_output=True, text=True, timeout=5).stdout
    lines = [line for line in text.splitlines() if US in line]
    return {"failed": "dadfailed" in lines[0], "answered": r.host.counters.get("ns", 0)}


def ping():
    """Echo requests of the kernel, small and big; UDP both ways, the neighbour asked for by us."""
    r = Rough(net_dad=True)
    assert r.loop(lambda: r.host.ready, 3)
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    s.setblocking(False)
    answers = []

    def every():
        try:
            data = s.recv(2000)
        except BlockingIOError:
            return
        if data[0] == 129:
            answers.append(data[4:])

    target = (US, 0, 0, socket.if_nametoindex("s0"))
    want = [struct.pack(">HH", 7, i) + os.urandom(i) for i in (0, 1, 56, 1400)]
    for body in want:
        s.sendto(b"\x80\0\0\0" + body, target)
    r.loop(lambda: len(answers) == 4, 3, every)
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    u.bind(("::", 0))
    u.setblocking(False)
    heard = []
    r.host.udp_bind(50000, lambda a, p, d, t: heard.append(bytes(d)))
    port = u.getsockname()[1]
    sent = r.loop(lambda: r.host.udp_send(SE, port, 50000, b"question", now()), 3)

    def echo():
        try:
            data, who = u.recvfrom(100)
            u.sendto(data[::-1], who)
        except BlockingIOError:
            pass

    r.loop(lambda: heard, 3, echo)
    return {"echo": answers == want, "udp": sent and heard == [b"noitseuq"]}


def server(seed):
    """The kernel as client of the station's host: several connections, data both ways, a refused
    port.
    """
    r = Rough(0.05, 0.05, 0.05, int(seed), StationHost)
    conns = []

    def on_connect(conn):
        conns.append(conn)
        conn.on_data = lambda data, t: conn.send(bytes(data), t)

    r.host.listen(61851, on_connect)
    scope = socket.if_nametoindex("s0")
    results = {}

    def client(name):
        data = random.Random(name).randbytes(20000)
        with socket.create_connection((US + "%s0", 61851), 20) as s:
            s.settimeout(30)
            got = b""
            for i in range(0, 20000, 500):
                s.sendall(data[i : i + 500])
                while len(got) < i + 500:
                    part = s.recv(4096)
                    assert part, "closed early"
                    got += part
            results[name] = got == data

    def nobody():
        try:
            socket.create_connection((US + "%s0", 61852), 20)
        except ConnectionRefusedError:
            results["refused"] = True

    jobs = [threading.Thread(target=client, args=(i,), daemon=True) for i in range(3)]
    jobs.append(threading.Thread(target=nobody, daemon=True))
    for j in jobs:
        j.start()
    ok = r.loop(lambda: not any(j.is_alive() for j in jobs), 60)
    r.loop(lambda: all(c.state == "CLOSED" for c in conns), 10)
    return {
        "ok": ok, "results": sorted(map(str, results.items())), "states": [c.state for c in conns],
        "scope": scope,
    }  # fmt: skip


def dnsmasq(mode, *command):
    """Router advertisements (mode ra) or a DHCPv6 lease (mode dhcp) from dnsmasq; then TCP between
    global addresses.
    """
    subprocess.run(
        ["ip", "addr", "add", "fd00:1::1/64", "dev", "s0", "nodad"], check=True, timeout=5
    )
    kind = "::,slaac,64,2h" if mode == "ra" else "fd00:1::100,fd00:1::1ff,64,2m"
    arguments = [
        "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=s0", "--bind-interfaces",
        f"--dhcp-range={kind.replace('::,slaac', 'fd00:1::,slaac')}", "--enable-ra",
        "--dhcp-leasefile=" + os.path.join(os.environ["TMPDIR"], f"leases-{mode}"), "--user=root",
        "--log-dhcp", "--dhcp-authoritative", "--pid-file", "--leasefile-ro",
    ]  # fmt: skip
    log = open(os.path.join(os.environ["TMPDIR"], f"dnsmasq-{mode}.log"), "w+")
    daemon = subprocess.Popen([*command, *arguments], stderr=log, stdout=log)
    time.sleep(1)
    try:
        r = Rough(net_dad=True, net_ra=mode == "ra", net_dhcp6=mode == "dhcp")
        ok = r.loop(lambda: r.host.addresses, 20)
        if not ok:
            log.seek(0)
            return {"ok": ok, "log": log.read()[-2000:], "counters": r.host.counters}
        address = ipv6.text(r.host.addresses[0])
        port, outcome, _ = serve(lambda conn: conn.recv(10).decode())
        peer = socket.inet_pton(socket.AF_INET6, "fd00:1::1")
        tcp = r.host.connect(peer, port, now())
        r.loop(lambda: tcp.state == "ESTABLISHED", 5)
        tcp.send(b"global", now())
        r.loop(lambda: "result" in outcome, 3)
        result = {
            "ok": ok, "address": address, "read": outcome.get("result"),
            "from": outcome.get("from", [None])[0],
            "gateway": r.host.router.gateway and ipv6.text(r.host.router.gateway),
        }  # fmt: skip
        if mode == "dhcp":
            dhcp = r.host.router.dhcp
            before = dhcp._until
            dhcp._renew = now()
            time.sleep(0.01)
            result["renewed"] = r.loop(lambda: dhcp.state == 0 and dhcp._until > before, 5)
            dhcp.release(now())
            result["released"] = r.loop(lambda: dhcp.state == 0, 5) and not r.host.addresses
            log.seek(0)
            result["log"] = [
                w for w in ("DHCPREPLY", "DHCPRENEW", "DHCPRELEASE") if w in log.read()
            ]
        return result
    finally:
        daemon.kill()


if __name__ == "__main__":
    answer = globals()[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(answer | {"mac": SE_MAC.hex()}), flush=True)
    os._exit(0)
