# SPDX-License-Identifier: MIT
"""names.bin: names and enumeration texts in about half of their bytes, each to be read alone.

    49 bytes   of the 48 words: where each begins in their text, and where the last one ends
    text       of the words, ASCII
    u16, little endian, per 8 names: where the first of them begins in the file
    names      a byte of 48 or more is a character, one below is a word; bit 7: the last one

The words are what the names of all sets repeat most.
"""

from collections import Counter

WORDS = 48
ROOM = 160  # bytes: eight names are read into this much on a device
_TEXT = 255  # bytes of all words
_LONGEST = 14


def pack(names):
    """The bytes of names.bin. OverflowError if eight names would not fit the device's room."""
    raw = [name.encode("ascii") or b"?" for name in names]
    found = words(raw)
    coded = [_coded(name, found) for name in raw]
    head = bytearray()
    for i in range(WORDS + 1):
        head.append(sum(map(len, found[:i])))
    head += b"".join(found)
    begin = len(head) + 2 * -(-len(coded) // 8)
    text = bytearray()
    for i, name in enumerate(coded):
        if i % 8 == 0:
            head += (begin + len(text)).to_bytes(2, "little")
        text += name[:-1] + bytes((name[-1] | 0x80,))
        if begin + len(text) - int.from_bytes(head[-2:], "little") > ROOM:
            raise OverflowError(f"names {i // 8 * 8} to {i} take more than {ROOM} bytes")
    return bytes(head + text)


def cut(data, count):
    """The same file with the first `count` names only."""
    head = WORDS + 1 + data[WORDS]
    begin = at = data[head] | data[head + 1] << 8
    starts = []
    for i in range(count):
        if i % 8 == 0:
            starts.append(at)
        while data[at] < 0x80:
            at += 1
        at += 1
    moved = head + 2 * len(starts) - begin
    index = b"".join((start + moved).to_bytes(2, "little") for start in starts)
    return data[:head] + index + data[begin:at]


def words(names):
    """At most 48 words for a list of names (bytes), 255 bytes in all.

    First what no character stands for, then one by one what saves most.
    """
    found = sorted({bytes((c,)) for name in names for c in name if c < WORDS})
    pieces = Counter(names)
    while len(found) < WORDS:
        saved = Counter()
        for piece, times in pieces.items():
            for begin in range(len(piece)):
                for end in range(begin + 2, min(len(piece), begin + _LONGEST) + 1):
                    saved[piece[begin:end]] += times
        room = _TEXT - sum(map(len, found))
        gain, word = max(
            ((n * (len(word) - 1) - len(word), word) for word, n in saved.items()
             if len(word) <= room), default=(0, b""),
        )  # fmt: skip
        if gain <= 0:
            break
        found.append(word)
        left = Counter()
        for piece, times in pieces.items():
            for part in piece.split(word):
                left[part] += times
        pieces = left
    return found + [b""] * (WORDS - len(found))


def _coded(name, found):
    """One name, words taken in the order in which they were found."""
    parts = [name]
    for code, word in enumerate(found):
        if word:
            parts = [
                piece
                for part in parts
                for piece in (_split(part, word, code) if isinstance(part, bytes) else (part,))
            ]
    out = bytearray()
    for part in parts:
        out += part if isinstance(part, bytes) else bytes((part,))
    return bytes(out)


def _split(part, word, code):
    for i, piece in enumerate(part.split(word)):
        if i:
            yield code
        yield piece
