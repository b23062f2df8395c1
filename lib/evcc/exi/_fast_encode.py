# SPDX-License-Identifier: MIT
"""The kernel that encodes; see _fast_codec.py."""

import micropython

from evcc.compat import const

_LAST = const(1)
_OPTIONAL = const(2)
_CHOICE = const(4)
_PLAIN = const(8)
_SIMPLE = const(16)
_MAXES = const(64)  # of the ints


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
                        if key is none:
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
                x = (0 - na) & 7  # the last byte ends in bits 0
                acc <<= x
                na += x
                while na:
                    if o >= e:
                        return -1
                    na -= 8
                    buf[o] = acc >> na
                    o += 1
                return (o << 3) - x
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
            if left:
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
            c = ints[x + _MAXES]
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
            if left:
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
            x = r + a
            while r != x:
                acc = acc << 8 | ptr8(r)[0]
                buf[o] = acc >> na
                o += 1
                r += 1
        acc <<= pend
        na += pend
