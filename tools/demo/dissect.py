# SPDX-License-Identifier: MIT
"""What the frames on the power line said: a second, independent way up the layers.

From recorded Ethernet frames to named messages: HomePlug management messages, IPv6, UDP with SDP,
TCP streams put together from their segments, TLS 1.3 with a key log, V2GTP framing, EXI. It shares
only the EXI codec with the device. It reads whatever it is given: bad frames become rows with an
"error"; it neither answers nor judges. Not read: fragments, extension headers, options of
neighbour discovery.
"""

import struct

from evcc import exi

from . import tls_records as tls

MME_NAMES = {
    0x6000: "CM_UNASSOCIATED_STA",
    0x6008: "CM_SET_KEY",
    0x600C: "CM_GET_KEY",
    0x601C: "CM_AMP_MAP",
    0x6038: "CM_NW_INFO",
    0x6044: "CM_MME_ERROR",
    0x6064: "CM_SLAC_PARM",
    0x6068: "CM_START_ATTEN_CHAR",
    0x606C: "CM_ATTEN_CHAR",
    0x6074: "CM_MNBC_SOUND",
    0x6078: "CM_VALIDATE",
    0x607C: "CM_SLAC_MATCH",
    0x6084: "CM_ATTEN_PROFILE",
    0xA000: "VS_SW_VER",
    0xA01C: "VS_RS_DEV",
    0xA038: "VS_NW_INFO",
    0xA0B8: "VS_PL_LNK_STATUS",
}
MME_KINDS = ("REQ", "CNF", "IND", "RSP")
ND_NAMES = {
    133: "RouterSolicitation",
    134: "RouterAdvertisement",
    135: "NeighbourSolicitation",
    136: "NeighbourAdvertisement",
    143: "MLDv2Report",
}
SCHEMAS = {
    0x8001: "sap",
    0x8002: "iso20_common",
    0x8003: "iso20_ac",
    0x8004: "iso20_dc",
    0x8005: "iso20_acdp",
    0x8006: "iso20_wpt",
    0x8101: "iso20_common",
    0x8102: "iso20_common",
    0x8103: "iso20_acdp",
    0x8104: "iso20_common",
}
SDP_SECURITY = {0x00: "TLS", 0x10: "none"}


def mac_text(mac):
    return ":".join(f"{b:02x}" for b in mac)


def address_text(address):
    """IPv6 address, longest run of zero groups shortened as RFC 5952 wants."""
    import ipaddress

    return str(ipaddress.IPv6Address(bytes(address)))


class Stream:
    """One direction of a TCP connection: bytes in order, each once."""

    def __init__(self, start):
        self.next = start  # sequence number wanted
        self.waiting = {}  # sequence number -> data that came early
        self.buffer = bytearray()
        self.repeated = 0
        self.tls = None  # tls_records.Side, when it is a TLS stream
        self.plain = bytearray()  # what TLS protected

    def segment(self, number, data):
        if data:
            self.waiting[number] = max(data, self.waiting.get(number, b""), key=len)
        progress = True
        while progress:
            progress = False
            for start in list(self.waiting):
                ahead = (start - self.next) & 0xFFFFFFFF
                if ahead < 0x80000000 and ahead > 0:
                    continue
                data = self.waiting.pop(start)
                skip = (self.next - start) & 0xFFFFFFFF
                if skip:
                    self.repeated += 1
                fresh = data[skip:]
                if fresh:
                    self.buffer += fresh
                    self.next = (self.next + len(fresh)) & 0xFFFFFFFF
                    progress = True


class Dissector:
    """`feed(frame, now)` -> list of rows; a row is a dict with

    `t` (ms), `frame` (its number, from 1 as in Wireshark), `from` (`names` of the MAC, else the
    MAC), `layer` ("SLAC", "ICMPv6", "SDP", "TCP", "TLS", "V2G"), `name`, and what is known:
    `message` (EXI as a dict), `schema`, `fields`, `error`.

    `keys(text)`: lines of a key log -> rows of what waited for them (with their own `frame`).
    """

    def __init__(self, names=None):
        self.names = names if names is not None else {}
        self.frames = 0
        self.errors = 0
        self.streams = {}
        self.secrets = tls.Secrets()

    def keys(self, text):
        self.secrets.add(text)
        self._rows = []
        for stream in self.streams.values():
            if stream.tls is not None:
                self._protected(stream)
        return self._rows

    @property
    def sealed(self):
        """TLS records that nobody could open so far."""
        return sum(len(s.tls.records) for s in self.streams.values() if s.tls is not None)

    def feed(self, frame, now):
        self.frames += 1
        self._rows = []
        self._mark = (now, self.frames, "?")
        frame = bytes(frame)
        try:
            self._ethernet(frame)
        except (struct.error, IndexError, ValueError) as error:
            self._row("?", "malformed", error=f"{type(error).__name__}: {error}")
        return self._rows

    def _row(self, layer, name, **more):
        now, frame, who = self._mark
        row = {"t": now, "frame": frame, "from": who}
        row.update(layer=layer, name=name, **more)
        if "error" in more:
            self.errors += 1
        self._rows.append(row)

    def _ethernet(self, frame):
        source = frame[6:12]
        who = self.names.get(bytes(source), mac_text(source))
        self._mark = (*self._mark[:2], who)
        (ethertype,) = struct.unpack_from(">H", frame, 12)
        if ethertype == 0x88E1:
            self._mme(frame)
        elif ethertype == 0x86DD:
            self._ipv6(frame)
        else:
            self._row("Ethernet", f"{ethertype:04x}")

    def _mme(self, frame):
        (kind,) = struct.unpack_from("<H", frame, 15)
        base, sort = kind & 0xFFFC, kind & 3
        name = MME_NAMES.get(base)
        # CM_START_ATTEN_CHAR.IND is 606A, and so on: the name goes with the four types together
        self._row("SLAC", f"{name}.{MME_KINDS[sort]}" if name else f"MME {kind:04x}")

    def _ipv6(self, frame):
        length, header = struct.unpack_from(">HB", frame, 18)
        packet = frame[54 : 54 + length]
        if len(packet) < length:
            raise ValueError("IPv6 packet is cut")
        source, target = frame[22:38], frame[38:54]
        if header == 58:
            self._row("ICMPv6", ND_NAMES.get(packet[0], f"ICMPv6 {packet[0]}"))
        elif header == 17:
            self._udp(packet)
        elif header == 6:
            self._tcp(source, target, packet)
        else:
            self._row("IPv6", f"next header {header}")

    def _udp(self, packet):
        source, target, length = struct.unpack_from(">HHH", packet)
        data = packet[8:length]
        if data[:2] != b"\x01\xfe":
            self._row("UDP", f"{source} to {target}")
            return
        (kind,) = struct.unpack_from(">H", data, 2)
        if kind == 0x9000:
            security = SDP_SECURITY.get(data[8], hex(data[8]))
            self._row("SDP", "SECCDiscoveryReq", fields={"security": security})
        elif kind == 0x9001:
            (port,) = struct.unpack_from(">H", data, 24)
            fields = {
                "address": address_text(data[8:24]),
                "port": port,
                "security": SDP_SECURITY.get(data[26], hex(data[26])),
            }
            self._row("SDP", "SECCDiscoveryRes", fields=fields)
        else:
            self._row("SDP", f"type {kind:04x}")

    def _tcp(self, source, target, packet):
        sport, dport, number, _ack, offset, flags = struct.unpack_from(">HHIIBB", packet)
        data = packet[(offset >> 4) * 4 :]
        key = (source, sport, target, dport)
        if flags & 2:  # SYN
            self.streams[key] = Stream((number + 1) & 0xFFFFFFFF)
            self._row("TCP", "SYN-ACK" if flags & 16 else "SYN")
            return
        if flags & 4:
            self._row("TCP", "RST")
        if data:
            stream = self.streams.get(key)
            if stream is None:  # the recording began in the middle
                stream = self.streams[key] = Stream(number)
            repeated = stream.repeated
            stream.segment(number, data)
            if stream.repeated != repeated:
                self._row("TCP", "retransmission")
            if stream.tls is None and stream.buffer and 20 <= stream.buffer[0] <= 23:
                self._start_tls(key, stream)
            if stream.tls is not None:
                stream.tls.feed(bytes(stream.buffer), self._mark)
                stream.buffer.clear()
                self._protected(stream)
            else:
                self._v2gtp(stream.buffer)
        if flags & 1:
            self._row("TCP", "FIN")

    def _start_tls(self, key, stream):
        """The stream begins with a TLS record: one side of a connection."""
        source, sport, target, dport = key
        other = self.streams.get((target, dport, source, sport))
        if other is not None and other.tls is not None:
            stream.tls = other.tls.connection.sides[1]
        else:
            stream.tls = tls.Connection(self.secrets).sides[0]

    def _protected(self, stream):
        """What TLS says that can be read by now."""
        current = self._mark
        try:
            for self._mark, kind, data in stream.tls.events():
                if kind == tls.HANDSHAKE:
                    name, fields = tls.describe(*data)
                    self._row("TLS", name, **({"fields": fields} if fields else {}))
                elif kind == tls.ALERT:
                    self._row("TLS", "alert", fields={"number": data[1]})
                else:
                    stream.plain += data
                    self._v2gtp(stream.plain)
        except (ValueError, IndexError, struct.error) as error:
            self._row("TLS", "malformed", error=str(error))
        self._mark = current

    def _v2gtp(self, buffer):
        while len(buffer) >= 8:
            version, inverse, kind, length = struct.unpack_from(">BBHI", buffer)
            if (version, inverse) != (1, 0xFE):
                self._row("V2G", "malformed", error="no V2GTP header")
                buffer.clear()
                return
            if len(buffer) < 8 + length:
                return
            payload = bytes(buffer[8 : 8 + length])
            del buffer[: 8 + length]
            self._exi(kind, payload)

    def _exi(self, kind, payload):
        schema = SCHEMAS.get(kind)
        if schema is None:
            self._row("V2G", f"type {kind:04x}", error="no schema for this payload type")
            return
        try:
            name, message = exi.decode(schema, payload)
        except exi.EXIError as error:
            self._row("V2G", f"type {kind:04x}", schema=schema, error=str(error))
            return
        self._row("V2G", name, schema=schema, bytes=len(payload), message=message)
