# SPDX-License-Identifier: MIT
"""V2G transfer protocol: the 8-byte header before every message, and the framer for a TCP or TLS
stream.

ISO 15118-20 clause 7.8.3 (as ISO 15118-2 7.8.3): version 0x01, inverse 0xFE, payload type (2
bytes), length (4), big-endian. A peer may split and join messages anywhere. A length is checked
against the limit before memory is taken; a message that lies whole in one segment is passed on
without a copy. It knows types and lengths only, nothing of EXI.
"""

from struct import pack_into, unpack_from

from evcc.compat import const

SAP = const(0x8001)  # supportedAppProtocol; also every message of DIN SPEC 70121 and ISO 15118-2
MAIN = const(0x8002)  # -20 CommonMessages
AC = const(0x8003)
DC = const(0x8004)
# 0x8005 ACDP, 0x8006 WPT: no session opens them yet, and a name costs memory
SCHEDULE = const(0x8101)  # side streams: schedule renegotiation
METERING = const(0x8102)  # metering confirmation
# 0x8103 ACDP_SystemStatus, 0x8104 parking status
SDP_REQ = const(0x9000)
SDP_RES = const(0x9001)


def pack_header(buf, payload_type, length):
    """Writes the header into buf[0:8]; `length` is that of the payload alone."""
    pack_into(">HHI", buf, 0, 0x01FE, payload_type, length)


class Framer:
    """Calls on_message(payload_type, payload memoryview, now) for each whole message of a stream.

    `error`: None, or why the stream is out of step: nothing is taken any more, close it. Types of
    no EXI stream (`wanted(payload_type)` false) and empty messages are skipped and counted. Longer
    than `limit`: error.
    """

    def __init__(self, on_message, limit=8192):
        self.on_message = on_message
        self.limit = limit
        self.error = None
        self.counters = {
            "messages": 0,
            "unknown_type": 0,
            "empty": 0,
            "bad_header": 0,
            "too_long": 0,
        }
        self._head = bytearray(8)
        self._body = None  # grows to the biggest message that came in pieces, at most `limit`
        self._have = 0  # bytes of the message that came in pieces, header included

    def wanted(self, payload_type):
        return 0x8001 <= payload_type <= 0x8006 or 0x8101 <= payload_type <= 0x8104

    def _fail(self, what, text):
        self.counters[what] += 1
        self.error = text

    def _size(self, head):
        """Payload length from a header, or None with `error` set."""
        mark, kind, size = unpack_from(">HHI", head, 0)
        if mark != 0x01FE:
            self._fail("bad_header", "V2GTP header %04x is not 01fe" % mark)
        elif size > self.limit:
            self._fail(
                "too_long", "V2GTP message %04x of %d bytes, limit %d" % (kind, size, self.limit)
            )
        else:
            return size

    def _message(self, kind, payload, now):
        if not payload:
            self.counters["empty"] += 1
        elif not self.wanted(kind):
            self.counters["unknown_type"] += 1
        else:
            self.counters["messages"] += 1
            self.on_message(kind, payload, now)

    def feed(self, data, now):
        """Bytes of the stream, any cut."""
        data = memoryview(data)
        while data and self.error is None:
            have, head = self._have, self._head
            if not have and len(data) >= 8:
                size = self._size(data)
                if size is None:
                    return
                if len(data) >= 8 + size:
                    self._message(data[2] << 8 | data[3], data[8 : 8 + size], now)
                    data = data[8 + size :]
                    continue
            if have < 8:
                n = min(8 - have, len(data))
                head[have : have + n] = data[:n]
                self._have = have = have + n
                data = data[n:]
                if have < 8:
                    return
            size = self._size(head)
            if size is None:
                return
            kind = head[2] << 8 | head[3]
            keep = self.wanted(kind)
            if keep and (self._body is None or len(self._body) < size):
                try:
                    self._body = bytearray(max(size, 256))
                except MemoryError:
                    return self._fail(
                        "too_long", "no memory for a V2GTP message of %d bytes" % size
                    )
            n = min(8 + size - have, len(data))
            if keep:
                memoryview(self._body)[have - 8 : have - 8 + n] = data[:n]
            self._have = have = have + n
            data = data[n:]
            if have == 8 + size:
                self._have = 0
                # of an unwanted one only the header was kept: enough to be counted
                self._message(kind, memoryview(self._body)[:size] if keep else head[:size], now)
