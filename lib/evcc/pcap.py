# SPDX-License-Identifier: MIT
"""pcapng writer: frames with times, direction and comments, and TLS secrets for decryption.

Blocks of IETF draft-ietf-opsawg-pcapng (section header, interface description, enhanced packet,
decryption secrets), little-endian, link type Ethernet, microseconds. Bytes go to a `write`
callable; nothing is ever read back. It does not write other link types, statistics or name blocks.
"""

import struct

from evcc.compat import const

_SECTION = const(0x0A0D0D0A)
_INTERFACE = const(1)
_PACKET = const(6)
_SECRETS = const(10)
_TLS_KEY_LOG = const(0x544C534B)
_COMMENT_MAX = const(4000)


def _option(code, value):
    """One option: u16 code, u16 length, value, zeros up to 4 bytes."""
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _text(text, limit=_COMMENT_MAX):
    """UTF-8 of `text`, cut at a character's border."""
    data = text.encode()
    if len(data) > limit:
        while data[limit] & 0xC0 == 0x80:
            limit -= 1
        data = data[:limit]
    return data


class Writer:
    """`write(bytes)` gets the file's bytes in order. `application`: who wrote it.

    `epoch_us` is added to every time: microseconds since 1970 of the clock's zero.
    The section header goes out at once, then call `interface` before the first `frame`.
    """

    def __init__(self, write, application="uEVCC", comment=None, epoch_us=0):
        self._write = write
        self.epoch_us = epoch_us
        self.interfaces = 0
        self.frames = 0
        options = _option(1, _text(comment)) if comment else b""
        options += _option(4, _text(application)) + _option(0, b"")
        # version 1.0; length of the section not known: -1
        head = struct.pack("<IHHII", 0x1A2B3C4D, 1, 0, 0xFFFFFFFF, 0xFFFFFFFF)
        self._block(_SECTION, head, options)

    def interface(self, name, description=""):
        """Declare an interface; returns its number for `frame`."""
        options = _option(2, _text(name))
        if description:
            options += _option(3, _text(description))
        options += _option(9, b"\x06") + _option(0, b"")  # time in 1e-6 s
        self._block(_INTERFACE, struct.pack("<HHI", 1, 0, 0), options)
        self.interfaces += 1
        return self.interfaces - 1

    def frame(self, frame, now, comment=None, out=None, interface=0, length=None):
        """An Ethernet frame without FCS at `now` ms. `out`: True sent, False received, None
        unknown. `length`: its length on the wire, if `frame` was cut."""
        if interface >= self.interfaces:
            raise ValueError("pcapng: frame for an interface that was not declared")
        us = self.epoch_us + int(now * 1000)
        size = len(frame)
        head = struct.pack("<IIIII", interface, us >> 32, us & 0xFFFFFFFF, size, length or size)
        options = b""
        if comment:
            options += _option(1, _text(comment))
        if out is not None:
            options += _option(2, struct.pack("<I", 2 if out else 1))
        if options:
            options += _option(0, b"")
        self._block(_PACKET, head, options, frame)
        self.frames += 1

    def secrets(self, key_log):
        """TLS secrets, lines of the NSS key log format; must precede the frames they open."""
        data = key_log.encode() if isinstance(key_log, str) else key_log
        self._block(_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(data)), b"", data)

    def _block(self, kind, head, options, data=b""):
        pad = -len(data) % 4
        total = 12 + len(head) + len(data) + pad + len(options)
        write = self._write
        write(struct.pack("<II", kind, total) + head)
        if data:
            write(data)
        write(bytes(pad) + options + struct.pack("<I", total))


def dump(trace, write, epoch_us=0, interface="evcc", secrets=""):
    """The ring of a `Trace` as a pcapng file. Returns the number of frames.

    `trace`: it, or an iterable of its records. `secrets`: text of an NSS key log.

    Messages become comments of their frame: a received one of the frame before, a sent one of the
    frame after it; steps go with the frame after. Texts after the last frame are its comment too.
    """
    writer = Writer(write, epoch_us=epoch_us)
    writer.interface(interface)
    if secrets:
        writer.secrets(secrets)
    held = None
    texts, later = [], []
    for now, kind, out, data, original in trace:
        if kind == 1:  # trace.FRAME
            if held:
                writer.frame(held[0], held[1], "\n".join(texts) or None, held[2], 0, held[3])
            texts, later = later, []
            held = (data, now, out, original)
        elif kind == 2 and not out and held:  # a received message: of the frame before it
            texts.append(data)
        else:
            later.append(data)
    if held:
        texts += later
        writer.frame(held[0], held[1], "\n".join(texts) or None, held[2], 0, held[3])
    return writer.frames
