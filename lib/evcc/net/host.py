# SPDX-License-Identifier: MIT
"""An IPv6 host on one link: Ethernet and IPv6 in and out, ICMPv6, UDP, one TCP client connection.

RFC 8200 (header; hop-by-hop header skipped; other extension headers and fragments dropped and
counted), RFC 4443 (echo answered, errors ignored), RFC 768 with the IPv6 checksum rules, RFC 2464.
Router advertisements and DHCPv6 are separate files that are only loaded when their settings ask
for it. Sans-IO: whole Ethernet frames come in by `feed`, go out through `send(memoryview) ->
bool`, which must copy: all frames are built in one buffer. Not here: fragments, path MTU, MLD,
redirects.
"""

from struct import pack_into, unpack_from

from evcc.compat import get_logger
from evcc.net import checksum
from evcc.net.ipv6 import ALL_NODES, ANY, link_local, multicast_mac, solicited_node, text
from evcc.net.neighbours import Neighbours

log = get_logger("evcc.net")


class Host:
    """mac: 6 bytes; send(frame) -> bool; urandom(n) -> bytes. Settings read from params:
    net_dad (True), net_ra (False), net_dhcp6 (False).

    `address`: our link-local one; `addresses`: global ones; `ready`: address checked, may be used;
    `frame_mac`: source MAC of the frame that is being handled; `counters`: why packets were
    dropped.
    """

    def __init__(self, mac, send, urandom, params=None):
        self.mac = bytes(mac)
        self.send = send
        self.urandom = urandom
        self.params = params
        self.address = link_local(mac)
        self.addresses = ()
        self.ready = False
        self.frame_mac = None
        self.counters = {}
        self.tx = bytearray(1514)
        self.tx_view = memoryview(self.tx)
        self.tcp = None
        self.router = None
        self._udp = {}
        self._neighbours = Neighbours(self)
        self._port = None

    def count(self, what):
        self.counters[what] = self.counters.get(what, 0) + 1

    def setting(self, name, default):
        return getattr(self.params, name, default)

    def start(self, now):
        """Link is up: check our address (1 s), then `ready`. Forgets neighbours of an earlier
        link.
        """
        self.stop()
        if self.setting("net_dad", True):
            self._neighbours.check(self.address, now)
        else:
            self.usable(self.address, now)

    def stop(self):
        """Forgets connection, neighbours, global addresses; not the UDP ports. Sends nothing."""
        self.ready = False
        self.tcp = self.router = None
        self.addresses = ()
        self.address = link_local(self.mac)
        self._neighbours = Neighbours(self)

    def usable(self, address, now):
        """Called when duplicate address detection found nobody."""
        log.info("address %s", text(address))
        if self.ready:
            return self.router.usable(address)
        self.address, self.ready = address, True
        if self.setting("net_ra", False) or self.setting("net_dhcp6", False):
            from evcc.net.ra import Router

            self.router = Router(self, now)

    def check(self, address, now):
        """Starts using a global address once nobody else turned out to have it."""
        self._neighbours.check(address, now)

    def owns(self, address):
        return (address == self.address and self.ready) or address in self.addresses

    def step(self, now):
        """Timers. Returns the absolute time in ms by which it wants to be called again."""
        deadline = now + 60000
        for part in (self._neighbours, self.router, self.tcp):
            if part is not None:
                t = part.step(now)
                if t is not None and t < deadline:
                    deadline = t
        return deadline

    # ---- out

    def source_for(self, address):
        """Our address for packets to `address`: a global one to global ones if we have one."""
        if address[0] in (0xFE, 0xFF) or not self.addresses:
            return self.address
        return self.addresses[0]

    def next_hop(self, address, now):
        """The MAC for packets to `address`, or None while we still ask for it."""
        if address[0] == 0xFF:
            return multicast_mac(address)
        if self.router is not None and address[0] != 0xFE:
            address = self.router.via(address)
        return self._neighbours.resolve(address, now)

    def learn(self, address, mac, now=0):
        """Takes a neighbour's MAC from a frame's source instead of asking for it."""
        self._neighbours.learn(bytes(address), bytes(mac), now)

    def in_use(self, address):
        """True while a TCP connection to `address` runs: its MAC then stays."""
        tcp = self.tcp
        return tcp is not None and tcp.address == address and tcp.state != "CLOSED"

    def transmit(self, mac, source, to, protocol, n, check):
        """Sends tx[54:54+n], an upper-layer packet with its checksum field at offset `check`,
        zero.
        """
        tx = self.tx
        pack_into(
            ">6s6sHHHHBB16s16s", tx, 0, mac, self.mac, 0x86DD, 0x6000, 0, n, protocol,
            255 if protocol == 58 else 64, source, to,
        )  # fmt: skip
        frame = self.tx_view[: 54 + n]
        c = checksum.field(checksum.add(frame[22:], n + protocol))
        if protocol == 17 and c == 0:
            c = 0xFFFF
        pack_into(">H", tx, 54 + check, c)
        if self.send(frame):
            return True
        self.count("tx_refused")
        return False

    def udp_bind(self, port, on_datagram):
        """Calls on_datagram(address, port, payload memoryview, now) for datagrams to `port`; None:
        no more.
        """
        if on_datagram is None:
            self._udp.pop(port, None)
        else:
            self._udp[port] = on_datagram

    def udp_send(self, address, dst_port, src_port, payload, now):
        """False: not sent (neighbour not known yet, no space, not ready): try again later."""
        n = len(payload)
        if not self.ready or n > 1452:
            return False
        mac = self.next_hop(address, now)
        if mac is None:
            return False
        pack_into(">HHHH", self.tx, 54, src_port, dst_port, n + 8, 0)
        self.tx_view[62 : 62 + n] = payload
        return self.transmit(mac, self.source_for(address), address, 17, n + 8, 6)

    def connect(self, address, port, now):
        """Opens the TCP connection, ending an earlier one; from here on see `Tcp`."""
        from evcc.net.tcp import Tcp

        if self.tcp is not None:
            self.tcp.abort(now)
        self.tcp = Tcp(self, bytes(address), port)
        self.tcp.open(now)
        return self.tcp

    def new_port(self):
        """A source port in 49152..65535: random once, then counting, so none comes again soon."""
        if self._port is None:
            r = self.urandom(2)
            self._port = (r[0] << 8 | r[1]) & 0x3FFF
        self._port = (self._port + 1) & 0x3FFF
        return 0xC000 | self._port

    # ---- in

    def feed(self, frame, now):
        """One Ethernet frame, any bytes; what is not for us or not good is counted and dropped."""
        n = len(frame)
        if n < 54 or frame[12] != 0x86 or frame[13] != 0xDD or frame[14] >> 4 != 6:
            return self.count("not_ipv6")
        frame = memoryview(frame)
        mac = frame[0:6]
        if mac != self.mac and mac[0:2] != b"\x33\x33":
            return self.count("mac_other")
        end, protocol = 54 + (frame[18] << 8 | frame[19]), frame[20]
        if end > n:
            return self.count("truncated")
        at = 54
        if protocol == 0:  # hop-by-hop: skipped
            protocol = frame[54] if end > 61 else 59
            at += 8 + 8 * frame[55] if end > 61 else 0
        to = frame[38:54]
        to_me = to == self.address or (self.addresses and bytes(to) in self.addresses)
        if not to_me and to != ALL_NODES and not self._group(to):
            return self.count("address_other")
        self.frame_mac = bytes(frame[6:12])
        if self.frame_mac == self.mac:
            return self.count("mac_ours")
        source = bytes(frame[22:38])
        if source[0] == 0xFF or self.frame_mac[0] & 1:
            return self.count("source_bad")
        size = end - at
        if size < (20 if protocol == 6 else 8 if protocol in (17, 58) else 65536):
            return self.count("fragment" if protocol == 44 else "header")
        total = size + protocol
        if at == 54:
            total = checksum.add(frame[22:end], total)
        else:
            total = checksum.add(frame[at:end], checksum.add(frame[22:54], total))
        if total % 0xFFFF or (protocol == 17 and frame[at + 6 : at + 8] == b"\0\0"):
            return self.count("checksum")
        if protocol == 58:
            self._icmp(frame, at, end, source, to_me, now)
        elif not self.ready or source == ANY:
            self.count("source_bad")
        elif protocol == 17:
            src, dst, length = unpack_from(">HHH", frame, at)
            port = self._udp.get(dst)
            if port is None or not 8 <= length <= size:
                self.count("udp_port" if port is None else "udp_length")
            else:
                port(source, src, frame[at + 8 : at + length], now)
        elif to_me:
            fields = unpack_from(">HHIIBBH", frame, at)
            start = at + (fields[4] >> 4) * 4
            if start < at + 20 or start > end:
                return self.count("tcp_length")
            self.tcp_in(fields, source, frame[at + 20 : start], frame[start:end], now)

    def _group(self, to):
        """True for the solicited-node groups of our addresses, the one being checked included."""
        if to[0] == 0xFF and to[11:13] == b"\x01\xff":
            to = bytes(to)
            for a in (self.address, self._neighbours.tentative or ANY) + self.addresses:
                if to == solicited_node(a):
                    return True
        return False

    def _icmp(self, frame, at, end, source, to_me, now):
        kind = frame[at]
        if 133 <= kind <= 137 and frame[21] != 255:
            self.count("hop_limit")
        elif kind == 135 or kind == 136:
            self._neighbours.feed(frame, at, end, source, now)
        elif kind == 134 and self.router is not None:
            self.router.feed(frame, at, end, source, now)
        elif kind == 128 and to_me and self.ready and source != ANY and end - at <= 1460:
            n = end - at
            self.tx_view[54 : 54 + n] = frame[at:end]
            pack_into(">HH", self.tx, 54, 129 << 8, 0)
            self.transmit(self.frame_mac, bytes(frame[38:54]), source, 58, n, 2)
        else:
            self.count("icmp_other")

    def tcp_in(self, fields, source, options, data, now):
        """One TCP segment to us. fields: ports, seq, ack, offset, flags, window."""
        t = self.tcp
        if (
            t is not None
            and fields[1] == t.local_port
            and fields[0] == t.port
            and source == t.address
            and t.state != "CLOSED"
        ):
            t.segment(fields, options, data, now)
        else:
            self.refuse(fields, source, len(data))

    def refuse(self, fields, source, n):
        """RST to a segment of no connection (RFC 9293 3.10.7.1): stale sessions then end."""
        self.count("tcp_stray")
        flags = fields[5]
        if flags & 4:
            return
        if flags & 16:
            seq, ack, out = fields[3], 0, 4
        else:  # SYN and FIN count one each
            seq, ack, out = 0, fields[2] + n + (flags & 1) + (flags >> 1 & 1), 0x14
        ports = fields[1] << 16 | fields[0]
        pack_into(">IIIBBHHH", self.tx, 54, ports, seq, ack & 0xFFFFFFFF, 0x50, out, 0, 0, 0)
        self.transmit(self.frame_mac, self.source_for(source), source, 6, 20, 16)
