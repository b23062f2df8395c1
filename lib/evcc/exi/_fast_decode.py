# SPDX-License-Identifier: MIT
"""The kernel that decodes; see _fast_codec.py."""

import micropython

from evcc.compat import const

_LAST = const(1)
_OPTIONAL = const(2)
_CHOICE = const(4)
_PLAIN = const(8)
_SIMPLE = const(16)
_RATIONAL = const(12)  # a kind beside those of simple types
_ROOM = const(63)  # of the ints: size of the scratch buffer
_MAXES = const(64)


@micropython.viper
def decode(acc: int, at: int, x: int, data: ptr8, n: int, record: int, st) -> object:
    """The content of the complex type `record` from bit `at` (8 or more) of the n bytes -> dict.

    None for what `plain` has to judge. Leaves the bit behind it in the ints' stack, first word.
    """
    bases = ptr32(st[0])
    names = st[1]
    objs = st[2]
    ints = ptr32(st[3])
    empty = st[6]
    none = st[14]
    rational = st[5]
    exponent = names[0]
    value = names[1]
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
            new = empty[x]()
            if depth:
                if count:
                    lst.append(new)
                else:
                    out[key] = new
                ints[depth + 1] = nexti
                ints[depth + 2] = more | mixed << 1 | keep << 2
                objs[depth] = out
                if keep:
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
            if count:
                lst = objs[depth + 1]
            continue
        # slot k, and the state behind it
        k = i + (x << 2)
        f = ptr8(k)[0]
        x = ptr8(k)[1] | (f & 0xC0) << 2
        key = names[x]
        if key is none:
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
            if count != ints[x + _MAXES]:
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
        elif record:
            enter = record
            continue
        else:  # RationalNumber: 00 exponent 000 sign, value, 00
            kind = _RATIONAL
            w = 14
            pend = 2
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
                    if val is none:
                        val = st[7](x)
                elif kind:
                    val = st[11][x]
                else:
                    val = empty[0]()
        else:
            sign = x & 1
            if kind == _RATIONAL:
                native = 0
                val = rational()
                val[exponent] = (x >> 4) - 128
                x &= 0x300E
            elif kind == 6:
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
            elif kind == _RATIONAL:
                if c or lo >> 15:
                    return None
                if sign:
                    lo = -1 - lo
                val[value] = lo
            else:
                if kind == 7:
                    lo -= 2
                if c or lo < 0 or lo > n - at or lo > b and b != 0xFFFF or lo < a and lo:
                    return None
                native = 0
                val = st[4]
                if lo > ints[_ROOM]:  # it stays as long as the longest so far
                    val = bytearray(lo)
                    st[4] = val
                    ints[_ROOM] = lo
                x = int(ptr8(val))
                c = x + lo
                while x != c:
                    acc = acc << 8 | data[at]
                    ptr8(x)[0] = acc >> na
                    at += 1
                    x += 1
                x -= lo
                if kind == 7:
                    w = 0
                    while c != x:
                        c -= 1
                        w |= ptr8(c)[0]
                    if w & 0x80:
                        return None
                    val = st[10](st[9](x, lo), "utf-8")
                else:
                    val = st[8](x, lo)
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
