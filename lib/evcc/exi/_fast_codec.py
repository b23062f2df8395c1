# SPDX-License-Identifier: MIT
"""Viper kernels of the codec: the whole walk of a message in one function each way.

Same rules as `plain`, for the strict forms only: whatever is unusual (an error, full arrays in the
wide form, KeyInfo) ends the kernel without result and `plain` decides or names the error. Viper
ints are machine words: 32 bits are assumed, other machines refuse the import.

`st` is the tuple that `tables.kernel` makes: 0 page addresses, 1 names, 2 objects' stack, 3 ints'
stack, 4 scratch, 5 a RationalNumber, 6 empty dicts by size, 7 name(), 8 bytes_at, 9 bytearray_at,
10 str, 11 (False, True), 12 big(), 13 array of objects (any, True, False), 14 None, 15 index(),
16 the number 28, 17 type.
"""

import sys

import micropython
import uctypes  # noqa: F401  without it there is no bytes_at: no kernels

from evcc.compat import const

if sys.maxsize > 0x7FFFFFFF:
    raise ImportError("32-bit kernels")

_LAST = const(1)
_OPTIONAL = const(2)
_CHOICE = const(4)
_PLAIN = const(8)
_SIMPLE = const(16)
_SCRATCH = const(64)

# occurrence index -> max (u16), 0 unbounded; index 1 has min 2
_MAX = (
    b"\x01\x00\xff\x00\x00\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00\x08\x00\x0a\x00\x10\x00"
    b"\x14\x00\x18\x00\x20\x00\x80\x00\xff\x00\x00\x04\x00\x08"
)


@micropython.viper
def addresses(tabs, first, out: ptr32):
    """out[page] = address of the page's table minus 4 * its first record, for all 32 pages."""
    i = 0
    while i < 32:
        if tabs[i]:
            out[i] = int(ptr8(tabs[i])) - (int(first[i]) << 2)
        i += 1


@micropython.viper
def decode(data: ptr8, n: int, at: int, record: int, st) -> object:
    """The content of the complex type `record` from bit `at` of the n bytes -> dict or None.

    The bit behind it is left in the ints' stack, first word.
    """
    bases = ptr32(st[0])
    names = st[1]
    objs = st[2]
    ints = ptr32(st[3])
    ndict = st[6]
    maxes = ptr8(_MAX)
    exponent = names[0]
    value = names[1]
    na = at & 7
    at >>= 3
    acc = 0
    if na:
        if at >= n:
            return None
        acc = int(data[at])
        at += 1
        na = 8 - na
    depth = 0
    booleans = st[11]
    key = val = names  # any object: viper takes a variable's type from its first value
    out = lst = new = names
    nexti = 0
    i = 0
    k = 0
    f = 0
    count = 0
    more = 0
    mixed = 0
    enter = record
    while True:
        if enter >= 0:  # into a type: a dict with room for what is mandatory
            i = bases[enter >> 6] + (enter << 2)
            k = i
            c = 1
            while True:
                f = ptr8(k)[0]
                if not f & 6:
                    c += 1
                if f & _LAST:
                    break
                k += 4
            if c > 16:
                c = 16
            new = ndict[c - 1].copy()
            if depth:
                if count:
                    lst.append(new)
                else:
                    out[key] = new
                ints[depth + 1] = nexti
                ints[depth + 2] = more | mixed << 1 | count << 2
                objs[depth] = out
                objs[depth + 1] = lst
            out = new
            depth += 3
            enter = -1
            count = 0
            more = 0
            mixed = 0
        # the productions of the state in front of slot i
        end = 0
        if not i:
            c = 0
            end = 1
        else:
            f = ptr8(i)[0]
            if more | f & 6:
                c = 0
                k = i
                free = more
                while True:
                    f = ptr8(k)[0]
                    c += 1
                    if not f & _CHOICE:
                        if not (free | f & _OPTIONAL):
                            break
                        free = 0
                    if f & _LAST:
                        end = 1
                        break
                    k += 4
            else:
                c = 1
            mixed = f >> 5 & 1
        w = c + end + mixed
        if w == 1:
            pass
        elif w < 4:
            w = 2
        elif w < 8:
            w = 3
        elif w < 16:
            w = 4
        elif w < 32:
            w = 5
        else:
            w = 6
        if na < w:
            if at >= n:
                return None
            acc = acc << 8 | data[at]
            at += 1
            na += 8
        na -= w
        x = acc >> na & (1 << w) - 1
        if x >= c:
            if x != c or not end:
                return None
            depth -= 3
            if not depth:
                ints[0] = (at << 3) - na
                objs[3] = names
                return out
            i = ints[depth + 1]
            count = ints[depth + 2]
            more = count & 1
            mixed = count >> 1 & 1
            count >>= 2
            out = objs[depth]
            lst = objs[depth + 1]
            continue
        k = i + (x << 2)
        f = ptr8(k)[0]
        x = ptr8(k)[1] | (f & 0xC0) << 2
        key = names[x]
        if not key:
            key = st[7](x)
        x = ptr8(k)[3]
        record = ptr8(k)[2] | (x & 7) << 8
        bound = x >> 3
        # the state behind it
        if not bound:
            nexti = k
            while ptr8(nexti)[0] & _CHOICE:
                nexti += 4
            if ptr8(nexti)[0] & _LAST:
                nexti = 0
            else:
                nexti += 4
            more = 0
            count = 0
        else:
            if f & _CHOICE or k != i and ptr8(k - 4)[0] & _CHOICE:
                return None
            if k != i:
                count = 0
            nexti = k
        native = 0  # the value is x, not the object val
        if f & _SIMPLE:
            r = bases[record >> 6] + (record << 2)
            kind = ptr8(r)[0]
            a = ptr8(r)[1]
            b = ptr8(r)[2] | ptr8(r)[3] << 8
            w = 1
            if f & _PLAIN:
                w = 0
            if kind < 4:  # characters bit, value and end in one read
                if kind == 1:
                    w = w + w + 1
                elif kind == 0:
                    w = 1
                else:
                    if kind == 2:
                        x = ptr8(r)[3] - 1
                    else:
                        x = b
                    w += w
                    while x:
                        x >>= 1
                        w += 1
                while na < w:
                    if at >= n:
                        return None
                    acc = acc << 8 | data[at]
                    at += 1
                    na += 8
                na -= w
                x = acc >> na & (1 << w) - 1
                if not f & _PLAIN and kind:
                    if x >> w - 1 | x & 1:
                        return None
                    x >>= 1
                if kind == 3:
                    if x > b:
                        return None
                    if a > 127:
                        a -= 256
                    x += a
                    native = 1
                elif kind == 2:
                    if x >= ptr8(r)[3]:
                        return None
                    x += a | ptr8(r)[2] << 8
                    val = names[x]
                    if not val:
                        val = st[7](x)
                elif kind == 1:
                    val = booleans[x]
                else:
                    if x:
                        return None
                    val = ndict[0].copy()
            elif kind == 10:
                return None
            else:
                if w:
                    if not na:
                        if at >= n:
                            return None
                        acc = int(data[at])
                        at += 1
                        na = 8
                    na -= 1
                    if acc >> na & 1:  # the escape; an empty value if end of element follows
                        if kind < 7:
                            return None
                        while na < 3:
                            if at >= n:
                                return None
                            acc = acc << 8 | data[at]
                            at += 1
                            na += 8
                        na -= 3
                        if acc >> na & 7:
                            return None
                        kind += 16
                sign = 0
                if kind == 6:
                    if a == 255:
                        return None
                    if not na:
                        if at >= n:
                            return None
                        acc = int(data[at])
                        at += 1
                        na = 8
                    na -= 1
                    sign = acc >> na & 1
                # an unsigned number: 28 bits in lo, 28 in mid, the rest in top
                lo = 0
                mid = 0
                top = 0
                if kind < 16:
                    w = 0
                    while True:
                        if at >= n:
                            return None
                        acc = acc << 8 | data[at]
                        at += 1
                        x = acc >> na
                        if w < 28:
                            lo |= (x & 0x7F) << w
                        elif w < 56:
                            mid |= (x & 0x7F) << w - 28
                        elif w < 70:
                            top |= (x & 0x7F) << w - 56
                        else:
                            return None
                        if not x & 0x80:
                            break
                        w += 7
                if kind < 7:
                    if kind == 4:
                        if lo > (a | b << 8) or mid | top:
                            return None
                        x = lo
                        native = 1
                    else:
                        if a < 28:
                            if lo >> a or mid | top:
                                return None
                        elif a < 56:
                            if mid >> a - 28 or top:
                                return None
                        elif top >> a - 56:
                            return None
                        if kind == 5 and not mid | top and lo < (b & 255):
                            return None
                        if mid < 4 and not top:
                            x = lo | mid << 28
                            if sign:
                                x = -1 - x
                            native = 1
                        else:
                            val = st[12](lo, mid, top, sign)
                else:
                    if kind == 7:
                        lo -= 2
                    if lo < 0 or mid | top:
                        return None
                    if lo > n - at or kind < 16 and lo and (lo > b and b != 0xFFFF or lo < a):
                        return None
                    if lo > _SCRATCH:
                        x = lo
                        blob = bytearray(lo)
                    else:
                        x = _SCRATCH
                        blob = st[4]
                    to = int(ptr8(blob))
                    room = to + x
                    o = 0
                    if kind == 7:
                        while lo:
                            lo -= 1
                            if at >= n:
                                return None
                            acc = acc << 8 | data[at]
                            at += 1
                            x = acc >> na & 0xFF
                            if x < 0x80:
                                ptr8(to)[0] = x
                                to += 1
                                o += 1
                            else:
                                if at + 1 >= n or to + lo + 4 > room:
                                    return None
                                x &= 0x7F
                                acc = acc << 8 | data[at]
                                at += 1
                                w = acc >> na & 0xFF
                                x |= (w & 0x7F) << 7
                                if w & 0x80:
                                    acc = acc << 8 | data[at]
                                    at += 1
                                    w = acc >> na & 0xFF
                                    x |= w << 14
                                if x < 0x80 or x > 0x10FFFF or x >> 11 == 27 or w & 0x80:
                                    return None
                                if x < 0x800:
                                    ptr8(to)[0] = 0xC0 | x >> 6
                                    w = 1
                                else:
                                    if x < 0x10000:
                                        ptr8(to)[0] = 0xE0 | x >> 12
                                        w = 2
                                    else:
                                        ptr8(to)[0] = 0xF0 | x >> 18
                                        ptr8(to)[1] = 0x80 | x >> 12 & 0x3F
                                        w = 3
                                    ptr8(to)[w - 1] = 0x80 | x >> 6 & 0x3F
                                ptr8(to)[w] = 0x80 | x & 0x3F
                                w += 1
                                to += w
                                o += w
                        val = st[10](st[9](ptr8(blob), o), "utf-8")
                    else:
                        o = lo
                        while lo >= 4:
                            acc = acc << 8 | data[at]
                            ptr8(to)[0] = acc >> na
                            acc = acc << 8 | data[at + 1]
                            ptr8(to)[1] = acc >> na
                            acc = acc << 8 | data[at + 2]
                            ptr8(to)[2] = acc >> na
                            acc = acc << 8 | data[at + 3]
                            ptr8(to)[3] = acc >> na
                            at += 4
                            to += 4
                            lo -= 4
                        while lo:
                            acc = acc << 8 | data[at]
                            ptr8(to)[0] = acc >> na
                            at += 1
                            to += 1
                            lo -= 1
                        val = st[8](ptr8(blob), o)
                if not f & _PLAIN and kind < 16:  # end of element
                    if not na:
                        if at >= n:
                            return None
                        acc = int(data[at])
                        at += 1
                        na = 8
                    na -= 1
                    if acc >> na & 1:
                        return None
        elif record:
            enter = record
        else:  # RationalNumber: 00 exponent 000 sign, value, 00
            while na < 14:
                if at >= n:
                    return None
                acc = acc << 8 | data[at]
                at += 1
                na += 8
            na -= 14
            x = acc >> na
            if x & 0x300E:
                return None
            sign = x & 1
            b = (x >> 4 & 0xFF) - 128
            a = 0
            w = 0
            while True:
                if at >= n:
                    return None
                acc = acc << 8 | data[at]
                at += 1
                x = acc >> na
                a |= (x & 0x7F) << w
                if not x & 0x80:
                    break
                w += 7
                if w > 14:
                    return None
            if a > 0x7FFF:
                return None
            if sign:
                a = -1 - a
            if na < 2:
                if at >= n:
                    return None
                acc = acc << 8 | data[at]
                at += 1
                na += 8
            na -= 2
            if acc >> na & 3:
                return None
            val = st[5].copy()
            val[exponent] = b
            val[value] = a
        if bound:
            if enter >= 0:
                if not count:
                    lst = []
                    out[key] = lst
            else:
                if not count:
                    lst = []
                    out[key] = lst
                if native:
                    lst.append(x)
                else:
                    lst.append(val)
            count += 1
            x = maxes[bound + bound] | maxes[bound + bound + 1] << 8
            more = 1
            if count == x:
                nexti = k
                if f & _LAST:
                    nexti = 0
                else:
                    nexti += 4
                more = 0
            elif bound == 1 and count < 2:
                more = 0
        elif native:
            out[key] = x
        elif enter < 0:
            out[key] = val
        i = nexti


@micropython.viper
def encode(buf: ptr8, o: int, e: int, acc: int, na: int, record: int, msg, st) -> int:
    """The content of complex type `record` into buf from byte o, behind the na bits in acc.

    Returns the bit behind it, or -1 for what `plain` has to judge; e is the end of the buffer.
    """
    bases = ptr32(st[0])
    names = st[1]
    objs = st[2]
    ints = ptr32(st[3])
    raw = st[13]  # array of objects: the word of an object, as it is
    word = ptr32(raw)
    none = st[14]
    exponent = names[0]
    value = names[1]
    maxes = ptr8(_MAX)
    get = lst = key = val = hi = msg
    depth = 0
    enter = record
    i = 0
    k = 0
    look = 0
    more = 0
    mixed = 0
    used = 0
    at = 0
    left = 0
    slot = 0
    f = 0
    while True:
        if enter >= 0:
            i = bases[enter >> 6] + (enter << 2)
            look = i
            more = 0
            used = 0
            left = 0
            get = msg.get
            enter = -1
        # the productions of the state in front of slot i, and which of them comes
        c = 0
        end = 0
        hit = -1
        if i:
            free = more
            seen = 0
            k = i
            if left:
                hit = 0
                slot = i
                val = lst[at]
                at += 1
                left -= 1
            while True:
                f = ptr8(k)[0]
                if hit < 0:
                    if k == look:
                        seen = 1
                    if seen:
                        x = ptr8(k)[1] | (f & 0xC0) << 2
                        key = names[x]
                        if not key:
                            key = st[7](x)
                        val = get(key)
                        if val is not none:
                            hit = c
                            slot = k
                            used += 1
                            at = 0
                c += 1
                if not f & _CHOICE:
                    if not (free | f & _OPTIONAL):
                        break
                    free = 0
                if f & _LAST:
                    end = 1
                    break
                k += 4
            mixed = f >> 5 & 1
        else:
            end = 1
        w = c + end + mixed
        if w == 1:
            pass
        elif w < 4:
            w = 2
        elif w < 8:
            w = 3
        elif w < 16:
            w = 4
        elif w < 32:
            w = 5
        else:
            w = 6
        while na >= 8:
            if o >= e:
                return -1
            na -= 8
            buf[o] = acc >> na
            o += 1
        acc <<= w
        na += w
        if hit < 0:
            if not end or int(len(msg)) != used:
                return -1
            acc |= c
            if not depth:
                while na > 0:
                    if o >= e:
                        return -1
                    na -= 8
                    if na < 0:
                        buf[o] = acc << 0 - na
                    else:
                        buf[o] = acc >> na
                    o += 1
                return (o << 3) + na
            depth -= 5
            i = ints[depth]
            look = ints[depth + 1]
            more = ints[depth + 2]
            used = more >> 2
            mixed = more >> 1 & 1
            more &= 1
            at = ints[depth + 3]
            left = ints[depth + 4]
            get = objs[depth]
            lst = objs[depth + 1]
            msg = objs[depth + 2]
            continue
        acc |= hit
        f = ptr8(slot)[0]
        x = ptr8(slot)[3]
        record = ptr8(slot)[2] | (x & 7) << 8
        x >>= 3
        i = slot
        more = 0
        if x:
            c = maxes[x + x] | maxes[x + x + 1] << 8
            if not at:
                if f & _CHOICE or hit and ptr8(slot - 4)[0] & _CHOICE:
                    return -1
                lst = val
                left = int(len(lst))
                if not left or left > c and c or x == 1 and left < 2:
                    return -1
                val = lst[0]
                at = 1
                left -= 1
            if left:
                more = 1
                if x == 1 and at == 1:
                    more = 0
                x = 0
            elif at == c:
                x = 0
                more = -1
            else:
                more = 1
        else:
            more = -1
        if more < 0:  # the particle is done
            more = 0
            while ptr8(i)[0] & _CHOICE:
                i += 4
            if ptr8(i)[0] & _LAST:
                i = 0
            else:
                i += 4
            look = i
        elif x:  # more of a list were allowed
            look = slot + 4
        if f & _SIMPLE:
            r = bases[record >> 6] + (record << 2)
            kind = ptr8(r)[0]
            a = ptr8(r)[1]
            b = ptr8(r)[2] | ptr8(r)[3] << 8
            if not f & _PLAIN:
                acc <<= 1
                na += 1
            raw[0] = val
            x = word[0]
            if kind < 4:
                if kind == 3:
                    w = b
                    if a > 127:
                        a -= 256
                    if not x & 1:
                        return -1
                    x = (x >> 1) - a
                    if x < 0 or x > b:
                        return -1
                elif kind == 2:
                    w = ptr8(r)[3]
                    b = a | ptr8(r)[2] << 8
                    x = 0
                    while names[b + x] is not val:
                        x += 1
                        if x == w:
                            x = int(st[15](b, w, val))
                            break
                    w -= 1
                elif kind == 1:
                    if x == word[1]:
                        x = 1
                    elif x == word[2]:
                        x = 0
                    else:
                        return -1
                    w = 1
                else:
                    val.get
                    if int(len(val)):
                        return -1
                    x = 0
                    w = 0
                while w:
                    w >>= 1
                    acc <<= 1
                    na += 1
                acc |= x
                if kind:
                    acc <<= 1
                    na += 1
            else:
                lo = 0
                mid = 0
                top = 0
                data = 0
                if kind < 7:
                    if x & 1:
                        lo = x >> 1
                        if lo < 0:
                            if kind < 6:
                                return -1
                            lo = -1 - lo
                        if kind == 4:
                            if lo > (a | b << 8):
                                return -1
                        elif a < 31 and lo >> a or kind == 5 and lo < (b & 255):
                            return -1
                        mid = lo >> 28
                        lo &= 0xFFFFFFF
                    else:
                        if kind == 4 or a < 31 or a > 64 or x & 2:
                            return -1
                        lo = int(val) & 0xFFFFFFF
                        hi = val >> st[16]
                        mid = int(hi) & 0xFFFFFFF
                        raw[0] = hi >> st[16]
                        top = word[0]
                        if not top & 1 or top < 0:
                            return -1
                        top >>= 1
                        if a < 56:
                            if mid >> a - 28 or top:
                                return -1
                        elif top >> a - 56:
                            return -1
                        x = 0
                    if kind == 6:
                        acc = acc << 1 | x >> 31 & 1
                        na += 1
                elif kind == 10:
                    return -1
                else:
                    lo = int(len(val))
                    if lo and (lo > b and b != 0xFFFF or lo < a):
                        return -1
                    if st[17](val) is st[10]:
                        if kind != 7:
                            return -1
                    elif kind == 7:
                        return -1
                    data = int(ptr8(val))
                    a = lo
                    if kind == 7:
                        lo += 2
                while True:  # octets of the number, the least significant group first
                    w = 28
                    while w:
                        w -= 7
                        while na >= 8:
                            if o >= e:
                                return -1
                            na -= 8
                            buf[o] = acc >> na
                            o += 1
                        x = lo & 0x7F
                        lo >>= 7
                        na += 8
                        if not lo | mid | top:
                            w = -1
                            break
                        acc = acc << 8 | x | 0x80
                    if w < 0:
                        break
                    lo = mid
                    mid = top
                    top = 0
                acc = acc << 8 | x
                if kind > 6:
                    while na >= 8:
                        if o >= e:
                            return -1
                        na -= 8
                        buf[o] = acc >> na
                        o += 1
                    if a > e - o:
                        return -1
                    if kind == 7:
                        while a:
                            a -= 1
                            x = ptr8(data)[0]
                            data += 1
                            if x > 0x7F:
                                w = x
                                x &= 0x1F
                                if w >= 0xE0:
                                    x &= 0xF
                                    if w >= 0xF0:
                                        x = x << 6 | ptr8(data)[0] & 0x3F
                                        data += 1
                                    x = x << 6 | ptr8(data)[0] & 0x3F
                                    data += 1
                                x = x << 6 | ptr8(data)[0] & 0x3F
                                data += 1
                                if x >> 11 == 27 or e - o < 3:
                                    return -1
                                while x > 0x7F:
                                    acc = acc << 8 | x & 0x7F | 0x80
                                    x >>= 7
                                    buf[o] = acc >> na
                                    o += 1
                            if o >= e:
                                return -1
                            acc = acc << 8 | x
                            buf[o] = acc >> na
                            o += 1
                    else:
                        while a >= 4:
                            acc = acc << 8 | ptr8(data)[0]
                            buf[o] = acc >> na
                            acc = acc << 8 | ptr8(data)[1]
                            buf[o + 1] = acc >> na
                            acc = acc << 8 | ptr8(data)[2]
                            buf[o + 2] = acc >> na
                            acc = acc << 8 | ptr8(data)[3]
                            buf[o + 3] = acc >> na
                            data += 4
                            o += 4
                            a -= 4
                        while a:
                            acc = acc << 8 | ptr8(data)[0]
                            buf[o] = acc >> na
                            data += 1
                            o += 1
                            a -= 1
                if not f & _PLAIN:
                    acc <<= 1
                    na += 1
        elif record:
            objs[depth] = get
            objs[depth + 1] = lst
            objs[depth + 2] = msg
            ints[depth] = i
            ints[depth + 1] = look
            ints[depth + 2] = used << 2 | mixed << 1 | more
            ints[depth + 3] = at
            ints[depth + 4] = left
            depth += 5
            msg = val
            enter = record
        else:  # RationalNumber: 00 exponent 000 sign, value, 00
            if int(len(val)) != 2:
                return -1
            raw[0] = val[exponent]
            x = word[0]
            raw[0] = val[value]
            b = word[0]
            a = (x >> 1) + 128
            if not x & b & 1 or a >> 8:
                return -1
            lo = b >> 1
            x = 0
            if lo < 0:
                lo = -1 - lo
                x = 1
            if lo >> 15:
                return -1
            acc = acc << 14 | a << 4 | x
            na += 14
            while True:
                while na >= 8:
                    if o >= e:
                        return -1
                    na -= 8
                    buf[o] = acc >> na
                    o += 1
                x = lo & 0x7F
                lo >>= 7
                na += 8
                if not lo:
                    break
                acc = acc << 8 | x | 0x80
            acc = acc << 10 | x << 2
            na += 2
