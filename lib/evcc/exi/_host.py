# SPDX-License-Identifier: MIT
"""The codec for CPython: the message as one big integer, the states of a type kept once made.

Same tables and same results as `plain`, several times faster, and with no care for memory: states,
enumeration texts and value tables stay. It knows the regular case only. For whatever else (errors,
the escape, full lists in the wide form) it returns None, and `plain` decides and finds the words.
Not for devices; nothing there imports it.
"""

from evcc.exi.plain import MAX, after, productions
from evcc.exi.tables import base, find, load, name, root, tabs, width

_LAST, _OPTIONAL, _CHOICE, _PLAIN, _SIMPLE = 1, 2, 4, 8, 16
_EMPTY, _BOOL, _ENUM, _NBIT, _UINT, _UINT_WIDE, _INT, _STRING, _REFUSED = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    10,
)
_TABLE_BITS = 10  # values of up to this many bits, with what is around them, are looked up

_readers = {}  # (record, simple, bare) -> read(bits, left) -> (value, left)
_writers = {}  # (record, simple, bare) -> write(value, bits) -> bits


class _Trouble(Exception):
    """Not the regular case."""


_GIVE_UP = (_Trouble, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


def decode(schema, data):
    """As `evcc.exi.decode`; None when `plain` has to do it."""
    try:
        found = load(schema)
        left = 8 * len(data) - 8 - found[2]
        bits = int.from_bytes(data, "big")
        if data[0] != 0x80:
            return None
        made = root(found, bits >> left & (1 << found[2]) - 1)
        return made[0], _reader(made[1], made[2], 0)(bits, left)[0]
    except _GIVE_UP:
        return None


def encode(schema, wanted, message):
    """As `evcc.exi.encode`; None when `plain` has to do it."""
    try:
        found = load(schema)
        made = found[3].get(wanted) or find(schema, wanted)
        bits = 0x80 << found[2] | made[3]  # its top bit stays: it counts the bits
        bits = _writer(made[1], made[2], 0)(message, bits)
        bits <<= -bits.bit_length() & 7
        return bits.to_bytes(bits.bit_length() >> 3, "big")
    except _GIVE_UP:
        return None


def _record(number):
    tab = tabs[number >> 6]
    return tab, (number - base[number >> 6]) * 4


def _key(tab, k):
    return name(tab[k + 1] | (tab[k] & 0xC0) << 2)


def _target(tab, k):
    """(record, simple, bare: the value follows at once) of the slot at k."""
    flags = tab[k]
    return tab[k + 2] | (tab[k + 3] & 7) << 8, flags & (_SIMPLE | _PLAIN), flags & _PLAIN


def _reader(number, simple, bare):
    key = number, bool(simple), bool(bare)
    if key not in _readers:
        _readers[key] = _read_simple(number, bare) if simple else _read_complex(number)
    return _readers[key]


def _writer(number, simple, bare):
    key = number, bool(simple), bool(bare)
    if key not in _writers:
        _writers[key] = _write_simple(number, bare) if simple else _write_complex(number)
    return _writers[key]


# Values. An element's value has a 0 bit before (characters) and behind it (end of element); they
# are read and written together with it. `edge` is 1 then, and 0 for a bare value.


def _small_values(number):
    """(width, [values]) of a boolean, an enumeration or a small range of integers, or None."""
    tab, i = _record(number)
    kind, a, b = tab[i], tab[i + 1], tab[i + 2] | tab[i + 3] << 8
    if kind == _BOOL:
        return 1, [False, True]
    if kind == _ENUM:
        first, count = a | tab[i + 2] << 8, tab[i + 3]
        return width(count - 1), [name(first + k) for k in range(count)]
    if kind == _NBIT:
        low = a - 256 if a > 127 else a
        return width(b), range(low, low + b + 1)
    return None


def _read_simple(number, bare):
    tab, i = _record(number)
    kind, a, b = tab[i], tab[i + 1], tab[i + 2] | tab[i + 3] << 8
    edge = 0 if bare else 1
    if kind == _EMPTY:
        return _read_empty
    if kind == _REFUSED:
        raise _Trouble
    small = _small_values(number)
    if small:
        return _read_small(small[0], small[1], edge)
    if kind < _STRING:
        if kind == _INT:
            return _read_int(-1 << a if a < 255 else None, edge)
        low, high = (0, a | b << 8) if kind == _UINT else (tab[i + 2], (1 << a) - 1)
        return _read_uint(low, high, edge)
    return _read_text(a, b if b != 0xFFFF else 1 << 30, kind == _STRING, edge)


def _read_empty(bits, left):
    left -= 1
    if bits >> left & 1:
        raise _Trouble
    return {}, left


def _read_small(w, values, edge):
    total = w + 2 * edge
    mask = (1 << total) - 1
    count = len(values)
    if total <= _TABLE_BITS:
        table = [None] * (mask + 1)
        for k in range(count):
            table[k << edge] = values[k]

        def read(bits, left):
            left -= total
            value = table[bits >> left & mask]
            if value is None:
                raise _Trouble
            return value, left

        return read

    def read_wide(bits, left):
        left -= total
        k = bits >> left & mask
        if k & edge or k >> edge >= count:
            raise _Trouble
        return values[k >> edge], left

    return read_wide


def _octets(bits, left):
    """(unsigned integer, bits left): 7 bits an octet, the lowest first."""
    value = shift = 0
    while shift < 280:
        left -= 8
        octet = bits >> left & 0xFF
        if octet < 0x80:
            return value | octet << shift, left
        value |= (octet & 0x7F) << shift
        shift += 7
    raise _Trouble


def _read_uint(low, high, edge):
    def read(bits, left):
        if edge:
            v = bits >> left - 10 & 0x3FF
            if v < 0x100 and not v & 1 and low <= v >> 1 <= high:
                return v >> 1, left - 10
            left -= 1
            if v > 0x1FF:
                raise _Trouble
        v, left = _octets(bits, left)
        if edge:
            left -= 1
            if bits >> left & 1:
                raise _Trouble
        if v < low or v > high:
            raise _Trouble
        return v, left

    return read


def _read_int(low, edge):
    high = None if low is None else -low - 1

    def read(bits, left):
        left -= 1 + edge
        sign = bits >> left & 3
        if edge and sign > 1:
            raise _Trouble
        v, left = _octets(bits, left)
        if high is not None and v > high:
            raise _Trouble
        if edge:
            left -= 1
            if bits >> left & 1:
                raise _Trouble
        return (-v - 1 if sign & 1 else v), left

    return read


def _read_text(low, high, text, edge):
    """Strings and binaries of low..high characters or octets; length 0 is always taken."""

    def read(bits, left):
        if edge:
            left -= 1
            if bits >> left & 1:
                raise _Trouble
        n, left = _octets(bits, left)
        if text:
            n -= 2
        if n > high or n < low and n or 8 * n > left:
            raise _Trouble
        start = left
        left -= 8 * n
        value = (bits >> left & (1 << 8 * n) - 1).to_bytes(n, "big")
        if text:
            if value.isascii():
                value = value.decode()
            else:
                value, left = _characters(bits, start, n)
        if edge:
            left -= 1
            if bits >> left & 1:
                raise _Trouble
        return value, left

    return read


def _characters(bits, left, n):
    out = []
    for _ in range(n):
        c, left = _octets(bits, left)
        if 0xD800 <= c < 0xE000:
            raise _Trouble
        out.append(chr(c))
    return "".join(out), left


def _write_simple(number, bare):
    tab, i = _record(number)
    kind, a, b = tab[i], tab[i + 1], tab[i + 2] | tab[i + 3] << 8
    edge = 0 if bare else 1
    if kind == _EMPTY:
        return _write_empty
    if kind == _REFUSED:
        raise _Trouble
    small = _small_values(number)
    if small:
        return _write_small(small[0], small[1], edge, kind)
    if kind < _STRING:
        if kind == _UINT:
            low, high = 0, a | b << 8
        elif kind == _UINT_WIDE:
            low, high = tab[i + 2], (1 << a) - 1
        else:
            high = (1 << (a if a < 255 else 280)) - 1
            low = -high - 1
        return _write_integer(low, high, kind == _INT, edge)
    return _write_text(a, b if b != 0xFFFF else 1 << 30, kind == _STRING, edge)


def _write_empty(value, bits):
    if value != {} or type(value) is not dict:
        raise _Trouble
    return bits << 1


def _write_small(w, values, edge, kind):
    total = w + 2 * edge
    if kind == _BOOL:

        def write_bool(value, bits):
            if value is True:
                return bits << total | 1 << edge
            if value is False:
                return bits << total
            raise _Trouble

        return write_bool
    if kind == _ENUM:
        codes = {value: k << edge for k, value in enumerate(values)}
        return lambda value, bits: bits << total | codes[value]
    low, high = values[0], values[-1]

    def write(value, bits):
        if type(value) is not int or value < low or value > high:
            raise _Trouble
        return bits << total | (value - low) << edge

    return write


def _put_octets(v, bits):
    while v > 0x7F:
        bits = bits << 8 | v & 0x7F | 0x80
        v >>= 7
    return bits << 8 | v


def _write_integer(low, high, signed, edge):
    def write(value, bits):
        if type(value) is not int or value < low or value > high:
            raise _Trouble
        if signed:
            bits <<= 1 + edge
            if value < 0:
                bits |= 1
                value = -value - 1
        else:
            bits <<= edge
        return _put_octets(value, bits) << edge

    return write


def _write_text(low, high, text, edge):
    def write(value, bits):
        n = len(value)
        if n > high or n < low and n:
            raise _Trouble
        if text:
            bits = _put_octets(n + 2, bits << edge)
            if value.isascii():
                value = value.encode()
            else:
                for c in value:
                    c = ord(c)
                    if 0xD800 <= c < 0xE000:
                        raise _Trouble
                    bits = _put_octets(c, bits)
                return bits << edge
        elif isinstance(value, (bytes, bytearray, memoryview)):
            bits = _put_octets(n, bits << edge)
        else:
            raise _Trouble
        return (bits << 8 * n | int.from_bytes(value, "big")) << edge

    return write


# Types. A state is what may come next. Reading: (width, mask, [per code: (key, reader, next
# state, limit, state when full, state after the first)]); writing: see _write_states.


def _group(tab, first, k):
    """The first alternative of the choice that slot k belongs to."""
    while k > first and tab[k - 4] & _CHOICE:
        k -= 4
    return k


def _read_complex(number):
    start = None

    def read(bits, left):
        nonlocal start
        if start is None:
            start = _read_states(number)
        state = start
        out = {}
        while True:
            w, mask, acts = state
            left -= w
            key, reader, state, limit, full, once = acts[bits >> left & mask]
            if reader is None:
                return out, left
            v, left = reader(bits, left)
            if limit is None:
                out[key] = v
                continue
            items = out.get(key)
            if items is None:
                out[key] = [v]
                state = once
            else:
                items.append(v)
                if len(items) == limit:
                    state = full

    return read


def _read_states(number):
    """All states of a type -> the first one."""
    tab, first = _record(number)
    made = {}

    def state(i, more, mixed):
        key = i, more, mixed
        if key in made:
            return made[key]
        slots, end, n = productions(tab, i, more, mixed)
        w = width(n)
        acts = [None] * (1 << w)  # the escape and codes that are not there: no tuple, TypeError
        made[key] = found = (w, (1 << w) - 1, acts)
        for code in range(slots):
            k = i + 4 * code
            reader = _reader(*_target(tab, k))
            behind = after(tab, k), False, tab[k] >> 5 & 1
            bound = tab[k + 3] >> 3
            if not bound:
                acts[code] = _key(tab, k), reader, state(*behind), None, None, None
                continue
            again = _group(tab, i, k)
            acts[code] = (
                _key(tab, k),
                reader,
                state(again, True, mixed),
                MAX[bound],  # 0: none
                state(*behind),
                state(again, bound != 1, mixed),
            )
        if end:
            acts[slots] = None, None, None, None, None, None
        return found

    return state(first, False, 0)


def _write_complex(number):
    start = None

    def write(message, bits):
        nonlocal start
        if start is None:
            start = _write_states(number)
        if type(message) is not dict:
            raise _Trouble
        state = start
        get = message.get
        used = 0
        while True:
            slots, w, code = state
            for slot in slots:
                v = get(slot[0])
                if v is not None:
                    break
            else:
                if used != len(message):
                    raise _Trouble
                return bits << w | code  # TypeError: something is missing
            used += 1
            _, writer, w, code, state, limit, codes, full = slot
            if limit is None:
                bits = writer(v, bits << w | code)
                continue
            count = len(v)
            if type(v) is not list or not count or limit and count > limit:
                raise _Trouble
            bits = writer(v[0], bits << w | code)
            if count > 1:
                for k in range(1, count):
                    w, code = codes[k > 1]
                    bits = writer(v[k], bits << w | code)
            elif codes[0] == (w, code) and codes[0] != codes[1]:
                raise _Trouble  # at least two
            if count == limit:
                state = full

    return write


def _write_states(number):
    """All states of a type -> the first one.

    A state: ((slot...), width, code of the end or None). A slot: key, writer, width, code, next
    state, limit or None for no list, ((width, code) of the second, of a later item), full state.
    """
    tab, first = _record(number)
    made = {}

    def state(i, more, mixed, look):
        key = i, more, mixed, look
        if key in made:
            return made[key]
        slots, end, n = productions(tab, i, more, mixed)
        w = width(n)
        found = []
        for code in range(slots):
            k = i + 4 * code
            if k < look:
                continue
            writer = _writer(*_target(tab, k))
            behind = after(tab, k)
            full = state(behind, False, tab[k] >> 5 & 1, behind)
            bound = tab[k + 3] >> 3
            if not bound:
                found.append((_key(tab, k), writer, w, code, full, None, None, None))
                continue
            again = _group(tab, i, k)
            codes = []
            for more_ in (bound != 1, True):
                _, _, m = productions(tab, again, more_)
                codes.append((width(m), (k - again) >> 2))
            following = state(again, True, mixed, k + 4)
            found.append(
                (_key(tab, k), writer, w, code, following, MAX[bound], tuple(codes), full)
            )
        made[key] = tuple(found), w, slots if end else None
        return made[key]

    return state(first, False, 0, first)
