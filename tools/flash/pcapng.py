# SPDX-License-Identifier: MIT
"""Reading the pcapng file of a device: frames with their times and comments. Little-endian only,
as `evcc.pcap` writes it; unknown blocks are skipped, a file that is cut off ends there.
"""

import struct

from . import FlashError


def frames(data):
    """Generator of (Unix time in s, True sent / False received / None, comment, frame)."""
    if data[:4] != b"\n\r\r\n":
        raise FlashError("that is no pcapng file")
    at = 0
    while at + 12 <= len(data):
        kind, total = struct.unpack_from("<II", data, at)
        if total < 12 or at + total > len(data):
            return
        if kind == 6:
            yield _packet(data[at + 8 : at + total - 4])
        at += total


def _packet(body):
    _, high, low, size, _ = struct.unpack_from("<IIIII", body)
    frame = body[20 : 20 + size]
    at, out, comments = 20 + -(-size // 4) * 4, None, []
    while at + 4 <= len(body):
        code, length = struct.unpack_from("<HH", body, at)
        value = body[at + 4 : at + 4 + length]
        at += 4 + -(-length // 4) * 4
        if code == 0:
            break
        if code == 1:
            comments.append(value.decode(errors="replace"))
        elif code == 2 and length == 4:
            out = {1: False, 2: True}.get(struct.unpack("<I", value)[0] & 3)
    return (high << 32 | low) / 1e6, out, "\n".join(comments), frame
