# SPDX-License-Identifier: MIT
"""Encoder and decoder over the slot tables, in plain bytecode (EXI 1.0, bit-packed, not strict).

The productions of a state follow from the table: from slot i on, every slot up to and including
the first mandatory one has a code; end-of-element follows when none is. One code more is the
escape, which only an empty value may take. States in use are kept, up to `LIMIT` productions:

    state       [bits of the code, slot number * 2 + enough, production or None, ...]
    production  (key, op, a, b, next state, many)
    many        None or (max, min, state while more may come, code there)
"""

import gc

from evcc.compat import const
from evcc.exi.tables import EXIError, base, find, index, load, name, names, root, slot, tabs, width

_LAST = const(1)
_OPTIONAL = const(2)
_CHOICE = const(4)
_PLAIN = const(8)
_SIMPLE = const(16)

# ops: kinds 0..10 of a simple type, and
_TYPE = const(11)
_RATIONAL = const(12)
_END = const(13)
_DIRECT = const(16)  # added: no characters bit, no end behind the value

# occurrence index -> max; 0 unbounded; index 1 has min 2
_MAX = const((1, 255, 0, 2, 3, 4, 5, 6, 8, 10, 16, 20, 24, 32, 128, 255, 1024, 2048))

# States kept, with their productions about 80 bytes each: few where the heap is small, 8 kB at
# most. No limit on CPython, where `gc` cannot tell.
LIMIT = min(100, gc.mem_free() // 1400) if hasattr(gc, "mem_free") else 1 << 20
# By their key, one in a place: a dict would grow, and want a whole piece of a heap in pieces.
_states = [None] * (127 if LIMIT <= 100 else 8191)
_kept = 0


def state(number, more=0, mixed=0):
    """The state in front of slot `number`, -1: behind the last; more: the slot may be passed."""
    global _kept
    key = number << 1 | more
    if number < 0:
        key -= mixed << 1
    place = key % len(_states)
    found = _states[place]
    if found is None or found[1] != key:
        if _kept >= LIMIT:
            forget()
        _kept += 1
        found = _states[place] = [0, key]
        end = 1
        if number >= 0:
            while True:
                flags = slot(number)[0]
                found.append(None)
                mixed = flags >> 5 & 1
                if not flags & _CHOICE:
                    if not (more or flags & _OPTIONAL):
                        end = 0
                        break
                    more = 0
                if flags & _LAST:
                    break
                number += 1
        if end:
            found.append((None, _END, 0, 0, None, None))
        found[0] = width(len(found) - 2 + mixed)
    return found


def forget():
    """Drop the states kept."""
    global _kept
    for place in range(len(_states)):
        _states[place] = None
    _kept = 0


def production(at, code):
    """Production `code` of a state, made now."""
    number = (at[1] >> 1) + code
    flags, key, a, bound = slot(number)
    op = _TYPE if a else _RATIONAL
    b = 0
    if flags & _SIMPLE:
        tab = tabs[a >> 6]
        i = (a - base[a >> 6]) * 4
        op, a, x, b = tab[i : i + 4]
        if op == 2:
            a |= x << 8
            b -= 1
        else:
            b = x | b << 8
            if op < 2:
                b = op
            elif op == 3:
                a -= a >> 7 << 8
            elif op == 4:
                a, b = 0, a | b << 8
            elif op < 7:
                b = (1 << (a if a < 255 else 280)) - 1
                a = x if op == 5 else -1 - b
        if flags & _PLAIN:
            op += _DIRECT
    many = None
    if bound:
        first = number
        while first > base[first >> 6] and slot(first - 1)[0] & _CHOICE:
            first -= 1
        many = _MAX[bound], 2 if bound == 1 else 1, state(first, 1), number - first
    while slot(number)[0] & _CHOICE:
        number += 1
    after = state(-1, 0, flags >> 5 & 1) if slot(number)[0] & _LAST else state(number + 1)
    made = at[code + 2] = name(key), op, a, b, after, many
    return made


def _fail(e, stack, message, key, count):
    """Raises e with its path: the stack's keys, numbers of list items behind them, then `key`."""
    stack.append((message, None, key, count))
    path = e.path
    while stack:
        message, _, key, count = stack.pop()[:4]
        if key:
            if count and isinstance(message.get(key), list):
                key = "%s[%d]" % (key, count - 1)
            path = key if path is None else key + "." + path
    raise EXIError(e.why, path)


def read(data, at, now, full):
    """The content of a type whose first state is `now`, from bit `at` -> (dict, bit behind it).

    full: [n]: lists of at least n keep their code when full; it grows when one was full.
    """
    na = -at & 7
    at = (at + 7) >> 3
    stack = []
    out = {}
    key = None
    count = 0  # with this one, of the items of a list
    pend = 0  # bits to come that must be 0: ends of elements
    try:
        acc = data[at - 1]
        while True:
            w = now[0] + pend
            while na < w:
                acc = (acc & 0xFF) << 8 | data[at]
                at += 1
                na += 8
            na -= w
            w = acc >> na & (1 << w) - 1
            key = None
            key, op, a, b, now, many = now[w + 2] or production(now, w)
            pend = 0
            if op == _END:
                if not stack:
                    return out, at * 8 - na
                out, now, key, count = stack.pop()
                continue
            if many:
                count = len(out[key]) + 1 if key in out else 1
            if op == _TYPE:
                v = {}
            else:
                pend = 1
                if op >= _DIRECT:
                    op -= _DIRECT
                    pend = 0
                w = pend
                if op < 4:
                    x = b
                    while x:
                        x >>= 1
                        w += 1
                elif op == 6:
                    w += 1
                elif op == _RATIONAL:  # 00 exponent 000 sign, value, 00
                    w = 14
                    pend = 2
                while na < w:
                    acc = (acc & 0xFFFF) << 8 | data[at]
                    at += 1
                    na += 8
                na -= w
                x = acc >> na & (1 << w) - 1
                if op < 4:
                    if x > b:
                        raise EXIError("value %d of %d" % (x, b + 1))
                    if op == 3:
                        v = a + x
                    elif op == 2:
                        v = names[a + x] or name(a + x)
                    elif op:
                        v = x == 1
                    else:
                        v = {}
                        pend = 0
                else:
                    s = n = 0
                    if x and 6 < op < 10:  # the escape: empty, if end of element follows
                        if na < 3:
                            acc = (acc & 0xFF) << 8 | data[at]
                            at += 1
                            na += 8
                        na -= 3
                        x = acc >> na & 7
                        pend = 0
                        if op == 7:
                            n = 2
                    else:
                        while True:
                            acc = (acc & 0xFF) << 8 | data[at]
                            at += 1
                            w = acc >> na & 0xFF
                            n |= (w & 0x7F) << s
                            if w < 0x80:
                                break
                            s += 7
                            if s > 280:
                                raise EXIError("number without end")
                    if op == 10 or x & (0x300E if op == _RATIONAL else 2 if op == 6 else 7):
                        raise EXIError("no value")
                    if op < 7:
                        v = ~n if x else n
                        if v < a or v > b:
                            raise EXIError("%d is not in %d..%d" % (v, a, b))
                    elif op == _RATIONAL:
                        if n > 0x7FFF:
                            raise EXIError("%d is too much" % n)
                        v = {"Exponent": (x >> 4) - 128, "Value": ~n if x & 1 else n}
                    else:
                        if op == 7:
                            n -= 2
                        if not 0 <= n <= len(data) - at:
                            raise EXIError("length %d, more than is left" % n)
                        if n and (n < a or n > b and b != 0xFFFF):
                            raise EXIError("length %d is not in %d..%d" % (n, a, b))
                        v = bytearray(n)
                        s = 0
                        while s < n:
                            x = min(n - s, 128)
                            w = int.from_bytes(data[at - 1 : at + x], "big") >> na
                            v[s : s + x] = (w & (1 << 8 * x) - 1).to_bytes(x, "big")
                            s += x
                            at += x
                            acc = data[at - 1]
                        if op > 7:
                            v = bytes(v)
                        elif not n or max(v) < 0x80:
                            v = str(v, "utf-8")
                        else:
                            v, at = _characters(data, at * 8 - na - n * 8, n)
                            na = -at & 7
                            at = (at + 7) >> 3
                            acc = data[at - 1]
            if many:
                if count == 1:
                    out[key] = [v]
                else:
                    out[key].append(v)
                limit = many[0]
                if count >= limit > 0:
                    full.append(1)
                    if limit >= full[0]:
                        if count > limit:
                            raise EXIError("more than %d" % limit)
                        now = many[2]
                else:
                    now = many[2] if count >= many[1] else state(many[2][1] >> 1)
            else:
                out[key] = v
            if op == _TYPE:
                stack.append((out, now, key, count))
                out = v
                now = state(a)
                count = 0
    except LookupError:
        e = EXIError("cut short" if at >= len(data) else "code %d is none of the schema" % w)
    except EXIError as x:
        e = x
    _fail(e, stack, out, key, count)


def _characters(data, at, n):
    """n characters from bit `at`, some beyond ASCII -> (str, bit behind them)."""
    out = bytearray()
    for _ in range(n):
        c = s = 0
        while True:
            i = at >> 3
            w = (data[i] << 8 | (data[i + 1] if at & 7 else 0)) >> 8 - (at & 7) & 0xFF
            at += 8
            c |= (w & 0x7F) << s
            if w < 0x80:
                break
            s += 7
            if s > 14:
                c = -1
                break
        if not 0 <= c <= 0x10FFFF or 0xD800 <= c < 0xE000:
            raise EXIError("no character")
        out += chr(c).encode()
    return str(out, "utf-8"), at


def write(buf, o, acc, na, now, message):
    """The content of a type with first state `now` into buf from byte o, behind na bits in acc.

    Returns the bit behind it. IndexError when it does not fit.
    """
    stack = []
    key = items = many = None
    used = count = 0
    look = 2
    home = now[1] >> 1
    try:
        while True:
            w = now[0]
            if items is not None:
                v = items[count]
                code = many[3] + 2
                p = now[code] or production(now, code - 2)
            else:
                key = None
                count = 0
                for code in range(look, len(now)):
                    p = now[code] or production(now, code - 2)
                    if p[1] == _END:
                        break
                    v = message.get(p[0])
                    if v is not None and v != []:
                        used += 1
                        break
                else:
                    raise EXIError("missing", _missing(now))
                look = 2
            while na >= 8:
                na -= 8
                buf[o] = acc >> na & 0xFF
                o += 1
            acc = (acc & 0xFF) << w | code - 2
            na += w
            key, op, a, b, now, many = p
            if op == _END:
                if used != len(message):
                    _unused(message, home, used)
                if not stack:
                    while na > 0:
                        na -= 8
                        buf[o] = (acc >> na if na >= 0 else acc << -na) & 0xFF
                        o += 1
                    return o * 8 + na
                message, now, key, count, items, look, used, many, home = stack.pop()
                continue
            if many:
                if items is None:
                    items = v
                    if not isinstance(v, (list, tuple)):
                        raise EXIError("not a list")
                    n = len(v)
                    if n < many[1] or n > many[0] > 0:
                        raise EXIError("%d items" % n)
                    v = items[0]
                count += 1
                if count < len(items):
                    now = many[2] if count >= many[1] else state(many[2][1] >> 1)
                else:
                    items = None
                    if count != many[0]:
                        now = many[2]
                        look = many[3] + 3
            if op == _TYPE or op == _RATIONAL:
                if not isinstance(v, dict):
                    raise EXIError("%r is no dict" % (v,))
                stack.append((message, now, key, count, items, look, used, many, home))
                message, now, home = v, state(a), a
                items = None
                used = 0
                look = 2
                continue
            pend = 1  # bits 0 behind the value
            if op >= _DIRECT:
                op -= _DIRECT
                pend = 0
            octets = -1
            blob = None
            if op < 7:
                acc <<= pend
                na += pend
                if op == 2:
                    x = index(a, b + 1, v)
                elif op == 1:
                    if v is not True and v is not False:
                        raise EXIError("%r is no boolean" % (v,))
                    x = int(v)
                elif not op:
                    if not isinstance(v, dict):
                        raise EXIError("%r is no dict" % (v,))
                    for x in v:
                        if v[x] is not None and v[x] != []:
                            raise EXIError("not in the schema", str(x))
                    x = pend = 0
                else:
                    if not isinstance(v, int) or v is True or v is False:
                        raise EXIError("%r is no integer" % (v,))
                    x = a + b if op == 3 else b
                    if not a <= v <= x:
                        raise EXIError("%d is not in %d..%d" % (v, a, x))
                    x = v - a
                if op < 4:
                    while b:
                        b >>= 1
                        acc <<= 1
                        na += 1
                    acc |= x
                else:
                    if op == 6:
                        acc = acc << 1 | (v < 0)
                        na += 1
                    octets = ~v if v < 0 else v
            elif op == 10:
                raise EXIError("not supported")
            else:
                acc <<= pend
                na += pend
                if op == 7:
                    if not isinstance(v, str):
                        raise EXIError("%r is no string" % (v,))
                    try:
                        blob = v.encode()
                    except ValueError:
                        raise EXIError("no characters") from None
                elif isinstance(v, (bytes, bytearray, memoryview)):
                    blob = v
                else:
                    raise EXIError("%r is not bytes" % (v,))
                octets = len(v)
                if octets and (octets < a or octets > b and b != 0xFFFF):
                    raise EXIError("length %d is not in %d..%d" % (octets, a, b))
                if op == 7:
                    if octets != len(blob):
                        blob = _octets(v)
                    octets += 2
            if octets >= 0:
                while True:
                    while na >= 8:
                        na -= 8
                        buf[o] = acc >> na & 0xFF
                        o += 1
                    if octets < 0x80:
                        break
                    acc = (acc & 0xFF) << 8 | octets & 0x7F | 0x80
                    octets >>= 7
                    na += 8
                acc = (acc & 0xFF) << 8 | octets
                na += 8
            if blob:
                while na >= 8:
                    na -= 8
                    buf[o] = acc >> na & 0xFF
                    o += 1
                w = len(blob)
                x = 0
                while x < w:
                    n = min(w - x, 128)
                    if o + n > len(buf):
                        raise IndexError
                    c = (acc & (1 << na) - 1) << 8 * n | int.from_bytes(blob[x : x + n], "big")
                    buf[o : o + n] = (c >> na).to_bytes(n, "big")
                    o += n
                    x += n
                    acc = blob[x - 1]
            acc <<= pend
            na += pend
    except EXIError as x:
        e = x
    _fail(e, stack, message, key, count)


def _missing(now):
    """The names of which one had to come: the last particle of a state."""
    number = (now[1] >> 1) + len(now) - 3
    text = name(slot(number)[1])
    while number > base[number >> 6] and slot(number - 1)[0] & _CHOICE:
        number -= 1
        text = name(slot(number)[1]) + " or " + text
    return text


def _unused(message, number, used):
    """Raises for what is in a message and not in its type, or beside another choice."""
    known = []
    flags = 0
    while not flags & _LAST:
        flags, key, _, _ = slot(number)
        known.append(name(key))
        number += 1
    for key in message:
        if key not in known:
            raise EXIError("not in the schema", str(key))
        if message[key] is not None and message[key] != []:
            used -= 1
    if used:
        raise EXIError("more than one of a choice: " + ", ".join(message))


def _octets(v):
    """The code points of a string as EXI's unsigned integers."""
    out = bytearray()
    for c in v:
        c = ord(c)
        while c > 0x7F:
            out.append(c & 0x7F | 0x80)
            c >>= 7
        out.append(c)
    return out


DONE = (None, _END, 0, 0, None, None)  # the production behind a root's element


def _first(made):
    """The state in front of a root's element, with nothing else in it; kept in the root."""
    if made[5] is None:
        number = made[4]
        p = production([0, number << 1, None], 0)
        made[5] = [0, number << 1, p[:4] + ([0, 0, DONE], None)]
    return made[5]


def read_one(data, at, now):
    """(key, value, bit behind) of the element that state `now` begins with."""
    error = None
    for wide in (0xFFFF, 255, 16, 1):  # some encoders keep the code of a full list
        full = [wide]
        try:
            out, at = read(data, at, now, full)
            for key in out:
                return key, out[key], at
        except EXIError as e:
            error = error or e
            if len(full) == 1:
                break
    raise error


def decode(schema, data):
    """As `evcc.exi.decode`."""
    found = load(schema)
    if len(data) < 2 or data[0] != 0x80:
        raise EXIError("no EXI header 0x80")
    made = root(found, data[1] >> 8 - found[2])
    if made is None:
        raise EXIError("no message of " + schema)
    return read_one(data, 8 + found[2], _first(made))[:2]


def encode_into(schema, name, message, buf, offset=0):
    """As `evcc.exi.encode_into`."""
    made = find(schema, name)
    message = {name: message}
    try:
        at = write(buf, offset + 1, made[3], load(schema)[2], _first(made), message)
        buf[offset] = 0x80
    except IndexError:
        raise EXIError("does not fit %d bytes" % len(buf)) from None
    return at + 7 >> 3
