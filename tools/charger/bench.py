# SPDX-License-Identifier: MIT
"""The station on a real interface: kernel sockets for SDP and TCP, AF_PACKET for SLAC.

For a board on a bench: a PC with a PLC adapter (or any Ethernet, without SLAC) charges it. There
is no pilot and no power; the output is ideal. One session at a time.
"""

import errno
import fcntl
import os
import selectors
import socket
import time

from tools.charger import sdp
from tools.charger.connection import Connection
from tools.charger.output import IdealOutput
from tools.charger.secc.session import Secc
from tools.charger.tls import TlsServer

_MOST_WAIT_S = 0.5
_SIOCGIFHWADDR = 0x8927
_LINK_LOCAL = "fe80"


class BenchError(Exception):
    """str(): what is wrong with which interface, and what to do."""


def interface_address(interface):
    """(link-local address as 16 bytes, interface index, MAC as 6 bytes); BenchError without."""
    try:
        index = socket.if_nametoindex(interface)
    except OSError:
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise BenchError(f"no interface {interface}; there are: {names}") from None
    try:
        with open("/proc/net/if_inet6") as file:
            rows = [line.split() for line in file]
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            mac = fcntl.ioctl(s, _SIOCGIFHWADDR, interface.encode().ljust(40, b"\0"))[18:24]
    except OSError as e:
        raise BenchError(f"{interface}: cannot read its addresses: {e.strerror}") from None
    for address, _, _, _, flags, name in rows:
        if name == interface and address.startswith(_LINK_LOCAL):
            if int(flags, 16) & 0x40:  # IFA_F_TENTATIVE
                raise BenchError(f"{interface}: its address is still being checked: wait 2 s")
            return bytes.fromhex(address), index, mac
    raise BenchError(
        f"{interface} has no IPv6 link-local address: is it up (ip link set {interface} up), and "
        "IPv6 switched on?"
    )


class Bench:
    """interface: name; scenario: Scenario; plan: PowerPlan; slac: match over AF_PACKET;
    say(text): for the person; on_message(entry): each decoded message; tls: None or SSLContext."""

    def __init__(self, interface, scenario, plan, *, slac, say, on_message=None, tls=None):
        self.interface, self.scenario, self.plan = interface, scenario, plan
        self.say, self.on_message = say, on_message
        self.tls, self._secure = tls, False
        self.address, self.index, self.mac = interface_address(interface)
        self.selector = selectors.DefaultSelector()
        self.connection = self.secc = self.link = self.slac = self._tcp = None
        self.memory = {}
        self.sessions = []
        self._asked = None  # who sent the last SDP request
        self._begin = time.monotonic()
        self._udp = self._udp_socket()
        self._listener = self._tcp_socket()
        if slac:
            self._open_slac()

    def now(self):
        """ms since the station was switched on."""
        return int((time.monotonic() - self._begin) * 1000)

    # -- sockets ----------------------------------------------------------------------------

    def _udp_socket(self):
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        group = sdp.ALL_NODES + self.index.to_bytes(4, "little")
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode())
        except PermissionError:
            self.say(
                f"SDP listens on all interfaces: no permission to bind it to {self.interface}"
            )
        try:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
            s.bind(("::", sdp.SDP_PORT))
        except OSError as e:
            s.close()
            raise BenchError(
                f"UDP port {sdp.SDP_PORT}: {e.strerror}; another station on this PC?"
            ) from None
        s.setblocking(False)
        self.selector.register(s, selectors.EVENT_READ, self._datagram)
        return s

    def _tcp_socket(self):
        s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        text = socket.inet_ntop(socket.AF_INET6, self.address)
        for _ in range(20):  # the standards want a port from the dynamic range
            self.port = 0xC000 | int.from_bytes(os.urandom(2), "big") & 0x3FFF
            try:
                s.bind((text, self.port, 0, self.index))
                break
            except OSError as e:
                if e.errno != errno.EADDRINUSE:
                    raise BenchError(f"TCP on {text}%{self.interface}: {e.strerror}") from None
        s.listen(4)
        s.setblocking(False)
        self.selector.register(s, selectors.EVENT_READ, self._accept)
        return s

    def _open_slac(self):
        from tools.charger.slac import EvseSlac
        from tools.rawlink import LinkError, RawLink

        try:
            self.link = RawLink(self.interface, self.mac, (0x88E1,))
        except LinkError as e:
            raise BenchError(str(e)) from None
        self.slac = EvseSlac(self.mac, self.link.send, os.urandom)
        self.slac.on_matched = lambda mac, now: self.say(f"SLAC: matched with {mac.hex(':')}")
        self.slac.start(self.now())
        self.slac.plugged(self.now())
        self.selector.register(self.link, selectors.EVENT_READ, lambda now: None)

    # -- the loop ---------------------------------------------------------------------------

    def run(self, until=lambda: False, limit_s=None):
        """Serve until `until()` is true or limit_s seconds have gone."""
        end = None if limit_s is None else time.monotonic() + limit_s
        while not until() and (end is None or time.monotonic() < end):
            now = self.now()
            deadline = now + _MOST_WAIT_S * 1000
            if self.connection is not None:
                deadline = min(deadline, self.connection.step(now))
                if self.connection.closed:
                    self._finish(now)
                    continue
            if self.slac is not None:
                self.link.poll(now)
                while (frame := self.link.receive()) is not None:
                    self.slac.feed(frame, now)
                deadline = min(deadline, self.slac.step(now))
            for key, _ in self.selector.select(max(0.001, (deadline - self.now()) / 1000)):
                key.data(self.now())

    def close(self):
        for s in (self._tcp, self._listener, self._udp, self.link):
            if s is not None:
                s.close()
        self.selector.close()

    # -- SDP and TCP ------------------------------------------------------------------------

    def _datagram(self, now):
        payload, sender = self._udp.recvfrom(2048)
        if sender[3] != self.index:
            return
        security = sdp.choose(self.scenario.config.sdp_security, payload, self.tls is not None)
        self._secure = security == "tls"
        reply = sdp.answer(payload, self.address, self.port, security)
        if reply is None:
            self.say(f"SDP: {len(payload)} bytes from {sender[0]} are no request")
            return
        if sender != self._asked:  # a car may ask 50 times
            self.say(f"SDP: request from {sender[0]}, answered with port {self.port}")
        self._asked = sender
        try:
            self._udp.sendto(reply, sender)
        except OSError as e:
            self.say(f"SDP: no answer to {sender[0]}: {e.strerror}")

    def _accept(self, now):
        tcp, peer = self._listener.accept()
        if self.connection is not None:
            self.say(f"TCP: second connection from {peer[0]} refused")
            tcp.close()
            return
        self.say(f"TCP: connection from {peer[0]} port {peer[1]}")
        tcp.setblocking(False)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tcp = tcp
        self.secc = Secc(
            self.scenario.config,
            self.plan,
            output=IdealOutput(),
            urandom=os.urandom,
            clock=time.time,
            faults=self.scenario.faults(),
            memory=self.memory,
            on_message=self.on_message,
        )
        tls = TlsServer(self.tls) if self.tls and self._secure else None
        self.connection = Connection(self.secc, self._send, self._close_tcp, tls)
        self.selector.register(tcp, selectors.EVENT_READ, self._readable)

    def _readable(self, now):
        try:
            data = self._tcp.recv(65536)
        except BlockingIOError:
            return
        except OSError as e:
            self.connection.lost(e.strerror, now)
            return
        if data:
            self.connection.receive(data, now)
        else:
            self.connection.lost("closed by the car", now)

    def _send(self, data):
        """Answers are far smaller than a socket buffer: whole or an error, which reading sees."""
        try:
            self._tcp.sendall(data)
        except OSError:
            pass
        return True

    def _close_tcp(self, abort):
        if abort:
            linger = b"\1\0\0\0\0\0\0\0"  # on, 0 s: close sends RST
            self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _finish(self, now):
        self.selector.unregister(self._tcp)
        self._tcp.close()
        self.sessions.append(self.secc.summary())
        self.connection = self._tcp = None
        if self.slac is not None and not self.memory.get("paused"):
            self.slac.unplugged(now)
            self.slac.plugged(now)
