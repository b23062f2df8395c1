# SPDX-License-Identifier: MIT
"""Viper kernels of the codec: the whole walk of a message in one function each way.

Same rules as `plain`, for the usual forms only: whatever is not (an error, an escape, a full array
in the wide form, characters beyond ASCII, KeyInfo) ends the kernel without result, and `plain`
decides or names the error. Viper ints are machine words; 32 bits are assumed.

The first three variables live in registers, hence the arguments' order; acc and x come in with
anything. `st` is the list that `state` makes: 0 page addresses, 1 names, 2 stack of
objects, 3 of ints, 4 scratch, 5 a RationalNumber, 6 empty dicts by size, 7 name(), 8 bytes_at,
9 bytearray_at, 10 str, 11 (False, True), 12 big(), 13 array of objects (any, True, False),
14 None, 15 index(), 16 the number 28, 17 type.
"""

import struct
import sys
from array import array

import micropython
import uctypes

from evcc.compat import const

if sys.maxsize > 0x7FFFFFFF:
    raise ImportError("32-bit kernels")

_LAST = const(1)
_OPTIONAL = const(2)
_CHOICE = const(4)
_PLAIN = const(8)
_SIMPLE = const(16)

# occurrence index -> max (u16), 0 unbounded; index 1 has min 2
_MAX = (
    b"\x01\x00\xff\x00\x00\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00\x08\x00\x0a\x00\x10\x00"
    b"\x14\x00\x18\x00\x20\x00\x80\x00\xff\x00\x00\x04\x00\x08"
)


_bases = bytearray(128)


def addresses(tabs, base):
    """Where record 0 would lie if the table of a page began there, for every page."""
    for i in range(32):
        if tabs[i] is not None:
            at = uctypes.addressof(tabs[i]) - 4 * base[i] & 0xFFFFFFFF
            struct.pack_into("<I", _bases, 4 * i, at)


def _big(high, b, a, more, sign):
    n = (high << 28 | b) << 28 | a if more > 1 else high << 28 | b
    return -n - 1 if sign else n


def state(tabs, base, names, name, index):
    """What the kernels need and keep, see above."""
    dicts = [{}]
    for n in range(1, 17):
        room = {}.fromkeys(("a",) * n)  # n places, one taken
        del room["a"]
        dicts.append(room)
    addresses(tabs, base)
    ints = bytearray(256)
    ints[252] = 64  # the last word: size of the scratch buffer
    return [
        _bases,
        names,
        [None] * 60,
        ints,
        bytearray(64),
        {name(0): 0, name(1): 0},
        dicts,
        name,
        uctypes.bytes_at,
        uctypes.bytearray_at,
        str,
        (False, True),
        _big,
        array("O", (None, True, False)),
        None,
        index,
        28,
        type,
    ]


@micropython.viper
def decode(acc: int, at: int, x: int, data: ptr8, n: int, record: int, st) -> object:
    """The content of the complex type `record` from bit `at` (8 or more) of the n bytes -> dict.

    None for what `plain` has to judge. Leaves the bit behind it in the ints' stack, first word.
    """
    bases = ptr32(st[0])
    names = st[1]
    objs = st[2]
    ints = ptr32(st[3])
    dicts = st[6]
    booleans = st[11]
    maxes = ptr8(_MAX)
    key = val = out = lst = new = names  # viper takes a variable's type from its first value
    na = (0 - at) & 7
    at = (at + 7) >> 3
    if at > n:
        return None
    acc = int(data[at - 1])
    depth = 0
    i = 0
    k = 0
    f = 0
    nexti = 0
    count = 0  # of the items in lst, the list at slot i
    keep = 0
    more = 0  # enough of the particle at slot i
    mixed = 0
    pend = 0  # bits to come that must be 0: ends of elements
    enter = record
    while True:
        if enter >= 0:  # into a type: a dict with room for what is mandatory
            i = bases[enter >> 6] + (enter << 2)
            k = i
            x = 0
            while True:
                f = ptr8(k)[0]
                if not f & 6:
                    x += 1
                if f & _LAST:
                    break
                k += 4
            if x > 15:
                x = 15
            new = dicts[x].copy()
            if depth:
                if count:
                    lst.append(new)
                else:
                    out[key] = new
                ints[depth + 1] = nexti
                ints[depth + 2] = more | mixed << 1 | keep << 2
                objs[depth] = out
                objs[depth + 1] = lst
            out = new
            depth += 3
            enter = -1
            count = 0
            more = 0
            mixed = 0
        # the productions of the state in front of slot i
        c = 0
        end = 0
        if i:
            k = i
            while True:
                f = ptr8(k)[0]
                c += 1
                if not f & _CHOICE:
                    if not (more | f & _OPTIONAL):
                        break
                    more = 0
                if f & _LAST:
                    end = 1
                    break
                k += 4
            mixed = f >> 5 & 1
        else:
            end = 1
        x = c + end + mixed
        w = 1
        while x > 1:
            x >>= 1
            w += 1
        if na < w + pend:
            if at >= n:
                return None
            acc = acc << 8 | data[at]
            at += 1
            na += 8
        na -= w + pend
        x = acc >> na & (1 << w + pend) - 1
        pend = 0
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
        # slot k, and the state behind it
        k = i + (x << 2)
        f = ptr8(k)[0]
        x = ptr8(k)[1] | (f & 0xC0) << 2
        key = names[x]
        if not key:
            key = st[7](x)
        x = ptr8(k)[3]
        record = ptr8(k)[2] | (x & 7) << 8
        x >>= 3
        keep = 0
        more = 0
        if k != i:
            count = 0
        nexti = k
        if x:
            if f & _CHOICE or k != i and ptr8(k - 4)[0] & _CHOICE:
                return None
            if not count:
                lst = []
                out[key] = lst
            count += 1
            if count != (maxes[x + x] | maxes[x + x + 1] << 8):
                keep = count
                if x != 1 or count > 1:
                    more = 1
        if not keep:
            while ptr8(nexti)[0] & _CHOICE:
                nexti += 4
            if ptr8(nexti)[0] & _LAST:
                nexti = -4
            nexti += 4
        native = 1  # the value is x, not the object val
        if f & _SIMPLE:
            k = bases[record >> 6] + (record << 2)
            kind = ptr8(k)[0]
            a = ptr8(k)[1]
            b = ptr8(k)[2] | ptr8(k)[3] << 8
            if not f & _PLAIN:
                pend = 1
            w = pend
            if kind < 4:
                c = b
                if kind == 2:
                    c = ptr8(k)[3] - 1
                elif kind != 3:
                    c = kind
                    if not c:  # empty: end of element is all
                        pend = 0
                x = c
                while x:
                    x >>= 1
                    w += 1
            elif kind == 6:
                w += 1
                if a > 63:
                    return None
            while na < w:
                if at >= n:
                    return None
                acc = acc << 8 | data[at]
                at += 1
                na += 8
            na -= w
            x = acc >> na & (1 << w) - 1
            if kind < 4:
                if x > c:
                    return None
                if kind == 3:
                    if a > 127:
                        a -= 256
                    x += a
                else:
                    native = 0
                    if kind == 2:
                        x += a | ptr8(k)[2] << 8
                        val = names[x]
                        if not val:
                            val = st[7](x)
                    elif kind:
                        val = booleans[x]
                    else:
                        val = dicts[0].copy()
            else:
                sign = 0
                if kind == 6:
                    sign = x & 1
                    x >>= 1
                if x or kind == 10:
                    return None
                # an unsigned number: 28 bits at a time in lo, what came before in mid and top
                lo = 0
                mid = 0
                top = 0
                c = 0
                w = 0
                while True:
                    if at >= n:
                        return None
                    acc = acc << 8 | data[at]
                    at += 1
                    x = acc >> na
                    if w == 28:
                        if c == 2:
                            return None
                        c += 1
                        top = mid
                        mid = lo
                        lo = 0
                        w = 0
                    lo |= (x & 0x7F) << w
                    if not x & 0x80:
                        break
                    w += 7
                if kind < 7:
                    if kind == 4:
                        if c or lo > (a | b << 8):
                            return None
                    else:
                        a -= 28 * c
                        if a < 0 or a < 28 and lo >> a or kind == 5 and not c and lo < (b & 255):
                            return None
                    x = lo
                    if c == 1 and lo < 4:
                        x = lo << 28 | mid
                        c = 0
                    if c:
                        native = 0
                        val = st[12](lo, mid, top, c, sign)
                    elif sign:
                        x = -1 - x
                else:
                    if kind == 7:
                        lo -= 2
                    if c or lo < 0 or lo > n - at or lo > b and b != 0xFFFF or lo < a and lo:
                        return None
                    native = 0
                    val = st[4]
                    if lo > ints[63]:  # it stays as long as the longest so far
                        val = bytearray(lo)
                        st[4] = val
                        ints[63] = lo
                    x = int(ptr8(val))
                    c = x + (lo & -4)
                    at += int(data)
                    while x != c:
                        acc = acc << 8 | ptr8(at)[0]
                        ptr8(x)[0] = acc >> na
                        acc = acc << 8 | ptr8(at)[1]
                        ptr8(x)[1] = acc >> na
                        acc = acc << 8 | ptr8(at)[2]
                        ptr8(x)[2] = acc >> na
                        acc = acc << 8 | ptr8(at)[3]
                        ptr8(x)[3] = acc >> na
                        at += 4
                        x += 4
                    c += lo & 3
                    while x != c:
                        acc = acc << 8 | ptr8(at)[0]
                        ptr8(x)[0] = acc >> na
                        at += 1
                        x += 1
                    at -= int(data)
                    if kind == 7:
                        w = 0
                        c -= lo
                        while c + 4 <= x:
                            w |= ptr32(c)[0]  # where the buffer begins: aligned
                            c += 4
                        while c != x:
                            w |= ptr8(c)[0]
                            c += 1
                        if (w | w >> 16) & 0x8080:
                            return None
                        val = st[10](st[9](x - lo, lo), "utf-8")
                    else:
                        val = st[8](x - lo, lo)
        elif record:
            enter = record
            continue
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
            pend = 2
            native = 0
            val = st[5].copy()
            val[names[0]] = b
            val[names[1]] = a
        if count:
            if native:
                lst.append(x)
            else:
                lst.append(val)
        elif native:
            out[key] = x
        else:
            out[key] = val
        count = keep
        i = nexti


@micropython.viper
def encode(acc: int, o: int, x: int, buf: ptr8, e: int, na: int, record: int, msg, st) -> int:
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
    maxes = ptr8(_MAX)
    get = lst = key = val = hi = msg
    depth = 0
    enter = record
    i = 0
    k = 0
    look = 0  # the first slot whose name may be in msg
    more = 0
    mixed = 0
    used = 0
    at = 0  # of lst, the next item
    left = 0  # items to come
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
                    if not (more | f & _OPTIONAL):
                        break
                    more = 0
                if f & _LAST:
                    end = 1
                    break
                k += 4
            mixed = f >> 5 & 1
        else:
            end = 1
        while na >= 8:
            if o >= e:
                return -1
            na -= 8
            buf[o] = acc >> na
            o += 1
        x = c + end + mixed
        while x:
            x >>= 1
            acc <<= 1
            na += 1
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
                        acc <<= 0 - na
                        buf[o] = acc
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
            look = slot + 4
            if at == c:
                x = 0
            elif x != 1 or at > 1:
                more = 1
        if not x:  # the particle is done
            while ptr8(i)[0] & _CHOICE:
                i += 4
            if ptr8(i)[0] & _LAST:
                i = -4
            i += 4
            look = i
        lo = -1  # a number for octets
        mid = 0
        top = 0
        a = 0  # bytes to copy
        pend = 1  # 0 bits behind the value
        k = 0
        if f & _SIMPLE:
            r = bases[record >> 6] + (record << 2)
            k = ptr8(r)[0]
            a = ptr8(r)[1]
            b = ptr8(r)[2] | ptr8(r)[3] << 8
            if f & _PLAIN:
                pend = 0
            acc <<= pend
            na += pend
            raw[0] = val
            x = word[0]
            if k < 4:
                if k == 3:
                    w = b
                    if a > 127:
                        a -= 256
                    if not x & 1:
                        return -1
                    x = (x >> 1) - a
                    if x < 0 or x > b:
                        return -1
                elif k == 2:
                    w = ptr8(r)[3]
                    b = a | ptr8(r)[2] << 8
                    x = 0
                    while names[b + x] is not val:
                        x += 1
                        if x == w:
                            x = int(st[15](b, w, val))
                            break
                    w -= 1
                elif k:
                    w = 1
                    if x == word[1]:
                        x = 1
                    elif x == word[2]:
                        x = 0
                    else:
                        return -1
                else:
                    hi = val.get  # a dict, or no kernel
                    if int(len(val)):
                        return -1
                    x = 0
                    w = 0
                    pend = 0
                while w:
                    w >>= 1
                    acc <<= 1
                    na += 1
                acc |= x
                acc <<= pend
                na += pend
                continue
            if k < 7:
                if x & 1:
                    lo = x >> 1
                    if lo < 0:
                        lo = -1 - lo
                        if k < 6:
                            return -1
                    if k == 4:
                        if lo > (a | b << 8):
                            return -1
                    elif a < 31 and lo >> a or k == 5 and lo < (b & 255):
                        return -1
                    mid = lo >> 28
                    lo &= 0xFFFFFFF
                else:
                    if k == 4 or a < 31 or a > 64 or x & 2:
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
                if k == 6:
                    acc = acc << 1 | x >> 31 & 1
                    na += 1
            elif k == 10:
                return -1
            else:
                lo = int(len(val))
                if lo and (lo > b and b != 0xFFFF or lo < a):
                    return -1
                a = lo
                r = int(ptr8(val))
                if st[17](val) is st[10]:
                    if k != 7:
                        return -1
                    lo += 2
                    x = 0
                    w = r + a
                    while w != r:
                        w -= 1
                        x |= ptr8(w)[0]
                    if x > 0x7F:
                        return -1
                elif k == 7:
                    return -1
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
            continue
        else:  # RationalNumber: 00 exponent 000 sign, value, 00
            if int(len(val)) != 2:
                return -1
            raw[0] = val[names[0]]
            x = word[0]
            raw[0] = val[names[1]]
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
            pend = 2
        w = 0
        x = 0x80
        while True:  # octets of the number, the least significant group first
            while na >= 8:
                if o >= e:
                    return -1
                na -= 8
                buf[o] = acc >> na
                o += 1
            if not x & 0x80:
                break
            if w == 28:
                lo = mid
                mid = top
                top = 0
                w = 0
            x = lo & 0x7F
            lo >>= 7
            w += 7
            if lo | mid | top:
                x |= 0x80
            acc = acc << 8 | x
            na += 8
        if k > 6:
            if a > e - o:
                return -1
            o += int(buf)
            while a >= 4:
                acc = acc << 8 | ptr8(r)[0]
                ptr8(o)[0] = acc >> na
                acc = acc << 8 | ptr8(r)[1]
                ptr8(o)[1] = acc >> na
                acc = acc << 8 | ptr8(r)[2]
                ptr8(o)[2] = acc >> na
                acc = acc << 8 | ptr8(r)[3]
                ptr8(o)[3] = acc >> na
                r += 4
                o += 4
                a -= 4
            while a:
                acc = acc << 8 | ptr8(r)[0]
                ptr8(o)[0] = acc >> na
                r += 1
                o += 1
                a -= 1
            o -= int(buf)
        acc <<= pend
        na += pend
