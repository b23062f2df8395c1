# SPDX-License-Identifier: MIT
"""DER reading (X.690): definite, minimal lengths; one element at a time, no copies.

Everything raises ValueError for input that is not DER or not the expected tag.
"""


def head(b, at, end):
    """(tag, start of content, end of content) of the element at `at`, which must end by `end`."""
    if at + 2 > end:
        raise ValueError("DER: truncated")
    tag = b[at]
    n = b[at + 1]
    at += 2
    if tag & 31 == 31:
        raise ValueError("DER: long tag")
    if n > 127:
        k = n & 127
        if not 0 < k < 4 or at + k > end:
            raise ValueError("DER: length")
        n = int.from_bytes(bytes(b[at : at + k]), "big")
        at += k
        if n < 128 or n < 1 << (8 * k - 8):
            raise ValueError("DER: length is not minimal")
    if at + n > end:
        raise ValueError("DER: truncated")
    return tag, at, at + n


class Reader:
    """Walks through the elements of one constructed value."""

    def __init__(self, data, at=0, end=None):
        self.b = data
        self.at = at
        self.end = len(data) if end is None else end

    def peek(self):
        """Tag of the next element, None at the end."""
        return self.b[self.at] if self.at < self.end else None

    def take(self, tag=None):
        """(start, end) of the content of the next element, which must have this tag."""
        t, start, end = head(self.b, self.at, self.end)
        if tag is not None and t != tag:
            raise ValueError("DER: tag 0x%02x instead of 0x%02x" % (t, tag))
        self.at = end
        return start, end

    def bytes(self, tag=None):
        start, end = self.take(tag)
        return bytes(self.b[start:end])

    def enter(self, tag=0x30):
        """A reader of the next element's content."""
        start, end = self.take(tag)
        return Reader(self.b, start, end)

    def whole(self, tag=None):
        """The next element with its head, as bytes."""
        at = self.at
        self.take(tag)
        return bytes(self.b[at : self.at])

    def oid(self):
        return self.bytes(6)

    def bits(self):
        """Content of a BIT STRING that is whole bytes."""
        b = self.bytes(3)
        if not b or b[0]:
            raise ValueError("DER: bit string")
        return b[1:]

    def integer(self):
        """Content bytes of a non-negative INTEGER, minimal."""
        b = self.bytes(2)
        if not b or b[0] > 127 or (len(b) > 1 and b[0] == 0 and b[1] < 128):
            raise ValueError("DER: integer")
        return b

    def boolean(self):
        b = self.bytes(1)
        if b not in (b"\0", b"\xff"):
            raise ValueError("DER: boolean")
        return b != b"\0"

    def done(self):
        if self.at != self.end:
            raise ValueError("DER: something follows")

    def time(self):
        """UTCTime or GeneralizedTime, with seconds and Z, as unix seconds."""
        tag = self.peek()
        if tag not in (0x17, 0x18):
            raise ValueError("DER: no time")
        s = self.bytes(tag)
        if tag == 0x17:
            s = (b"19" if s[:1] >= b"5" else b"20") + s
        if len(s) != 15 or s[14:] != b"Z" or any(not 48 <= c <= 57 for c in s[:14]):
            raise ValueError("DER: time")
        y = int(s[:4])
        m, d, h, n, x = (int(s[i : i + 2]) for i in (4, 6, 8, 10, 12))
        if not (1 <= m <= 12 and 1 <= d <= 31 and h < 24 and n < 60 and x < 60):
            raise ValueError("DER: time")
        if m < 3:  # days since 1970 of a year that starts in March
            y -= 1
            m += 12
        days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * m - 457) // 5 + d - 719469
        return ((days * 24 + h) * 60 + n) * 60 + x
