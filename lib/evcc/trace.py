# SPDX-License-Identifier: MIT
"""Ring buffer of what happened: frames, messages, steps. On always, so the first failure is kept.

One bytearray allocated at the start; the oldest records make room. A frame is stored as it was (up
to `snap` bytes), a decoded message as references to its name and ResponseCode: its content is in
the frame and is decoded where there is room. Not for secrets: who gives this file away gives away
frames only. `pcap.dump` writes the ring as pcapng.

Record: u8 kind, u8 flag (1 = outgoing), u16 bytes stored, u16 original length, u32 ms (modulo
2**32), then the bytes: the frame; or two indexes into `names`; or UTF-8 text. Little-endian.
"""

import struct

from evcc.compat import const

_HEAD = const("<BBHHI")
_HEAD_LEN = const(10)
_NAMES_MAX = const(120)
_TEXT_MAX = const(200)

FRAME = 1
MESSAGE = 2
STEP = 3


class Trace:
    """`size` bytes of ring; frames are cut at `snap` bytes.

    `sink(kind, out, data, now)`, if set, hears everything at once and uncut: data is the frame
    (valid during the call), (name, body) of a message, or the text of a step.
    Counters: `records` ever written, `lost` overwritten by newer ones or too big to keep.
    """

    def __init__(self, size=4096, snap=1514, sink=None):
        self.buf = bytearray(size)
        self.snap = snap
        self.sink = sink
        self.keep = False  # whole messages in `last`: (out, name, body)
        self.last = None
        self.names = []
        self.records = 0
        self.lost = 0
        self._start = 0  # of the oldest record
        self._used = 0
        self._head = bytearray(_HEAD_LEN)
        self._pair = bytearray(2)

    def frame(self, out, frame, now):
        """An Ethernet frame went `out` (True) or came in."""
        if self.sink:
            self.sink(FRAME, out, frame, now)
        self._put(FRAME, out, frame, min(len(frame), self.snap), now)

    def message(self, out, name, body, now):
        """A message was sent or decoded; `body` its dict."""
        if self.sink:
            self.sink(MESSAGE, out, (name, body), now)
        if self.keep:
            self.last = out, name, body
        code = body.get("ResponseCode", "") if body else ""
        self._pair[0] = self._reference(name)
        self._pair[1] = self._reference(code)
        self._put(MESSAGE, out, self._pair, 2, now)

    def step(self, text, now):
        """Something else worth knowing, one line."""
        if self.sink:
            self.sink(STEP, False, text, now)
        data = text.encode()
        length = len(data)
        if length > _TEXT_MAX:
            length = _TEXT_MAX
            while data[length] & 0xC0 == 0x80:  # not in the middle of a character
                length -= 1
        self._put(STEP, False, data, length, now)

    def __iter__(self):
        """Oldest first: (ms, kind, out, data, original length). data: bytes of a frame, "name" or
        "name code" of a message, text of a step. Do not record while iterating."""
        position, end = self._start, self._start + self._used
        while position < end:
            kind, out, length, original, now = struct.unpack(_HEAD, self._get(position, _HEAD_LEN))
            data = self._get(position + _HEAD_LEN, length)
            position += _HEAD_LEN + length
            if kind == MESSAGE:
                name, code = self._name(data[0]), self._name(data[1])
                data = name + " " + code if code else name
            elif kind == STEP:
                data = data.decode()
            yield now, kind, bool(out), data, original

    def clear(self):
        self._start = self._used = self.records = self.lost = 0
        self.last = None

    def _reference(self, name):
        names = self.names
        if name in names:
            return names.index(name)
        if len(names) >= _NAMES_MAX:
            return 255
        names.append(name)
        return len(names) - 1

    def _name(self, index):
        return self.names[index] if index < len(self.names) else "?"

    def _put(self, kind, out, data, length, now):
        size = len(self.buf)
        need = _HEAD_LEN + length
        self.records += 1
        if need > size:
            self.lost += 1
            return
        while self._used + need > size:  # the oldest goes
            at = self._start
            gone = _HEAD_LEN + self.buf[(at + 2) % size] + 256 * self.buf[(at + 3) % size]
            self._start = (at + gone) % size
            self._used -= gone
            self.lost += 1
        original = len(data)
        struct.pack_into(
            _HEAD, self._head, 0, kind, 1 if out else 0, length, original, now & 0xFFFFFFFF
        )
        at = (self._start + self._used) % size
        self._copy(at, self._head, _HEAD_LEN)
        self._copy((at + _HEAD_LEN) % size, data, length)
        self._used += need

    def _copy(self, at, data, length):
        buf = self.buf
        first = min(length, len(buf) - at)
        view = memoryview(data)
        buf[at : at + first] = view[:first]
        if first < length:
            buf[0 : length - first] = view[first:length]

    def _get(self, at, length):
        buf = self.buf
        at %= len(buf)
        first = bytes(memoryview(buf)[at : at + length])
        if len(first) < length:
            first += bytes(memoryview(buf)[: length - len(first)])
        return first
