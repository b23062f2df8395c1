# SPDX-License-Identifier: MIT
"""Inline assembly in a .mpy as viper code, for firmware that loads viper but no `asm_thumb`.

The unix port for ARM is such a one; a board with both runs either. The machine code gets an entry
in viper's calling convention that fetches the two buffers' addresses. Only functions of two
buffers without a result; formats: py/persistentcode.c and py/objfun.c of MicroPython 1.25.
"""

_ENTRY = (  # of viper: r3 points to the arguments; of a bytes or bytearray the data is at 12
    b"\x10\xb5"  # push {r4, lr}
    b"\x59\x68\x18\x68"  # ldr r1, [r3, #4]; ldr r0, [r3]
    b"\xc9\x68\xc0\x68"  # ldr r1, [r1, #12]; ldr r0, [r0, #12]
    b"\x00\xf0\x03\xf8"  # bl code
    b"\x01\x20\x10\xbd"  # movs r0, #1 (the integer 0); pop {r4, pc}
    b"\x00\xbf"
)
_VIPER, _ASM = 2, 3  # kinds, less that of bytecode


def _read(data, at):
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at


def _number(value):
    out = bytes((value & 127,))
    while value := value >> 7:
        out = bytes((value & 127 | 128,)) + out
    return out


def _code(data, at):
    """One piece of code with its children from `at` on: (as it shall be, where it ends)."""
    head, start = _read(data, at)
    size, kind, children = head >> 3, head & 3, head & 4
    at = start + size
    code = data[start:at]
    if kind == _ASM:
        flags, at = _read(data, at)
        count, at = _read(data, at)
        _, at = _read(data, at)  # kind of result
        if flags or children or count != 2:
            raise ValueError("inline assembly of another form than two buffers")
        code = _ENTRY + code
        return _number(len(code) << 3 | _VIPER) + code + b"\0", at
    if kind:
        raise ValueError("viper or native code beside inline assembly")
    out = _number(head) + code
    if children:
        count, at = _read(data, at)
        out += _number(count)
        for _ in range(count):
            child, at = _code(data, at)
            out += child
    return out, at


def callable_mpy(data):
    """The .mpy `data` with its inline assembly as viper code."""
    strings, at = _read(data, 4)
    objects, at = _read(data, at)
    for _ in range(strings):
        size, at = _read(data, at)
        at += 0 if size & 1 else (size >> 1) + 1
    for _ in range(objects):
        if data[at] != 5:
            raise ValueError("a constant that is no text beside inline assembly")
        size, at = _read(data, at + 1)
        at += size + 1
    out, end = _code(data, at)
    if end != len(data):
        raise ValueError("not understood: %d bytes of %d" % (end, len(data)))
    return data[:at] + out
