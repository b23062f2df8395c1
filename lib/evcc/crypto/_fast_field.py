# SPDX-License-Identifier: MIT
"""Arithmetic modulo a prime in Thumb-2 assembly: Montgomery multiplication, for programs of it.

For Cortex-M4, M7, M33 and larger (with UMAAL); others take the plain path. Every operation takes
the same time for all values. Not here: what the programs mean, see mont.py.
"""

import sys

import micropython

if not 6 <= getattr(sys.implementation, "_mpy", 0) >> 10 & 15 <= 8:
    raise ImportError("no ARMv7E-M")


# Memory, words: n, -1/p mod 2^32, bytes of a register, (two for us), (n - 1)/2, two unused; then
# registers of n words, n odd: 0 holds p, 1 a multiple of p, 2 is ours.
# Program, bytes: operation, to, left, right; an operation 0 ends it.
#   1  to = left * right / 2^(32 n) mod p    2  to = left + right    3  to = left - right + reg. 1
# Results are < 2 p and unreduced sums; left * right < p * 2^(32 n) is the caller's duty.
@micropython.asm_thumb
def execute(r0, r1):
    push({r8, r9, r10, r11, r12})
    mov(r12, r1)
    mov(r14, r0)
    label(NEXT)
    mov(r0, r14)
    ldrb(r1, [r0, 0])
    cmp(r1, 0)
    bne(DO)
    b(END)
    label(DO)
    mov(r4, r12)
    ldr(r3, [r4, 8])
    mov(r2, r12)
    add(r2, 32)
    ldrb(r5, [r0, 1])
    data(2, 0xFB05, 0x2503)  # mla r5, r5, r3, r2: address of to
    ldrb(r6, [r0, 2])
    data(2, 0xFB06, 0x2603)  # mla r6, r6, r3, r2: left
    ldrb(r7, [r0, 3])
    data(2, 0xFB07, 0x2703)  # mla r7, r7, r3, r2: right
    add(r0, 4)
    mov(r14, r0)
    cmp(r1, 2)
    beq(ADD)
    bgt(SUB)

    # Multiplication row by row: one word of `right` times `left`, plus a multiple of p that
    # clears the lowest word, both in one pass.
    str(r5, [r4, 12])
    str(r6, [r4, 16])
    mov(r10, r7)
    add(r0, r2, r3)
    add(r0, r0, r3)
    ldr(r7, [r4, 0])
    mov(r11, r7)
    mov(r1, 0)
    label(CLEAR)
    str(r1, [r0, 0])
    add(r0, 4)
    sub(r7, 1)
    bne(CLEAR)
    label(ROW)
    mov(r4, r12)
    ldr(r1, [r4, 16])
    ldr(r3, [r4, 8])
    ldr(r5, [r4, 20])
    mov(r9, r5)
    mov(r2, r12)
    add(r2, 32)
    add(r0, r2, r3)
    add(r0, r0, r3)
    data(2, 0xF85A, 0x3B04)  # ldr r3, [r10], #4
    ldr(r7, [r0, 0])
    mov(r5, 0)
    mov(r6, 0)
    data(2, 0xF851, 0x8B04)  # ldr r8, [r1], #4
    data(2, 0xFBE3, 0x7568)  # umaal r7, r5, r3, r8
    ldr(r4, [r4, 4])
    mul(r4, r7)
    data(2, 0xF852, 0x8B04)  # ldr r8, [r2], #4
    data(2, 0xFBE4, 0x7668)  # umaal r7, r6, r4, r8
    label(TWO)
    ldr(r7, [r0, 4])
    data(2, 0xF851, 0x8B04)  # ldr r8, [r1], #4
    data(2, 0xFBE3, 0x7568)  # umaal r7, r5, r3, r8
    data(2, 0xF852, 0x8B04)  # ldr r8, [r2], #4
    data(2, 0xFBE4, 0x7668)  # umaal r7, r6, r4, r8
    data(2, 0xF840, 0x7B04)  # str r7, [r0], #4
    ldr(r7, [r0, 4])
    data(2, 0xF851, 0x8B04)  # ldr r8, [r1], #4
    data(2, 0xFBE3, 0x7568)  # umaal r7, r5, r3, r8
    data(2, 0xF852, 0x8B04)  # ldr r8, [r2], #4
    data(2, 0xFBE4, 0x7668)  # umaal r7, r6, r4, r8
    data(2, 0xF840, 0x7B04)  # str r7, [r0], #4
    data(2, 0xF1B9, 0x0901)  # subs r9, r9, #1
    bne(TWO)
    add(r5, r5, r6)
    str(r5, [r0, 0])
    data(2, 0xF1BB, 0x0B01)  # subs r11, r11, #1
    bne(ROW)
    mov(r4, r12)
    ldr(r5, [r4, 12])
    ldr(r3, [r4, 8])
    add(r4, 32)
    add(r0, r4, r3)
    add(r0, r0, r3)
    label(COPY)
    data(2, 0xF850, 0x1B04)  # ldr r1, [r0], #4
    data(2, 0xF845, 0x1B04)  # str r1, [r5], #4
    sub(r3, 4)
    bne(COPY)
    b(NEXT)

    label(ADD)  # left * 1 + right + carry
    mov(r1, 1)
    mov(r2, 0)
    label(MORE)
    data(2, 0xF856, 0x4B04)  # ldr r4, [r6], #4
    data(2, 0xF857, 0x0B04)  # ldr r0, [r7], #4
    data(2, 0xFBE4, 0x0261)  # umaal r0, r2, r4, r1
    data(2, 0xF845, 0x0B04)  # str r0, [r5], #4
    sub(r3, 4)
    bne(MORE)
    b(NEXT)

    label(SUB)  # left * 1 + register 1 + carry, and to it ~right * 1 + carry
    add(r0, r2, r3)
    mov(r8, r0)
    mov(r1, 1)
    mov(r2, 0)
    mov(r9, r1)
    label(LESS)
    data(2, 0xF856, 0x4B04)  # ldr r4, [r6], #4
    data(2, 0xF858, 0x0B04)  # ldr r0, [r8], #4
    data(2, 0xFBE4, 0x0261)  # umaal r0, r2, r4, r1
    data(2, 0xF857, 0x4B04)  # ldr r4, [r7], #4
    mvn(r4, r4)
    data(2, 0xFBE4, 0x0961)  # umaal r0, r9, r4, r1
    data(2, 0xF845, 0x0B04)  # str r0, [r5], #4
    sub(r3, 4)
    bne(LESS)
    b(NEXT)

    label(END)
    pop({r8, r9, r10, r11, r12})
