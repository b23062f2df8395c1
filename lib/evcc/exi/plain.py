# SPDX-License-Identifier: MIT
"""Encoder and decoder over the slot tables, in plain bytecode (EXI 1.0, bit-packed, not strict).

The productions of a state are computed while walking: from slot i on, every slot up to and
including the first mandatory one has a code; end-of-element follows when none is. One code more is
the escape, which only an empty value may take.
"""

from evcc.compat import const
from evcc.exi.tables import EXIError, base, find, index, load, name, root, tabs, width

_LAST = const(1)
_OPTIONAL = const(2)
_CHOICE = const(4)
_PLAIN = const(8)
_SIMPLE = const(16)
_MIXED = const(32)

# occurrence index -> max; 0 unbounded; index 1 has min 2
MAX = (1, 255, 0, 2, 3, 4, 5, 6, 8, 10, 16, 20, 24, 32, 128, 255, 1024, 2048)


class Reader:
    """A bit stream being read; `wide`: lists at least this long keep their code when full."""

    def __init__(self, data, wide=0xFFFF):
        self.data = data
        self.at = 8  # bits
        self.end = len(data) * 8
        self.wide = wide
        self.full = False  # a full list was met

    def bits(self, n):
        at = self.at
        stop = at + n
        if stop > self.end:
            raise EXIError("cut short")
        self.at = stop
        last = (stop + 7) >> 3
        return (int.from_bytes(self.data[at >> 3 : last], "big") >> (last * 8 - stop)) & (
            (1 << n) - 1
        )

    def uint(self, limit=10):
        value = shift = 0
        while limit:
            octet = self.bits(8)
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                return value
            shift += 7
            limit -= 1
        raise EXIError("integer too long")

    def value(self, record):
        """A value of the simple type at `record`, its characters bit already read."""
        tab = tabs[record >> 6]
        i = (record - base[record >> 6]) * 4
        kind, a = tab[i], tab[i + 1]
        b = tab[i + 2] | tab[i + 3] << 8
        if kind == 1:
            return self.bits(1) == 1
        if kind == 2:
            v = self.bits(width(tab[i + 3] - 1))
            if v >= tab[i + 3]:
                raise EXIError("no such enumeration value %d" % v)
            return name((a | tab[i + 2] << 8) + v)
        if kind == 3:
            v = self.bits(width(b))
            if a > 127:
                a -= 256
            if v > b:
                raise EXIError("%d is above %d" % (v + a, b + a))
            return v + a
        if kind == 4:
            v = self.uint()
            if v > a | b << 8:
                raise EXIError("%d is above %d" % (v, a | b << 8))
            return v
        if kind == 5:
            v = self.uint()
            if v >> a or v < tab[i + 2]:
                raise EXIError("%d is out of range" % v)
            return v
        if kind == 6:
            sign = self.bits(1)
            v = self.uint(10 if a < 255 else 40)
            if a < 255 and v >> a:
                raise EXIError("%d is out of range" % v)
            return -v - 1 if sign else v
        if kind == 7:
            n = self.uint() - 2
            if n < 0:
                raise EXIError("string table hit")
        else:
            n = self.uint()
        if n * 8 > self.end - self.at:
            raise EXIError("length %d, more than is left" % n)
        if n > b and b != 0xFFFF or n < a and n:
            raise EXIError("length %d is not in %d..%d" % (n, a, b))
        if kind == 7:
            out = bytearray()
            while n:
                n -= 1
                c = self.uint(3)
                if c < 0x80:
                    out.append(c)
                elif c > 0x10FFFF or 0xD800 <= c < 0xE000:
                    raise EXIError("no character %d" % c)
                else:
                    out += chr(c).encode()
            return str(out, "utf-8")
        at = self.at
        self.at = at + n * 8
        shift = at & 7
        at >>= 3
        if not shift:
            return bytes(self.data[at : at + n])
        out = bytearray(n)
        left = 8 - shift
        data = self.data
        octet = data[at]
        for k in range(n):
            following = data[at + 1 + k]
            out[k] = (octet << shift | following >> left) & 0xFF
            octet = following
        return bytes(out)

    def element(self, simple, record, relaxed=0):
        """What follows an element's start: content and end."""
        if not simple:
            return self.relaxed(record, relaxed) if relaxed else self.complex(record)
        kind = tabs[record >> 6][(record - base[record >> 6]) * 4]
        if not kind:  # empty: end of element
            if self.bits(1):
                raise EXIError("not empty")
            return {}
        if kind == 10:
            raise EXIError("not supported")
        if self.bits(1):
            if kind > 6 and not self.bits(3):  # the escape, then end of element
                return "" if kind == 7 else b""
            raise EXIError("no value")
        v = self.value(record)
        if self.bits(1):
            raise EXIError("no end after the value")
        return v

    def relaxed(self, number, n):
        """eMAID in a fragment: EXI's relaxed grammar over n names and 10 attributes, Id the 5th."""
        tab = tabs[number >> 6]
        i = (number - base[number >> 6]) * 4
        out = {}
        for code in (4, n + 13):
            if self.bits(9) != code:
                raise EXIError("unexpected code")
            out[name(tab[i + 1] | (tab[i] & 0xC0) << 2)] = self.value(
                tab[i + 2] | (tab[i + 3] & 7) << 8
            )
            i += 4
        if self.bits(8) != n + 1:
            raise EXIError("no end after the value")
        return out

    def complex(self, number):
        tab = tabs[number >> 6]
        i = (number - base[number >> 6]) * 4
        mixed = 0
        more = False  # what stands at i has occurred often enough
        out = {}
        while True:
            slots, end, n = productions(tab, i, more, mixed)
            code = self.bits(width(n))
            if code >= slots:
                if code == slots and end:
                    return out
                raise EXIError("unexpected code %d of %d" % (code, n))
            k = i + 4 * code
            flags = tab[k]
            key = name(tab[k + 1] | (flags & 0xC0) << 2)
            record = tab[k + 2] | (tab[k + 3] & 7) << 8
            try:
                if flags & _PLAIN:
                    v = self.value(record)
                else:
                    v = self.element(flags & _SIMPLE, record)
            except EXIError as e:
                e.inside(key, len(out[key]) if key in out else -1)
                raise
            bound = tab[k + 3] >> 3
            if bound:
                if key in out:
                    items = out[key]
                    items.append(v)
                else:
                    items = out[key] = [v]
                count = len(items)
                limit = MAX[bound]
                if limit and count >= limit:
                    self.full = True
                    if limit < self.wide:
                        bound = 0
                    elif count > limit:
                        raise EXIError("more than %d" % limit, key)
                if bound:
                    more = count > 1 or bound != 1
                    while k > i and tab[k - 4] & _CHOICE:
                        k -= 4
                    i = k
                    continue
            else:
                out[key] = v
            mixed = flags >> 5 & 1
            i = after(tab, k)
            more = False


def productions(tab, i, more, mixed=0):
    """(slots, end, all codes but the escape) in front of slot i; i < 0: only the end is left."""
    n = 0
    while i >= 0:
        flags = tab[i]
        n += 1
        i = -1 if flags & _LAST else i + 4
        mixed = flags >> 5 & 1
        if not flags & _CHOICE:
            if not (more or flags & _OPTIONAL):
                return n, 0, n + mixed
            more = False
    return n, 1, n + 1 + mixed


def after(tab, k):
    """The slot behind k and its alternatives, or -1."""
    while tab[k] & _CHOICE:
        k += 4
    return -1 if tab[k] & _LAST else k + 4


class Writer:
    """A bit stream being written into `buf` from byte `at`."""

    def __init__(self, buf, at):
        self.buf = buf
        self.at = at
        self.acc = 0
        self.free = 8  # bits left in the octet begun

    def bits(self, v, n):
        free = self.free - n
        acc = self.acc
        if free > 0:
            self.acc = acc | v << free
            self.free = free
            return
        at = self.at
        try:
            while free <= 0:
                self.buf[at] = acc | v >> -free
                at += 1
                acc = 0
                v &= (1 << -free) - 1
                free += 8
        except IndexError:
            raise OverflowError from None
        self.at = at
        self.acc = v << free
        self.free = free

    def flush(self):
        if self.free < 8:
            self.bits(0, self.free)
        return self.at

    def uint(self, v):
        while v > 0x7F:
            self.bits(v & 0x7F | 0x80, 8)
            v >>= 7
        self.bits(v, 8)

    def value(self, record, v):
        tab = tabs[record >> 6]
        i = (record - base[record >> 6]) * 4
        kind, a = tab[i], tab[i + 1]
        b = tab[i + 2] | tab[i + 3] << 8
        if kind == 1:
            if v is not True and v is not False:
                raise EXIError("%r is no boolean" % (v,))
            self.bits(1 if v else 0, 1)
        elif kind == 2:
            self.bits(index(a | tab[i + 2] << 8, tab[i + 3], v), width(tab[i + 3] - 1))
        elif kind < 7:
            if not isinstance(v, int) or isinstance(v, bool):
                raise EXIError("%r is no integer" % (v,))
            if kind == 3:
                low = a - 256 if a > 127 else a
                high = low + b
            elif kind == 4:
                low, high = 0, a | b << 8
            elif kind == 5:
                low, high = tab[i + 2], (1 << a) - 1
            else:
                high = (1 << (a if a < 255 else 280)) - 1
                low = -high - 1
            if v < low or v > high:
                raise EXIError("%d is not in %d..%d" % (v, low, high))
            if kind == 3:
                self.bits(v - low, width(b))
                return
            if kind == 6:
                self.bits(1 if v < 0 else 0, 1)
                if v < 0:
                    v = -v - 1
            self.uint(v)
        else:
            if kind == 7:
                if not isinstance(v, str):
                    raise EXIError("%r is no string" % (v,))
                n = len(v)
            else:
                if not isinstance(v, (bytes, bytearray, memoryview)):
                    raise EXIError("%r is not bytes" % (v,))
                n = len(v)
            if n > b and b != 0xFFFF or n < a and n:
                raise EXIError("length %d is not in %d..%d" % (n, a, b))
            if kind == 7:
                self.uint(n + 2)
                for c in v:
                    c = ord(c)
                    if 0xD800 <= c < 0xE000:
                        raise EXIError("no character %d" % c)
                    self.uint(c)
            else:
                self.uint(n)
                for c in v:
                    self.bits(c, 8)

    def element(self, simple, record, v, relaxed=0):
        if not simple:
            if relaxed:
                self.relaxed(record, v, relaxed)
            else:
                self.complex(record, v)
            return
        kind = tabs[record >> 6][(record - base[record >> 6]) * 4]
        if not kind:
            if not isinstance(v, dict):
                raise EXIError("%r is no dict" % (v,))
            if v:
                raise EXIError("nothing is allowed inside", next(iter(v)))
        elif kind == 10:
            raise EXIError("not supported")
        else:
            self.bits(0, 1)
            self.value(record, v)
        self.bits(0, 1)

    def relaxed(self, number, message, n):
        tab = tabs[number >> 6]
        i = (number - base[number >> 6]) * 4
        for code in (4, n + 13):
            key = name(tab[i + 1] | (tab[i] & 0xC0) << 2)
            if key not in message:
                raise EXIError("missing", key)
            self.bits(code, 9)
            self.value(tab[i + 2] | (tab[i + 3] & 7) << 8, message[key])
            i += 4
        self.bits(n + 1, 8)

    def complex(self, number, message):
        if not isinstance(message, dict):
            raise EXIError("%r is no dict" % (message,))
        tab = tabs[number >> 6]
        first = i = look = (number - base[number >> 6]) * 4
        mixed = 0
        more = False
        used = 0
        while True:
            slots, end, n = productions(tab, i, more, mixed)
            last = i + 4 * slots
            while look < last:
                key = name(tab[look + 1] | (tab[look] & 0xC0) << 2)
                v = message.get(key)
                if v is not None and v != []:
                    break
                look += 4
            else:
                if not end:
                    self.missing(tab, i, last)
                self.bits(slots, width(n))
                break
            used += 1
            k = look
            flags = tab[k]
            record = tab[k + 2] | (tab[k + 3] & 7) << 8
            bound = tab[k + 3] >> 3
            count = 0
            try:
                if not bound:
                    self.bits((k - i) >> 2, width(n))
                    if flags & _PLAIN:
                        self.value(record, v)
                    else:
                        self.element(flags & _SIMPLE, record, v)
                    i = look = after(tab, k)
                    mixed = flags >> 5 & 1
                    more = False
                else:
                    if not isinstance(v, (list, tuple)):
                        raise EXIError("not a list")
                    count = len(v)
                    limit = MAX[bound]
                    if limit and count > limit:
                        raise EXIError("%d of at most %d" % (count, limit))
                    if bound == 1 and count < 2:
                        raise EXIError("%d of at least 2" % count)
                    count = 0
                    for item in v:
                        self.bits((k - i) >> 2, width(n))
                        self.element(flags & _SIMPLE, record, item)
                        count += 1
                        more = count > 1 or bound != 1
                        i = k
                        while i > first and tab[i - 4] & _CHOICE:
                            i -= 4
                        slots, end, n = productions(tab, i, more)
                    look = -1 if flags & _LAST else k + 4
                    if count == limit:
                        i = look = after(tab, k)
                        more = False
                    elif look < 0:
                        look = k + 4  # beyond the last: only the end is left
            except EXIError as e:
                e.inside(key, count if bound and e.path is not None else -1)
                raise
        if used != len(message):
            self.unused(tab, first, message)

    def missing(self, tab, i, last):
        last -= 4
        i = last
        while i > 0 and tab[i - 4] & _CHOICE:
            i -= 4
        keys = []
        while i <= last:
            keys.append(name(tab[i + 1] | (tab[i] & 0xC0) << 2))
            i += 4
        raise EXIError("missing", " or ".join(keys))

    def unused(self, tab, i, message):
        known = []
        while True:
            known.append(name(tab[i + 1] | (tab[i] & 0xC0) << 2))
            if tab[i] & _LAST:
                break
            i += 4
        for key in message:
            if key not in known:
                raise EXIError("not in the schema", str(key))
        # a second alternative of a choice, or None / [] for an absent one


def decode(schema, data):
    """As `evcc.exi.decode`."""
    for wide in (0xFFFF, 255, 16, 1):
        reader = Reader(data, wide)
        try:
            return _document(schema, reader, data)
        except EXIError:
            if not reader.full or wide == 1:
                raise


def _document(schema, reader, data):
    found = load(schema)
    if not len(data) or data[0] != 0x80:
        raise EXIError("no EXI header 0x80")
    code = reader.bits(found[2])
    made = root(found, code)
    if made is None:
        raise EXIError("no root %d" % code)
    try:
        return made[0], reader.element(made[2], made[1])
    except EXIError as e:
        e.inside(made[0])
        raise


def encode_into(schema, name, message, buf, offset=0):
    """As `evcc.exi.encode_into`."""
    made = find(schema, name)
    writer = Writer(buf, offset)
    try:
        writer.bits(0x80, 8)
        writer.bits(made[3], load(schema)[2])
        writer.element(made[2], made[1], message)
        return writer.flush()
    except EXIError as e:
        e.inside(name)
        raise
    except OverflowError:
        raise EXIError("does not fit %d bytes" % (len(buf) - offset), name) from None


def _entry(entries, wanted, code):
    """(code, name, record, n if relaxed) of a fragment by name or by code."""
    for at in range(2, len(entries), 4):
        found = entries[at] | (entries[at + 1] & 0x7F) << 8
        slot = entries[at + 2] | entries[at + 3] << 8
        tab = tabs[slot >> 6]
        i = (slot - base[slot >> 6]) * 4
        key = name(tab[i + 1] | (tab[i] & 0xC0) << 2)
        if code == found or wanted == key:
            n = (entries[0] | entries[1] << 8) if entries[at + 1] > 0x7F else 0
            return found, key, tab[i + 2] | (tab[i + 3] & 7) << 8, n
    raise EXIError("no signed element", wanted or "fragment %d" % code)


def fragment_into(schema, name, value, buf):
    """Encode a fragment into `buf`; returns the end."""
    entries = load(schema)[1]
    code, _, record, relaxed = _entry(entries, name, -1)
    n = (entries[0] | entries[1] << 8) + 1
    writer = Writer(buf, 0)
    try:
        writer.bits(0x80, 8)
        writer.bits(code, width(n))
        writer.element(0, record, value, relaxed)
        writer.bits(n, width(n))
        return writer.flush()
    except EXIError as e:
        e.inside(name)
        raise
    except OverflowError:
        raise EXIError("does not fit %d bytes" % len(buf), name) from None


def decode_fragment(schema, data):
    """As `evcc.exi.decode_fragment`."""
    entries = load(schema)[1]
    if not len(data) or data[0] != 0x80:
        raise EXIError("no EXI header 0x80")
    reader = Reader(data)
    n = (entries[0] | entries[1] << 8) + 1
    _, key, record, relaxed = _entry(entries, None, reader.bits(width(n)))
    try:
        value = reader.element(0, record, relaxed)
        if reader.bits(width(n)) != n:
            raise EXIError("no end of the fragment")
    except EXIError as e:
        e.inside(key)
        raise
    return key, value
